//! The second factor.

use std::time::Duration;

use domain::RoleName;
use settings::{Settings, Sources};

use crate::given::{accepts, file, loaded, mistakes, refuses, shown};

#[test]
fn nobody_must_have_a_second_factor_and_no_browser_is_trusted_unless_that_is_set() {
    let loaded = loaded(&[]);
    let mfa = &loaded.settings.mfa;
    assert_eq!(mfa.issuer, "Doorward");
    assert!(mfa.required_roles.is_empty());
    assert_eq!(mfa.trusted_device_ttl, None);
    assert_eq!(shown(&loaded, "mfa.trusted_devices").value, r#""off""#);
}

#[test]
fn the_environment_and_a_file_say_the_same() {
    let file = file(
        "[mfa]\nissuer = \"Analytical & Sons\"\nrequired_roles = [\"ADMIN\", \"SUPERVISOR\"]\n\
         trusted_devices = \"30d\"\n",
    );
    let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
    let of_environment = loaded(&[
        ("DOORWARD_MFA__ISSUER", "Analytical & Sons"),
        ("DOORWARD_MFA__REQUIRED_ROLES", "SUPERVISOR,ADMIN"),
        ("DOORWARD_MFA__TRUSTED_DEVICES", "30d"),
    ]);
    for loaded in [Settings::load(&sources).unwrap(), of_environment] {
        let mfa = &loaded.settings.mfa;
        assert_eq!(mfa.issuer, "Analytical & Sons");
        let roles: Vec<&str> = mfa.required_roles.iter().map(RoleName::as_str).collect();
        assert_eq!(roles, ["ADMIN", "SUPERVISOR"]);
        assert_eq!(mfa.trusted_device_ttl, Some(Duration::from_hours(30 * 24)));
        assert_eq!(shown(&loaded, "mfa.trusted_devices").value, r#""30d""#);
    }
}

#[test]
fn what_apps_show_is_one_short_name() {
    let name = |characters| "ü".repeat(characters);
    accepts("DOORWARD_MFA__ISSUER", &["A", "Example & Söhne", &name(64)]);
    refuses("DOORWARD_MFA__ISSUER", &["", " ", "A:B", "A\tB", "A\u{7f}", &name(65)]);
}

#[test]
fn roles_have_a_form_and_stand_there_once() {
    accepts("DOORWARD_MFA__REQUIRED_ROLES", &["", "[]", "ADMIN", "ADMIN,admin", r#"["ADMIN"]"#]);
    refuses("DOORWARD_MFA__REQUIRED_ROLES", &["two words", "A,A", "A,", "Ä"]);
}

#[test]
fn a_browser_is_trusted_for_a_minute_to_ninety_days_or_not_at_all() {
    accepts("DOORWARD_MFA__TRUSTED_DEVICES", &["off", "60s", "1m", "30d", "90d", "2160h"]);
    refuses(
        "DOORWARD_MFA__TRUSTED_DEVICES",
        &["", "Off", "on", "true", "0s", "59s", "2161h", "91d", "30", "30 d", "-30d"],
    );
}

#[test]
fn all_that_is_wrong_about_the_second_factor_is_reported_at_once() {
    insta::assert_snapshot!(mistakes(&[
        ("DOORWARD_MFA__ISSUER", "Example: Accounts"),
        ("DOORWARD_MFA__REQUIRED_ROLES", "ADMIN,two words,ADMIN"),
        ("DOORWARD_MFA__TRUSTED_DEVICES", "1y"),
        ("DOORWARD_MFA__TRUSTED_DEVICE", "30d"),
    ]), @r#"
there are 5 mistakes in the settings:
  DOORWARD_MFA__TRUSTED_DEVICE (environment DOORWARD_MFA__TRUSTED_DEVICE): there is no such setting; did you mean DOORWARD_MFA__TRUSTED_DEVICES?
  mfa.issuer (environment DOORWARD_MFA__ISSUER): "Example: Accounts" is not a name that authenticator apps can show; write 1 to 64 characters without colons and control characters
  mfa.required_roles (environment DOORWARD_MFA__REQUIRED_ROLES): "two words" is not a role name; a role name has 1 to 64 visible ASCII characters, without quotes, backslashes or commas
  mfa.required_roles (environment DOORWARD_MFA__REQUIRED_ROLES): an item stands there twice; remove one
  mfa.trusted_devices (environment DOORWARD_MFA__TRUSTED_DEVICES): "1y" is not a duration; write 1m to 90d, such as 30d, or off
"#);
    insta::assert_snapshot!(mistakes(&[("DOORWARD_MFA__TRUSTED_DEVICES", "91d")]), @r#"
there is a mistake in the settings:
  mfa.trusted_devices (environment DOORWARD_MFA__TRUSTED_DEVICES): "91d" is out of range; write 1m to 90d, such as 30d, or off
"#);
}
