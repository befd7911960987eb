use std::io::Write;

use settings::{Loaded, Mistakes, Settings, ShownSetting, Sources};
use tempfile::NamedTempFile;

/// An environment of nothing but `variables`.
pub(crate) fn environment(variables: &[(&str, &str)]) -> Sources {
    let pairs = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).into()));
    Sources { file: None, environment: pairs.collect() }
}

/// What is loaded from nothing but `variables`.
pub(crate) fn loaded(variables: &[(&str, &str)]) -> Loaded {
    Settings::load(&environment(variables)).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// What is wrong with nothing but `variables`.
pub(crate) fn mistakes(variables: &[(&str, &str)]) -> Mistakes {
    Settings::load(&environment(variables)).expect_err("the settings are wrong")
}

/// A settings file; it is gone when the value is dropped.
pub(crate) fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// What is wrong with nothing but a file of that text, which is shown as `FILE`.
pub(crate) fn mistakes_of_file(text: &str) -> String {
    let file = file(text);
    let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
    let mistakes = Settings::load(&sources).expect_err("the settings are wrong");
    mistakes.to_string().replace(&file.path().display().to_string(), "FILE")
}

/// How a setting is shown.
pub(crate) fn shown<'a>(loaded: &'a Loaded, path: &str) -> &'a ShownSetting {
    loaded.shown.iter().find(|shown| shown.path == path).unwrap()
}

/// All warnings, one a line.
pub(crate) fn warnings(loaded: &Loaded) -> String {
    let lines: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// The variables that sending mails needs at least.
pub(crate) const SMTP: [(&str, &str); 3] = [
    ("DOORWARD_MAIL__TRANSPORT", "smtp"),
    ("DOORWARD_MAIL__FROM", "no-reply@example.com"),
    ("DOORWARD_MAIL__SMTP_URL", "smtp://mail.example.com"),
];

/// The variables that production needs at least.
pub(crate) const PRODUCTION: [(&str, &str); 7] = [
    ("DOORWARD_ENVIRONMENT", "production"),
    ("DOORWARD_SERVER__PUBLIC_URL", "https://auth.example.com"),
    ("DOORWARD_DATA_KEY", "env:DATA_KEY"),
    ("DOORWARD_SERVER__SINGLE_INSTANCE", "true"),
    SMTP[0],
    SMTP[1],
    SMTP[2],
];

/// What is wrong with production if `variables` are set too.
pub(crate) fn mistakes_in_production(variables: &[(&str, &str)]) -> Mistakes {
    mistakes(&[&PRODUCTION, variables].concat())
}

/// Asserts that every value is accepted alone.
pub(crate) fn accepts(name: &str, values: &[&str]) {
    for value in values {
        loaded(&[(name, value)]);
    }
}

/// Asserts that every value is refused alone, and that nothing else is then wrong.
pub(crate) fn refuses(name: &str, values: &[&str]) {
    for value in values {
        let mistakes = mistakes(&[(name, value)]);
        assert_eq!(mistakes.iter().count(), 1, "{name}={value}: {mistakes}");
    }
}
