use std::num::NonZeroU32;

use domain::Quota;

use crate::duration;
use crate::mistake::{Wrong, quoted};
use crate::reader::{Reader, Refused};

/// How often something may be tried; `None`: as often as anybody likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    /// Wrong passwords for one account from one client address, wherever a password is asked for.
    pub login: Option<Quota>,
    /// Failed sign-ins from one client address, whatever the account.
    pub login_address: Option<Quota>,
    /// Registrations of one e-mail address from one client address.
    pub register: Option<Quota>,
    /// Registrations from one client address.
    pub register_address: Option<Quota>,
    /// Mails with a code of one kind that are asked for, to one e-mail address from one client
    /// address.
    pub forgot: Option<Quota>,
    /// The same from one client address.
    pub forgot_address: Option<Quota>,
    /// Refreshes of one session from one client address.
    pub refresh: Option<Quota>,
    /// Wrong codes of a second factor for one account: from each client address that a sign-in to
    /// it was completed from, and from all others together.
    pub mfa: Option<Quota>,
}

/// The most that a limit counts to.
const COUNT_MAX: u32 = 100_000;

const RIGHT: &str = "write a number from 1 to 100000 and a time of at most 24h, such as 5/15m, or \
                     off";

pub(crate) fn read(reader: &mut Reader) -> Result<LimitSettings, Refused> {
    let login = reader.text("limits.login", parse);
    let login_address = reader.text("limits.login_address", parse);
    let register = reader.text("limits.register", parse);
    let register_address = reader.text("limits.register_address", parse);
    let forgot = reader.text("limits.forgot", parse);
    let forgot_address = reader.text("limits.forgot_address", parse);
    let refresh = reader.text("limits.refresh", parse);
    let mfa = reader.text("limits.mfa", parse);
    Ok(LimitSettings {
        login: login?,
        login_address: login_address?,
        register: register?,
        register_address: register_address?,
        forgot: forgot?,
        forgot_address: forgot_address?,
        refresh: refresh?,
        mfa: mfa?,
    })
}

/// Reads `COUNT/DURATION`, or `off`.
fn parse(text: &str) -> Result<Option<Quota>, Wrong> {
    let wrong = |problem: &str| Wrong::new(format!("{} {problem}", quoted(text)), RIGHT);
    if text == "off" {
        return Ok(None);
    }
    let (count, period) = text.split_once('/').ok_or_else(|| wrong("is not a limit"))?;
    // `u32::from_str` would take a sign.
    let is_number = count.bytes().all(|byte| byte.is_ascii_digit());
    let count: Option<u32> = count.parse().ok().filter(|_| is_number);
    let (Some(count), Ok(period)) = (count, duration::parse(period)) else {
        return Err(wrong("is not a limit"));
    };
    let count = NonZeroU32::new(count)
        .filter(|count| count.get() <= COUNT_MAX)
        .ok_or_else(|| wrong("is out of range"))?;
    if period > Quota::PERIOD_MAX {
        return Err(wrong("counts over too long a time"));
    }
    let quota = Quota::new(count, period);
    quota.map(Some).ok_or_else(|| wrong("is more than one in each millisecond"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn quota(count: u32, period: Duration) -> Option<Quota> {
        Quota::new(NonZeroU32::new(count).unwrap(), period)
    }

    #[test]
    fn a_limit_is_a_number_and_a_time() {
        for (text, count, period) in [
            ("1/1s", 1, Duration::from_secs(1)),
            ("5/15m", 5, Duration::from_mins(15)),
            ("100000/24h", 100_000, Duration::from_hours(24)),
            ("100000/1d", 100_000, Duration::from_hours(24)),
            ("1000/1s", 1000, Duration::from_secs(1)),
        ] {
            assert_eq!(parse(text), Ok(quota(count, period)), "{text}");
        }
    }

    #[test]
    fn off_is_no_limit() {
        assert_eq!(parse("off"), Ok(None));
    }

    #[test]
    fn anything_else_is_refused_with_its_reason() {
        for (text, problem) in [
            ("", "is not a limit"),
            ("5", "is not a limit"),
            ("Off", "is not a limit"),
            ("5/", "is not a limit"),
            ("/15m", "is not a limit"),
            ("+5/15m", "is not a limit"),
            ("-5/15m", "is not a limit"),
            ("5 / 15m", "is not a limit"),
            ("5/15", "is not a limit"),
            ("5/15m/1h", "is not a limit"),
            ("5.5/15m", "is not a limit"),
            ("0/15m", "is out of range"),
            ("100001/15m", "is out of range"),
            ("5/25h", "counts over too long a time"),
            ("5/0s", "is more than one in each millisecond"),
            ("1001/1s", "is more than one in each millisecond"),
        ] {
            let wrong = parse(text).expect_err(text);
            assert!(wrong.problem.ends_with(problem), "{text}: {wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".*", limit in "[0-9]{0,12}/[0-9]{0,22}[smhd]") {
            let _ = (parse(&text), parse(&limit));
        }
    }
}
