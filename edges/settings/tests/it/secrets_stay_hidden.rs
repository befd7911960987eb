use settings::{Settings, Sources};

use crate::given::{
    PRODUCTION, SMTP, environment, file, loaded, mistakes, mistakes_in_production, shown,
};

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
        format!("aws-sm:{SECRET}?"),
        format!("aws-ssm:{SECRET}"),
        format!("postgres://ada:{SECRET}@db/auth"),
        format!("postgres://ada:1/{SECRET}@db/auth"),
        format!("postgres://ada:1?{SECRET}@db/auth"),
        format!("postgres://ada:{SECRET}"),
        format!("postgres:///auth?password={SECRET}"),
        format!("mongodb://ada:{SECRET}@a,b/auth"),
        format!("mongodb://ada:{SECRET}@a/?tlsInsecure=true"),
        format!("mongodb+srv://ada:{SECRET}@a/auth"),
        format!("redis://:{SECRET}@cache"),
        format!("redis://{SECRET}@cache"),
        format!("rediss://:{SECRET}@cache/#insecure"),
        format!("dynamodb://{SECRET}?"),
    ] {
        for name in [
            "DOORWARD_DATA_KEY",
            "DOORWARD_KEYS__SHARED_SECRET",
            "DOORWARD_KEYS__SECRET",
            "DOORWARD_MAIL__CREDENTIALS",
            "DOORWARD_MAIL__SMTP_URL",
            "DOORWARD_STORAGE__URL",
            "DOORWARD_STORAGE__CREDENTIALS",
            "DOORWARD_EPHEMERAL__URL",
            "DOORWARD_EPHEMERAL__CREDENTIALS",
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
  mail.credentials (environment DOORWARD_MAIL__CREDENTIALS): holds a secret itself, which production refuses; name it: env:NAME, file:PATH, aws-sm:NAME or aws-ssm:/PATH, with #key for a member of a JSON object
"#);
}

#[test]
fn credentials_that_are_named_are_shown() {
    let credentials = ("DOORWARD_MAIL__CREDENTIALS", "file:/run/secrets/smtp");
    let loaded = loaded(&[PRODUCTION.as_slice(), &[credentials]].concat());
    assert_eq!(shown(&loaded, "mail.credentials").value, r#""file:/run/secrets/smtp""#);
}

#[test]
fn a_password_in_a_url_is_shown_nowhere() {
    let parameters = format!("tls=true&tlsCertificateKeyFilePassword={SECRET}");
    for (name, path, text, hidden) in [
        (
            "DATABASE_URL",
            "storage.url",
            format!("postgres://ada:{SECRET}@db/auth?application_name=a&password={SECRET}"),
            r#""postgres://ada:***@db/auth?application_name=a&password=***""#,
        ),
        (
            "MONGODB_URI",
            "storage.url",
            format!("mongodb://ada:{SECRET}@a:1,b/auth?{parameters}"),
            r#""mongodb://ada:***@a:1,b/auth?tls=true&tlsCertificateKeyFilePassword=***""#,
        ),
        (
            "REDIS_URL",
            "ephemeral.url",
            format!("redis://:{SECRET}@cache:6379/1"),
            r#""redis://:***@cache:6379/1""#,
        ),
    ] {
        let loaded = loaded(&[(name, &text), ("DOORWARD_STORAGE__CREDENTIALS", "env:A")]);
        assert_eq!(shown(&loaded, path).value, hidden);
        assert!(!format!("{loaded:?}").contains("hunter2"));
    }
}

#[test]
fn a_password_in_a_url_in_a_file_is_shown_nowhere() {
    let text = format!(
        "[storage]\nurl = \"postgres://ada:{SECRET}@db/auth\"\n[ephemeral]\nurl = \
         \"redis://:{SECRET}@cache\"\n"
    );
    let file = file(&text);
    let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
    let loaded = Settings::load(&sources).unwrap();
    assert!(!format!("{loaded:?}").contains("hunter2"));
    let sources = Sources { file: Some(file.path().to_owned()), ..environment(&PRODUCTION) };
    let mistakes = Settings::load(&sources).unwrap_err();
    assert_eq!(mistakes.iter().count(), 4, "{mistakes}");
    assert!(!format!("{mistakes} {mistakes:?}").contains("hunter2"));
}

#[test]
fn a_borrowed_url_that_is_wrong_is_never_shown() {
    let mongodb = format!("mongodb://ada:{SECRET}@a");
    let postgres = format!("postgres://ada:{SECRET}@a");
    let redis = format!("redis://ada@{SECRET}@a");
    let mistakes =
        mistakes(&[("MONGODB_URI", &mongodb), ("DATABASE_URL", &postgres), ("REDIS_URL", &redis)]);
    assert_eq!(mistakes.iter().count(), 2, "{mistakes}");
    assert!(!format!("{mistakes} {mistakes:?}").contains("hunter2"));
}
