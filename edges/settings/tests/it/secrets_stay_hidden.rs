use settings::{Settings, Sources};

use crate::given::{PRODUCTION, SMTP, environment, file, loaded, mistakes_in_production, shown};

const SECRET: &str = "hunter2hunter2hunter2hunter2hunter2";

#[test]
fn a_secret_that_is_written_is_accepted_in_development_and_never_shown() {
    let text = format!("data_key = [\"{SECRET}\", \"env:OLD\"]\n");
    let file = file(&text);
    let sources = Sources {
        file: Some(file.path().to_owned()),
        ..environment(&[
            ("DOORWARD_KEYS__ALGORITHM", "HS256"),
            ("DOORWARD_KEYS__SHARED_SECRET", SECRET),
        ])
    };
    let loaded = Settings::load(&sources).unwrap();
    assert_eq!(shown(&loaded, "data_key").value, r#"["(hidden)", "env:OLD"]"#);
    assert_eq!(shown(&loaded, "keys.shared_secret").value, r#"["(hidden)"]"#);
    assert!(!format!("{loaded:?} {sources:?}").contains(SECRET));
}

#[test]
fn a_mistake_never_shows_a_secret() {
    for value in [
        SECRET.to_owned(),
        format!("{SECRET},,x"),
        format!("[{SECRET}]"),
        format!("{SECRET},{SECRET}"),
        format!("env:{SECRET} {SECRET}"),
        format!("aws-sm:{SECRET}"),
    ] {
        for name in [
            "DOORWARD_DATA_KEY",
            "DOORWARD_KEYS__SHARED_SECRET",
            "DOORWARD_KEYS__SECRET",
            "DOORWARD_MAIL__CREDENTIALS",
            "DOORWARD_MAIL__SMTP_URL",
        ] {
            let mistakes = mistakes_in_production(&[(name, &value)]);
            assert!(!format!("{mistakes} {mistakes:?}").contains("hunter2"), "{mistakes}");
        }
    }
}

#[test]
fn a_borrowed_secret_is_never_shown() {
    let loaded = loaded(&[("JWT_SECRET", SECRET)]);
    assert!(!format!("{loaded:?}").contains("hunter2"));
}

#[test]
fn credentials_that_are_written_are_accepted_in_development_and_never_shown() {
    let written = format!(r#"{{"username":"doorward","password":"{SECRET}"}}"#);
    let credentials = ("DOORWARD_MAIL__CREDENTIALS", written.as_str());
    let loaded = loaded(&[SMTP.as_slice(), &[credentials]].concat());
    assert_eq!(shown(&loaded, "mail.credentials").value, r#""(hidden)""#);
    assert!(!format!("{loaded:?}").contains(SECRET));
    insta::assert_snapshot!(mistakes_in_production(&[credentials]), @r#"
there is a mistake in the settings:
  mail.credentials (environment DOORWARD_MAIL__CREDENTIALS): holds a secret itself, which production refuses; name it: env:NAME or file:PATH, with #key for a member of a JSON object
"#);
}

#[test]
fn credentials_that_are_named_are_shown() {
    let credentials = ("DOORWARD_MAIL__CREDENTIALS", "file:/run/secrets/smtp");
    let loaded = loaded(&[PRODUCTION.as_slice(), &[credentials]].concat());
    assert_eq!(shown(&loaded, "mail.credentials").value, r#""file:/run/secrets/smtp""#);
}
