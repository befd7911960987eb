use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use settings::{Settings, Sources};

use crate::given::{environment, file, mistakes, mistakes_of_file};

#[test]
fn all_mistakes_are_reported_at_once() {
    let file =
        file("[server]\nlisten = \"localhost:8080\"\nlisen = 1\n\n[sever]\nbase_path = \"/\"\n");
    let mut sources = environment(&[
        ("DOORWARD_TOKENS__ACCESS_TTL", "15"),
        ("DOORWARD_TOKENS__AUDIENCE", ""),
        ("DOORWARD_SERVER_PUBLIC_URL", "https://auth.example.com"),
        ("DOORWARD_PASSWORD__CHARACTERS_MIN", "six"),
        ("DOORWARD_REGISTRATION__ENABLED", "yes"),
        ("DOORWARD_KEYS__ALGORITHM", "none"),
        ("DATABASE_URL", "mysql://host/db"),
    ]);
    sources.file = Some(file.path().to_owned());
    let mistakes = Settings::load(&sources).unwrap_err().to_string();
    let mistakes = mistakes.replace(&file.path().display().to_string(), "FILE");
    insta::assert_snapshot!(mistakes, @r#"
there are 10 mistakes in the settings:
  server.lisen (file FILE, line 3): there is no such setting; did you mean server.listen?
  sever.base_path (file FILE, line 6): there is no such setting; did you mean server.base_path?
  password.characters_min (environment DOORWARD_PASSWORD__CHARACTERS_MIN): "six" is not a whole number; write digits only
  registration.enabled (environment DOORWARD_REGISTRATION__ENABLED): "yes" is not a boolean; write true or false
  DOORWARD_SERVER_PUBLIC_URL (environment DOORWARD_SERVER_PUBLIC_URL): there is no such setting; did you mean DOORWARD_SERVER__PUBLIC_URL?
  server.listen (file FILE, line 2): "localhost:8080" is not an IP address and a port; write 127.0.0.1:8080, 0.0.0.0:8080 or [::]:8080
  tokens.access_ttl (environment DOORWARD_TOKENS__ACCESS_TTL): "15" is not a duration; write a number and a unit: 10s, 15m, 3h or 30d, at most 3650d
  storage.url (implied by DATABASE_URL): this version has no MySQL backend; write sqlite://data/doorward.db, postgres://host/database, mongodb://host/database or dynamodb://TABLE
  keys.algorithm (environment DOORWARD_KEYS__ALGORITHM): "none" is not known; write RS256, ES256, EdDSA or HS256
  tokens.audience (environment DOORWARD_TOKENS__AUDIENCE): names nobody; write at least one, such as ["api"]
"#);
}

#[test]
fn an_unknown_setting_is_a_mistake_wherever_it_stands() {
    insta::assert_snapshot!(
        mistakes(&[
            ("DOORWARD_CONFG", "x"),
            ("DOORWARD_IDENTITY__BACKEND", "x"),
            ("DOORWARD_", "x")
        ]),
        @r#"
there are 3 mistakes in the settings:
  DOORWARD_ (environment DOORWARD_): there is no such setting; remove it; config/default.toml lists all settings
  DOORWARD_CONFG (environment DOORWARD_CONFG): there is no such setting; did you mean DOORWARD_CONFIG?
  DOORWARD_IDENTITY__BACKEND (environment DOORWARD_IDENTITY__BACKEND): there is no such setting; remove it; config/default.toml lists all settings
"#
    );
    insta::assert_snapshot!(
        mistakes_of_file(
            "enviroment = \"x\"\n\"server.listen\" = \"x\"\n[identity]\n[log.level]\nx = 1\n"
        ),
        @r#"
there are 4 mistakes in the settings:
  enviroment (file FILE, line 1): there is no such setting; did you mean environment?
  "server.listen" (file FILE, line 2): there is no such setting; did you mean server.listen?
  identity (file FILE, line 3): there is no such setting; remove it; config/default.toml lists all settings
  log.level.x (file FILE, line 5): there is no such setting; did you mean log.level?
"#
    );
}

#[test]
fn a_value_of_the_wrong_type_is_a_mistake() {
    insta::assert_snapshot!(
        mistakes_of_file(
            "data_key = \"env:A\"\nkeys = 1\n[server]\nlisten = 8080\ntrusted_proxies = \"1\"\n\
             [registration]\nenabled = \"true\"\ndefault_roles = [1]\n[log]\nlevel = 2026-01-01\n"
        ),
        @r#"
there are 7 mistakes in the settings:
  data_key (file FILE, line 1): has the wrong type (string); write a list of texts, such as ["one", "two"]
  keys (file FILE, line 2): is a section, not a setting; write [keys] and its settings below
  server.listen (file FILE, line 4): has the wrong type (integer); write a text in quotes
  server.trusted_proxies (file FILE, line 5): has the wrong type (string); write a whole number without quotes
  registration.enabled (file FILE, line 7): has the wrong type (string); write true or false without quotes
  registration.default_roles (file FILE, line 8): holds other things than texts; write a list of texts, such as ["one", "two"]
  log.level (file FILE, line 10): has the wrong type (datetime); write a text in quotes
"#
    );
}

#[test]
fn a_section_without_settings_is_no_mistake() {
    let file = file("[server]\n[log]\n");
    let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
    assert!(Settings::load(&sources).is_ok());
}

#[test]
fn a_file_that_is_not_toml_is_a_mistake_with_its_line_and_without_its_text() {
    let mistakes = mistakes_of_file("environment = \"staging\"\ndata_key = hunter2\n[log\n");
    assert!(!mistakes.contains("hunter2"), "{mistakes}");
    insta::assert_snapshot!(mistakes, @r#"
there are 2 mistakes in the settings:
  the settings file (file FILE, line 2): is not TOML (string values must be quoted, expected literal string); see https://toml.io
  the settings file (file FILE, line 3): is not TOML (unclosed table, expected `]`); see https://toml.io
"#);
}

#[test]
fn a_file_that_cannot_be_read_is_the_one_mistake_beside_unknown_names() {
    let mut sources = environment(&[("DOORWARD_X", "1"), ("DOORWARD_SERVER__LISTEN", "0.0.0.0:1")]);
    sources.file = Some(PathBuf::from("/nowhere/doorward.toml"));
    insta::assert_snapshot!(Settings::load(&sources).unwrap_err(), @r#"
there are 2 mistakes in the settings:
  the settings file (file /nowhere/doorward.toml): cannot be read (No such file or directory (os error 2)); name a readable TOML file with --config or DOORWARD_CONFIG
  DOORWARD_X (environment DOORWARD_X): there is no such setting; remove it; config/default.toml lists all settings
"#);
}

#[test]
fn text_that_is_not_unicode_is_a_mistake_and_no_panic() {
    let mut sources = environment(&[]);
    for name in ["DOORWARD_SERVER__LISTEN", "DATABASE_URL", "JWT_SECRET"] {
        sources.environment.insert(name.to_owned(), OsString::from_vec(vec![0xff]));
    }
    insta::assert_snapshot!(Settings::load(&sources).unwrap_err(), @r#"
there are 3 mistakes in the settings:
  server.listen (environment DOORWARD_SERVER__LISTEN): is not valid Unicode; write it in UTF-8
  storage.url (implied by DATABASE_URL): is not valid Unicode; write it in UTF-8
  keys.shared_secret (implied by JWT_SECRET): is not valid Unicode; write it in UTF-8
"#);
}

#[test]
fn a_value_is_shown_in_quotes_and_not_endless() {
    let endless = format!("\u{1b}[31m{}", "x".repeat(10_000));
    let mistakes = mistakes(&[("DOORWARD_LOG__LEVEL", &endless)]).to_string();
    assert!(mistakes.len() < 300, "{mistakes}");
    assert!(!mistakes.contains('\u{1b}'));
}
