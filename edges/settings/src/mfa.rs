use std::collections::BTreeSet;
use std::time::Duration;

use domain::RoleName;

use crate::duration;
use crate::mail_from::is_name;
use crate::mistake::{Wrong, quoted};
use crate::reader::{Reader, Refused};
use crate::registration::parse_role;

/// The second factor: what apps call us, who must have one, and where it may be skipped.
#[derive(Clone, Debug)]
pub struct MfaSettings {
    /// What authenticator apps show beside a code: 1 to 64 characters without colons and control
    /// characters.
    pub issuer: String,
    /// Who holds one of them gets no tokens before a second factor is set up; perhaps none.
    pub required_roles: BTreeSet<RoleName>,
    /// How long a trusted browser is not asked for the second factor: 1 minute to 90 days. `None`:
    /// there are no trusted browsers.
    pub trusted_device_ttl: Option<Duration>,
}

const TRUSTED_DEVICE_TTL_MIN: Duration = Duration::from_mins(1);
const TRUSTED_DEVICE_TTL_MAX: Duration = Duration::from_hours(90 * 24);

pub(crate) fn read(reader: &mut Reader) -> Result<MfaSettings, Refused> {
    let issuer = reader.text("mfa.issuer", parse_issuer);
    let required_roles = reader.list("mfa.required_roles", parse_role);
    let trusted_device_ttl = reader.text("mfa.trusted_devices", parse_trusted_device_ttl);
    Ok(MfaSettings {
        issuer: issuer?,
        required_roles: required_roles?.into_iter().collect(),
        trusted_device_ttl: trusted_device_ttl?,
    })
}

/// A colon parts issuer and account in what apps read.
fn parse_issuer(text: &str) -> Result<String, Wrong> {
    if is_name(text) && !text.contains(':') {
        return Ok(text.to_owned());
    }
    let problem = format!("{} is not a name that authenticator apps can show", quoted(text));
    Err(Wrong::new(problem, "write 1 to 64 characters without colons and control characters"))
}

/// Reads a duration, or `off`.
fn parse_trusted_device_ttl(text: &str) -> Result<Option<Duration>, Wrong> {
    const RIGHT: &str = "write 1m to 90d, such as 30d, or off";
    if text == "off" {
        return Ok(None);
    }
    let wrong = |problem: &str| Wrong::new(format!("{} {problem}", quoted(text)), RIGHT);
    let ttl = duration::parse(text).map_err(|_| wrong("is not a duration"))?;
    if (TRUSTED_DEVICE_TTL_MIN..=TRUSTED_DEVICE_TTL_MAX).contains(&ttl) {
        Ok(Some(ttl))
    } else {
        Err(wrong("is out of range"))
    }
}
