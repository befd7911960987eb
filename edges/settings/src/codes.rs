use std::time::Duration;

use crate::reader::{Reader, Refused};

/// How long the links in mails work.
///
/// The short codes beside them, for typing, are easier to guess: they work for 10 minutes, or as
/// long as the link where that is shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeSettings {
    /// The link that proves a mailbox: 10 minutes to 30 days.
    pub verify_ttl: Duration,
    /// The link that sets a new password: 5 minutes to 24 hours.
    pub reset_ttl: Duration,
}

const VERIFY_TTL_MIN: Duration = Duration::from_mins(10);
const VERIFY_TTL_MAX: Duration = Duration::from_hours(30 * 24);
const RESET_TTL_MIN: Duration = Duration::from_mins(5);
const RESET_TTL_MAX: Duration = Duration::from_hours(24);

pub(crate) fn read(reader: &mut Reader) -> Result<CodeSettings, Refused> {
    let verify_ttl = reader.duration("codes.verify_ttl", VERIFY_TTL_MIN..=VERIFY_TTL_MAX);
    let reset_ttl = reader.duration("codes.reset_ttl", RESET_TTL_MIN..=RESET_TTL_MAX);
    Ok(CodeSettings { verify_ttl: verify_ttl?, reset_ttl: reset_ttl? })
}
