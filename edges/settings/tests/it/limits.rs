//! How often something may be tried.

use std::num::NonZeroU32;
use std::time::Duration;

use domain::Quota;

use crate::given::{accepts, loaded, mistakes, refuses};

#[test]
fn the_default_limits_are_those_of_the_contract() {
    let limits = loaded(&[]).settings.limits;
    let quota =
        |count, minutes| Quota::new(NonZeroU32::new(count).unwrap(), Duration::from_mins(minutes));
    assert_eq!(limits.login, quota(5, 15));
    assert_eq!(limits.login_address, quota(100, 15));
    assert_eq!(limits.register, quota(5, 60));
    assert_eq!(limits.register_address, quota(60, 60));
    assert_eq!(limits.forgot, quota(5, 60));
    assert_eq!(limits.forgot_address, quota(60, 60));
    assert_eq!(limits.refresh, quota(300, 1));
    assert_eq!(limits.mfa, quota(10, 60));
}

#[test]
fn each_limit_can_be_switched_off_and_has_bounds() {
    for name in [
        "LOGIN",
        "LOGIN_ADDRESS",
        "REGISTER",
        "REGISTER_ADDRESS",
        "FORGOT",
        "FORGOT_ADDRESS",
        "REFRESH",
        "MFA",
    ] {
        let name = format!("DOORWARD_LIMITS__{name}");
        accepts(&name, &["off", "1/1s", "100000/24h"]);
        refuses(&name, &["", "0/1m", "100001/1h", "5/25h", "1001/1s", "5", "none"]);
    }
    let limits = loaded(&[("DOORWARD_LIMITS__LOGIN", "off")]).settings.limits;
    assert!(limits.login.is_none() && limits.login_address.is_some());
}

#[test]
fn all_wrong_limits_are_reported_at_once_and_one_that_does_not_exist_is_a_mistake() {
    insta::assert_snapshot!(mistakes(&[
        ("DOORWARD_LIMITS__LOGIN", "5"),
        ("DOORWARD_LIMITS__REGISTER", "0/1h"),
        ("DOORWARD_LIMITS__FORGOT", "5/2d"),
        ("DOORWARD_LIMITS__REFRESH", "5000/1s"),
        ("DOORWARD_LIMITS__MFA", "10"),
        ("DOORWARD_LIMITS__LOGIN_GLOBAL", "5/15m"),
    ]), @r#"
there are 6 mistakes in the settings:
  DOORWARD_LIMITS__LOGIN_GLOBAL (environment DOORWARD_LIMITS__LOGIN_GLOBAL): there is no such setting; did you mean DOORWARD_LIMITS__LOGIN?
  limits.login (environment DOORWARD_LIMITS__LOGIN): "5" is not a limit; write a number from 1 to 100000 and a time of at most 24h, such as 5/15m, or off
  limits.register (environment DOORWARD_LIMITS__REGISTER): "0/1h" is out of range; write a number from 1 to 100000 and a time of at most 24h, such as 5/15m, or off
  limits.forgot (environment DOORWARD_LIMITS__FORGOT): "5/2d" counts over too long a time; write a number from 1 to 100000 and a time of at most 24h, such as 5/15m, or off
  limits.refresh (environment DOORWARD_LIMITS__REFRESH): "5000/1s" is more than one in each millisecond; write a number from 1 to 100000 and a time of at most 24h, such as 5/15m, or off
  limits.mfa (environment DOORWARD_LIMITS__MFA): "10" is not a limit; write a number from 1 to 100000 and a time of at most 24h, such as 5/15m, or off
"#);
}
