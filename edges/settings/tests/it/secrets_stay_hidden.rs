use settings::{Settings, Sources};

use crate::given::{environment, file, loaded, mistakes_in_production, shown};

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
        for name in ["DOORWARD_DATA_KEY", "DOORWARD_KEYS__SHARED_SECRET", "DOORWARD_KEYS__SECRET"] {
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
