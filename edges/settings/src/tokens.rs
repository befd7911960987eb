use std::time::Duration;

use domain::RoleName;

use crate::mistake::{Wrong, quoted};
use crate::reader::{Reader, Refused};
use crate::registration::parse_role;
use crate::{NonEmpty, duration};

/// What tokens say and how long they are valid.
#[derive(Clone, Debug)]
pub struct TokenSettings {
    /// How long an access token is valid: 1 minute to 24 hours.
    pub access_ttl: Duration,
    /// How long a refresh token is valid, anew with each use: longer than `access_ttl`.
    pub refresh_ttl: Duration,
    /// How long a session lives at most: no shorter than `refresh_ttl`.
    pub session_ttl_max: Duration,
    /// How long the refresh token just replaced is answered with the same next one: at most 60 s.
    pub refresh_leeway: Duration,
    /// The `aud` claim.
    pub audience: NonEmpty<String>,
    /// The order in which the `role` claim is chosen; perhaps empty.
    pub role_order: Vec<RoleName>,
}

const ACCESS_TTL_MIN: Duration = Duration::from_mins(1);
const ACCESS_TTL_MAX: Duration = Duration::from_hours(24);
const LEEWAY_MAX: Duration = Duration::from_mins(1);
const AUDIENCE_BYTES_MAX: usize = 256;

/// As long as a duration can be: ten years.
const TTL_MAX: Duration = Duration::from_hours(3650 * 24);

/// Reads `tokens.access_ttl`, on which other sections depend.
pub(crate) fn read_access_ttl(reader: &mut Reader) -> Result<Duration, Refused> {
    reader.duration("tokens.access_ttl", ACCESS_TTL_MIN..=ACCESS_TTL_MAX)
}

pub(crate) fn read(
    reader: &mut Reader,
    access_ttl: Result<Duration, Refused>,
) -> Result<TokenSettings, Refused> {
    let refresh_ttl = reader.duration("tokens.refresh_ttl", ACCESS_TTL_MIN..=TTL_MAX);
    let session_ttl_max = reader.duration("tokens.session_ttl_max", ACCESS_TTL_MIN..=TTL_MAX);
    let refresh_leeway = reader.duration("tokens.refresh_leeway", Duration::ZERO..=LEEWAY_MAX);
    let audience = read_audience(reader);
    let role_order = reader.list("tokens.role_order", parse_role);

    if let (Ok(access), Ok(refresh)) = (access_ttl, refresh_ttl)
        && refresh <= access
    {
        let problem =
            format!("{} is not longer than tokens.access_ttl", duration::display(refresh));
        let right = format!("write more than {}", duration::display(access));
        reader.refuse("tokens.refresh_ttl", Wrong::new(problem, right));
    }
    if let (Ok(refresh), Ok(session)) = (refresh_ttl, session_ttl_max)
        && session < refresh
    {
        let problem = format!("{} is shorter than tokens.refresh_ttl", duration::display(session));
        let right = format!("write at least {}", duration::display(refresh));
        reader.refuse("tokens.session_ttl_max", Wrong::new(problem, right));
    }
    Ok(TokenSettings {
        access_ttl: access_ttl?,
        refresh_ttl: refresh_ttl?,
        session_ttl_max: session_ttl_max?,
        refresh_leeway: refresh_leeway?,
        audience: audience?,
        role_order: role_order?,
    })
}

fn read_audience(reader: &mut Reader) -> Result<NonEmpty<String>, Refused> {
    let audience = reader.list("tokens.audience", parse_audience)?;
    NonEmpty::of(audience).ok_or_else(|| {
        let wrong = Wrong::new("names nobody", r#"write at least one, such as ["api"]"#);
        reader.refuse("tokens.audience", wrong)
    })
}

fn parse_audience(text: &str) -> Result<String, Wrong> {
    let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_visible && (1..=AUDIENCE_BYTES_MAX).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    let problem = format!("{} is not an audience", quoted(text));
    Err(Wrong::new(problem, "write 1 to 256 visible ASCII characters"))
}
