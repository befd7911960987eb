//! Where records are kept, and what is refused because it would expose them.

use settings::{EphemeralSettings, Loaded, SecretInput, Settings, Sources, StorageSettings};

use crate::given::{
    PRODUCTION, accepts, environment, file, loaded, mistakes, mistakes_in_production, refuses,
    shown, warnings,
};

const CREDENTIALS: (&str, &str) = ("DOORWARD_STORAGE__CREDENTIALS", "file:/run/secrets/database");
const POOL_MAX: (&str, &str) = ("DOORWARD_STORAGE__POOL_MAX", "200");

fn url(text: &str) -> (&str, &str) {
    ("DOORWARD_STORAGE__URL", text)
}

fn loaded_in_production(variables: &[(&str, &str)]) -> Loaded {
    loaded(&[&PRODUCTION, variables].concat())
}

#[test]
fn records_are_kept_in_postgresql_as_the_environment_says() {
    for scheme in ["postgres", "postgresql"] {
        let text = format!("{scheme}://doorward@db.example.com/auth?sslmode=verify-full");
        let loaded = loaded_in_production(&[url(&text)]);
        let StorageSettings::Postgres { url, credentials, pool_max } = &loaded.settings.storage
        else {
            panic!("records are kept in PostgreSQL");
        };
        assert_eq!(secrecy::ExposeSecret::expose_secret(url.as_secret()), text);
        assert!(credentials.is_none());
        assert_eq!(*pool_max, 16);
        assert_eq!(warnings(&loaded), "");
    }
}

#[test]
fn records_are_kept_in_mongodb_as_the_environment_says() {
    let text = "mongodb://a:27017,b:27017/auth?replicaSet=rs0&tls=true&socketTimeoutMS=1000";
    let loaded = loaded_in_production(&[url(text), CREDENTIALS, POOL_MAX]);
    let StorageSettings::Mongodb { url, credentials, pool_max } = &loaded.settings.storage else {
        panic!("records are kept in MongoDB");
    };
    assert_eq!(url.to_string(), text);
    let named = credentials.as_ref().map(SecretInput::to_string);
    assert_eq!(named.as_deref(), Some(CREDENTIALS.1));
    assert_eq!(*pool_max, 200);
    assert_eq!(warnings(&loaded), "");
}

#[test]
fn records_are_kept_in_dynamodb_as_a_file_says() {
    let file = file("[storage]\nurl = \"dynamodb://doorward-users\"\n");
    let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
    let loaded = Settings::load(&sources).unwrap();
    let StorageSettings::Dynamodb { table } = &loaded.settings.storage else {
        panic!("records are kept in DynamoDB");
    };
    assert_eq!(table, "doorward-users");
    assert_eq!(shown(&loaded, "storage.url").value, r#""dynamodb://doorward-users""#);
}

#[test]
fn a_store_without_a_server_says_what_it_does_not_use() {
    for text in ["sqlite://a.db", "dynamodb://users"] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(warnings(&loaded(&[url(text), CREDENTIALS, POOL_MAX])), @r#"
storage.credentials (environment DOORWARD_STORAGE__CREDENTIALS): not used: storage.url names no PostgreSQL and no MongoDB
storage.pool_max (environment DOORWARD_STORAGE__POOL_MAX): not used: storage.url names no PostgreSQL and no MongoDB
"#);
        }
    }
}

#[test]
fn pools_have_bounds_and_credentials_a_form() {
    accepts(POOL_MAX.0, &["1", "200"]);
    refuses(POOL_MAX.0, &["0", "201", "-1"]);
    let server = url("postgres://db/auth");
    loaded(&[server, (CREDENTIALS.0, r#"{"username":"a","password":"b"}"#)]);
    insta::assert_snapshot!(mistakes(&[server, (CREDENTIALS.0, "hunter2"), (POOL_MAX.0, "0")]), @r#"
there are 2 mistakes in the settings:
  storage.credentials (environment DOORWARD_STORAGE__CREDENTIALS): is neither a reference nor a JSON object with username and password; write env:NAME or file:PATH, naming such an object
  storage.pool_max (environment DOORWARD_STORAGE__POOL_MAX): 0 is out of range; write 1 to 200
"#);
}

#[test]
fn credentials_that_are_named_win_over_those_in_the_url_with_a_warning() {
    let loaded = loaded(&[url("postgres://ada:hunter2@db/auth"), CREDENTIALS]);
    insta::assert_snapshot!(warnings(&loaded), @r#"
storage.url (environment DOORWARD_STORAGE__URL): its user and password are not used: storage.credentials is set
"#);
}

#[test]
fn in_development_a_server_on_the_network_needs_no_tls() {
    for text in ["postgres://ada:hunter2@db/auth", "mongodb://ada:hunter2@mongo/auth"] {
        assert_eq!(warnings(&loaded(&[url(text)])), "");
    }
}

#[test]
fn production_sends_nothing_in_clear_to_another_machine() {
    for text in ["postgres://db/auth", "postgres://db/auth?sslmode=disable"] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(mistakes_in_production(&[url(text)]), @r#"
there is a mistake in the settings:
  storage.url (environment DOORWARD_STORAGE__URL): may send everything in clear to another machine, which production refuses; add sslmode=verify-full, and sslrootcert=PATH for an authority of your own
"#);
        }
    }
    insta::assert_snapshot!(mistakes_in_production(&[url("mongodb://mongo/auth")]), @r#"
there is a mistake in the settings:
  storage.url (environment DOORWARD_STORAGE__URL): may send everything in clear to another machine, which production refuses; add tls=true, and tlsCAFile=PATH for an authority of your own
"#);
    for text in ["postgres://localhost/auth", "mongodb://127.0.0.1/auth"] {
        loaded_in_production(&[url(text)]);
    }
}

#[test]
fn production_takes_a_password_in_the_environment_and_refuses_it_in_a_file() {
    let text = "postgres://ada:hunter2@db/auth?sslmode=require";
    loaded_in_production(&[url(text)]);
    loaded_in_production(&[("DATABASE_URL", text)]);

    let in_file = |text: &str| {
        let file = file(&format!("[storage]\nurl = \"{text}\"\n"));
        let sources = Sources { file: Some(file.path().to_owned()), ..environment(&PRODUCTION) };
        let loaded = Settings::load(&sources).map_err(|mistakes| {
            mistakes.to_string().replace(&file.path().display().to_string(), "FILE")
        });
        loaded.map(|_| ())
    };
    assert_eq!(in_file("postgres://ada@db/auth?sslmode=require"), Ok(()));
    insta::assert_snapshot!(in_file(text).unwrap_err(), @r#"
there is a mistake in the settings:
  storage.url (file FILE, line 2): holds a password in a file, which production refuses; name it with storage.credentials, or set the URL in the environment
"#);
    insta::assert_snapshot!(in_file("mongodb://ada:hunter2@db/auth").unwrap_err(), @r#"
there are 2 mistakes in the settings:
  storage.url (file FILE, line 2): may send everything in clear to another machine, which production refuses; add tls=true, and tlsCAFile=PATH for an authority of your own
  storage.url (file FILE, line 2): holds a password in a file, which production refuses; name it with storage.credentials, or set the URL in the environment
"#);
}

#[test]
fn development_takes_a_password_in_a_file() {
    let file = file("[storage]\nurl = \"postgres://ada:hunter2@db/auth\"\n");
    let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
    assert!(Settings::load(&sources).is_ok());
}

#[test]
fn what_is_wrong_with_a_url_is_told_and_what_would_be_right() {
    for (text, told) in [
        ("env:DATABASE_URL", "is a reference, which this setting does not follow; write the URL"),
        ("mysql://db", "this version has no MySQL backend; write sqlite://"),
        ("oracle://db", "has an unknown scheme; write sqlite://"),
        ("postgres:///auth", "names no host; write postgres://user@host:5432/database?sslmode="),
        ("postgres://db/auth?sslmode=on", "has an unknown sslmode; write one of disable, prefer"),
        ("postgres://a:b@c@db/auth", "write %40, %2F, %3F and %23"),
        ("mongodb+srv://db/auth", "names its hosts through the DNS"),
        ("mongodb://db/?tlsInsecure=true", "with which anybody could pass for the server"),
        ("mongodb://db/?tls=maybe", "has a tls that is no boolean; write tls=true"),
        ("dynamodb://ab", "write dynamodb:// and 3 to 255 characters of a-z A-Z 0-9 _ . -"),
    ] {
        let mistakes = mistakes(&[url(text)]);
        assert_eq!(mistakes.iter().count(), 1, "{mistakes}");
        assert!(mistakes.to_string().contains(told), "{mistakes}");
    }
}

#[test]
fn what_mongodb_is_asked_for_and_does_not_do_is_told() {
    let text = "mongodb://db/?readPreference=secondary&retryWrites=true&maxPoolSize=50";
    insta::assert_snapshot!(warnings(&loaded(&[url(text)])), @r#"
storage.url (environment DOORWARD_STORAGE__URL): its readPreference is overridden: only the primary is read
storage.url (environment DOORWARD_STORAGE__URL): its retryWrites=true is overridden: not every server can
storage.url (environment DOORWARD_STORAGE__URL): its maxPoolSize is overridden by storage.pool_max
"#);
}

const LIMITS_URL: &str = "DOORWARD_EPHEMERAL__URL";
const SEVERAL: (&str, &str) = ("DOORWARD_SERVER__SINGLE_INSTANCE", "false");

#[test]
fn limits_are_counted_where_the_environment_says() {
    let storage = loaded_in_production(&[SEVERAL, (LIMITS_URL, "storage://")]);
    assert!(matches!(storage.settings.ephemeral, EphemeralSettings::Storage));
    let loaded = loaded_in_production(&[
        SEVERAL,
        (LIMITS_URL, "rediss://cache.example.com:6379/1"),
        ("DOORWARD_EPHEMERAL__CREDENTIALS", "env:REDIS"),
        ("DOORWARD_EPHEMERAL__CA_FILE", "ca.pem"),
        ("DOORWARD_EPHEMERAL__KEY_PREFIX", "doorward:"),
        ("DOORWARD_EPHEMERAL__SESSIONS", "true"),
    ]);
    let EphemeralSettings::Redis { url, credentials, ca_file, keeps_sessions, key_prefix } =
        &loaded.settings.ephemeral
    else {
        panic!("limits are counted in Redis");
    };
    assert_eq!(url.to_string(), "rediss://cache.example.com:6379/1");
    assert_eq!(credentials.as_ref().map(SecretInput::to_string).as_deref(), Some("env:REDIS"));
    assert_eq!(ca_file.as_deref(), Some(std::path::Path::new("ca.pem")));
    assert_eq!(key_prefix, "doorward:");
    assert!(keeps_sessions);
    assert_eq!(warnings(&loaded), "");
}

#[test]
fn only_a_single_process_counts_in_memory_outside_development() {
    let loaded = loaded_in_production(&[]);
    assert!(matches!(loaded.settings.ephemeral, EphemeralSettings::Memory));
    assert!(loaded.settings.server.is_single_instance);
    insta::assert_snapshot!(mistakes_in_production(&[SEVERAL]), @r#"
there is a mistake in the settings:
  ephemeral.url (default): lets each process count for itself, which production refuses; write storage:// or rediss://host:6379, or set server.single_instance = true if this process is the only one
"#);
}

#[test]
fn redis_without_tls_stays_on_this_machine_outside_development() {
    insta::assert_snapshot!(mistakes_in_production(&[(LIMITS_URL, "redis://cache:6379")]), @r#"
there is a mistake in the settings:
  ephemeral.url (environment DOORWARD_EPHEMERAL__URL): may send everything in clear to another machine, which production refuses; write rediss://
"#);
    loaded_in_production(&[(LIMITS_URL, "redis://localhost:6379")]);
    loaded(&[(LIMITS_URL, "redis://cache:6379")]);
}

#[test]
fn sessions_are_kept_in_redis_only_if_there_is_one() {
    let sessions = ("DOORWARD_EPHEMERAL__SESSIONS", "true");
    for text in ["memory://", "storage://"] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(mistakes(&[(LIMITS_URL, text), sessions]), @r#"
there is a mistake in the settings:
  ephemeral.sessions (environment DOORWARD_EPHEMERAL__SESSIONS): is true, but ephemeral.url names no Redis to keep them; set ephemeral.url to a rediss:// URL, or write false
"#);
        }
    }
}

#[test]
fn all_mistakes_about_stores_are_reported_at_once() {
    let wrong = [
        url("postgres://db/auth"),
        ("DOORWARD_STORAGE__CREDENTIALS", "env:"),
        ("DOORWARD_STORAGE__POOL_MAX", "0"),
        SEVERAL,
        ("DOORWARD_EPHEMERAL__CREDENTIALS", "hunter2"),
        ("DOORWARD_EPHEMERAL__SESSIONS", "true"),
    ];
    let settings = |mistakes: &settings::Mistakes| -> Vec<String> {
        mistakes.iter().map(|mistake| mistake.setting.clone()).collect()
    };
    let stores = ["storage.credentials", "storage.pool_max", "storage.url"];
    let memory = settings(&mistakes_in_production(&wrong));
    assert_eq!(memory, [&stores[..], &["ephemeral.url", "ephemeral.credentials"]].concat());
    let storage = [&wrong[..], &[(LIMITS_URL, "storage://")]].concat();
    let kept = ["ephemeral.credentials", "ephemeral.sessions"];
    assert_eq!(settings(&mistakes_in_production(&storage)), [&stores[..], &kept].concat());
}

#[test]
fn what_is_said_about_redis_is_not_lost_in_silence() {
    let authorities = ("DOORWARD_EPHEMERAL__CA_FILE", "ca.pem");
    let credentials = ("DOORWARD_EPHEMERAL__CREDENTIALS", "env:REDIS");
    insta::assert_snapshot!(warnings(&loaded(&[authorities, credentials])), @r#"
ephemeral.credentials (environment DOORWARD_EPHEMERAL__CREDENTIALS): not used: ephemeral.url names no Redis
ephemeral.ca_file (environment DOORWARD_EPHEMERAL__CA_FILE): not used: ephemeral.url names no Redis
"#);
    let loaded = loaded(&[(LIMITS_URL, "redis://:hunter2@cache"), authorities, credentials]);
    insta::assert_snapshot!(warnings(&loaded), @r#"
ephemeral.url (environment DOORWARD_EPHEMERAL__URL): its user and password are not used: ephemeral.credentials is set
ephemeral.ca_file (environment DOORWARD_EPHEMERAL__CA_FILE): not used: ephemeral.url is without TLS
"#);
    assert!(matches!(loaded.settings.ephemeral, EphemeralSettings::Redis { ca_file: None, .. }));
}

#[test]
fn a_url_of_redis_has_a_form() {
    accepts(LIMITS_URL, &["redis://cache", "rediss://:a@cache:6379/0", "storage://", "memory://"]);
    refuses(
        LIMITS_URL,
        &[
            "",
            "redis",
            "memory://x",
            "redis://",
            "redis://a,b",
            "unix:///a",
            "rediss://a/#insecure",
        ],
    );
}
