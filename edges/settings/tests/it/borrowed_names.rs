use std::path::Path;

use contracts::SecretRef;
use doorward_claims::Algorithm;
use settings::{
    Environment, EphemeralSettings, LogLevel, SecretInput, SigningSettings, Source, StorageSettings,
};

use crate::given::{PRODUCTION, SMTP, loaded, mistakes, mistakes_in_production, shown, warnings};

const RS256: (&str, &str) = ("DOORWARD_KEYS__ALGORITHM", "RS256");

fn implied_by(name: &str) -> Source {
    Source::Implied(name.to_owned())
}

#[test]
fn a_deployment_starts_from_database_url_alone() {
    let loaded = loaded(&[("DATABASE_URL", "sqlite:///var/lib/app.db")]);
    let StorageSettings::Sqlite { path } = &loaded.settings.storage else { panic!("one file") };
    assert_eq!(path, Path::new("/var/lib/app.db"));
    assert_eq!(shown(&loaded, "storage.url").source, implied_by("DATABASE_URL"));
}

#[test]
fn a_deployment_starts_from_the_url_of_a_server_alone() {
    for (name, url, shown_url) in [
        ("DATABASE_URL", "postgres://ada:hunter2@db/auth", "postgres://ada:***@db/auth"),
        ("MONGODB_URI", "mongodb://ada:hunter2@a,b/auth", "mongodb://ada:***@a,b/auth"),
    ] {
        let loaded = loaded(&[(name, url)]);
        let (StorageSettings::Postgres { url, .. } | StorageSettings::Mongodb { url, .. }) =
            &loaded.settings.storage
        else {
            panic!("{name} names a server");
        };
        assert_eq!(url.to_string(), shown_url);
        assert_eq!(shown(&loaded, "storage.url").source, implied_by(name));
        assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    }
}

#[test]
fn a_deployment_starts_from_documentdb_and_its_credentials() {
    let loaded = loaded(&[
        ("MONGODB_URI", "mongodb://cluster:27017/?tls=true&tlsCAFile=global-bundle.pem"),
        ("DOCUMENTDB_CREDENTIALS", r#"{"username":"ada","password":"hunter2"}"#),
    ]);
    let StorageSettings::Mongodb { credentials: Some(credentials), .. } = &loaded.settings.storage
    else {
        panic!("a cluster and its credentials");
    };
    assert_eq!(credentials.to_string(), "env:DOCUMENTDB_CREDENTIALS");
    let shown = shown(&loaded, "storage.credentials");
    assert_eq!(shown.source, implied_by("DOCUMENTDB_CREDENTIALS"));
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
}

#[test]
fn credentials_of_documentdb_are_for_no_other_server() {
    let credentials = ("DOCUMENTDB_CREDENTIALS", r#"{"username":"ada","password":"hunter2"}"#);
    insta::assert_snapshot!(mistakes(&[credentials]), @r#"
there is a mistake in the settings:
  storage.credentials (implied by DOCUMENTDB_CREDENTIALS): is for a DocumentDB cluster, but none is named; set MONGODB_URI or storage.url to mongodb://HOST:27017/?tls=true, or unset DOCUMENTDB_CREDENTIALS
"#);
    let loaded = loaded(&[credentials, ("DATABASE_URL", "postgres://db/auth")]);
    assert!(matches!(loaded.settings.storage, StorageSettings::Postgres { credentials: None, .. }));
    insta::assert_snapshot!(warnings(&loaded), @r#"
storage.credentials (implied by DOCUMENTDB_CREDENTIALS): not used: storage.url names no DocumentDB cluster
"#);
}

#[test]
fn a_deployment_starts_from_the_name_of_a_table_alone() {
    let loaded = loaded(&[("USERS_TABLE_NAME", "prod-users")]);
    let StorageSettings::Dynamodb { table } = &loaded.settings.storage else { panic!("a table") };
    assert_eq!(table, "prod-users");
    assert_eq!(shown(&loaded, "storage.url").source, implied_by("USERS_TABLE_NAME"));
}

#[test]
fn a_deployment_starts_from_redis_url_alone() {
    let loaded = loaded(&[("REDIS_URL", "redis://cache:6379")]);
    let EphemeralSettings::Redis { url, keeps_sessions: false, .. } = &loaded.settings.ephemeral
    else {
        panic!("limits are counted in Redis");
    };
    assert_eq!(url.to_string(), "redis://cache:6379");
    assert_eq!(shown(&loaded, "ephemeral.url").source, implied_by("REDIS_URL"));
}

#[test]
fn names_that_imply_different_stores_are_a_mistake() {
    insta::assert_snapshot!(mistakes(&[
        ("DATABASE_URL", "postgres://user:hunter2@host/db"),
        ("MONGODB_URI", "mongodb://user:hunter2@host/db"),
    ]), @r#"
there is a mistake in the settings:
  storage.url (implied by MONGODB_URI): DATABASE_URL and MONGODB_URI disagree; unset one of them, or set storage.url
"#);
    insta::assert_snapshot!(mistakes(&[
        ("MONGODB_URI", "mongodb://user:hunter2@host/db"),
        ("USERS_TABLE_NAME", "users"),
    ]), @r#"
there is a mistake in the settings:
  storage.url (implied by USERS_TABLE_NAME): MONGODB_URI and USERS_TABLE_NAME disagree; unset one of them, or set storage.url
"#);
}

#[test]
fn names_that_imply_the_same_store_are_one() {
    for others in [
        [("DATABASE_URL", "mongodb://host/db"), ("MONGODB_URI", "mongodb://host/db")],
        [("DATABASE_URL", "dynamodb://users"), ("USERS_TABLE_NAME", "users")],
    ] {
        let loaded = loaded(&others);
        assert_eq!(shown(&loaded, "storage.url").source, implied_by("DATABASE_URL"));
    }
}

#[test]
fn a_deployment_starts_from_a_jwt_secret_alone_and_is_told_that_hs256_follows() {
    for name in ["JWT_SECRET", "JWT_SECRET_KEY", "JWT_ACCESS_SECRET"] {
        let loaded = loaded(&[(name, "0123456789abcdef0123456789abcdef")]);
        let SigningSettings::SharedSecrets(secrets) = &loaded.settings.keys.signing else {
            panic!("{name} implies shared secrets");
        };
        let SecretInput::Reference(SecretRef { source, name: variable, json_key }) = &secrets.first
        else {
            panic!("{name} is referred to, not copied");
        };
        assert_eq!((source.as_str(), variable.as_str(), json_key), ("env", name, &None));
        assert_eq!(shown(&loaded, "keys.algorithm").source, implied_by(name));
        assert_eq!(shown(&loaded, "keys.shared_secret").source, implied_by(name));
        let [warning] = loaded.warnings.as_slice() else { panic!("{:?}", loaded.warnings) };
        assert_eq!(warning.source, implied_by(name));
        assert!(warning.text.contains("HS256"));
    }
}

#[test]
fn a_deployment_starts_from_environment_alone() {
    for text in ["dev", "development", "Development", "DEV"] {
        let settings = loaded(&[("ENVIRONMENT", text)]).settings;
        assert_eq!(settings.environment, Environment::Development, "{text}");
    }
}

#[test]
fn short_names_of_environments_are_understood() {
    for (text, environment) in [("stage", Environment::Staging), ("prod", Environment::Production)]
    {
        let others = [
            ("ENVIRONMENT", text),
            ("DOORWARD_SERVER__PUBLIC_URL", "https://auth.example.com"),
            ("DOORWARD_DATA_KEY", "file:/run/secrets/data_key"),
            ("REDIS_URL", "rediss://:hunter2@cache"),
        ];
        let loaded = loaded(&[others.as_slice(), &SMTP].concat());
        assert_eq!(loaded.settings.environment, environment);
        assert_eq!(shown(&loaded, "environment").source, implied_by("ENVIRONMENT"));
    }
}

#[test]
fn a_deployment_starts_from_log_level_alone_in_any_case() {
    for (text, level) in
        [("DEBUG", LogLevel::Debug), ("Info", LogLevel::Info), ("WARNING", LogLevel::Warn)]
    {
        assert_eq!(loaded(&[("LOG_LEVEL", text)]).settings.log.level, level);
    }
}

#[test]
fn our_own_name_wins_over_a_borrowed_one() {
    let loaded = loaded(&[
        ("DOORWARD_STORAGE__URL", "sqlite://own.db"),
        ("DATABASE_URL", "postgres://host/db"),
        ("MONGODB_URI", "mongodb://host/db"),
        ("DOORWARD_EPHEMERAL__URL", "storage://"),
        ("REDIS_URL", "nonsense"),
        ("DOORWARD_LOG__LEVEL", "error"),
        ("LOG_LEVEL", "nonsense"),
        ("DOORWARD_ENVIRONMENT", "development"),
        ("ENVIRONMENT", "production"),
    ]);
    let StorageSettings::Sqlite { path } = &loaded.settings.storage else { panic!("one file") };
    assert_eq!(path, Path::new("own.db"));
    assert!(matches!(loaded.settings.ephemeral, EphemeralSettings::Storage));
    assert_eq!(loaded.settings.log.level, LogLevel::Error);
    assert_eq!(loaded.settings.environment, Environment::Development);
}

#[test]
fn an_own_name_that_says_none_does_not_hide_a_borrowed_one() {
    let mistakes = mistakes(&[("DOORWARD_ENVIRONMENT", ""), ("ENVIRONMENT", "production")]);
    assert!(mistakes.iter().any(|mistake| mistake.setting == "data_key"), "{mistakes}");
}

#[test]
fn an_empty_borrowed_name_counts_as_unset() {
    let loaded = loaded(&[("DATABASE_URL", ""), ("JWT_SECRET", ""), ("MONGODB_URI", "")]);
    assert!(loaded.shown.iter().all(|shown| shown.source == Source::Default));
}

#[test]
fn jwt_secrets_that_agree_are_one() {
    let secret = "0123456789abcdef0123456789abcdef";
    let loaded = loaded(&[("JWT_SECRET", secret), ("JWT_ACCESS_SECRET", secret)]);
    assert_eq!(shown(&loaded, "keys.shared_secret").value, r#"["env:JWT_SECRET"]"#);
}

#[test]
fn jwt_secrets_that_disagree_are_a_mistake() {
    insta::assert_snapshot!(mistakes(&[("JWT_SECRET", "one"), ("JWT_ACCESS_SECRET", "other")]), @r#"
there is a mistake in the settings:
  keys.shared_secret (implied by JWT_ACCESS_SECRET): JWT_SECRET and JWT_ACCESS_SECRET disagree; unset one of them, or set keys.shared_secret
"#);
}

#[test]
fn a_jwt_secret_is_passed_over_with_a_warning_where_another_algorithm_is_set() {
    let loaded = loaded(&[RS256, ("JWT_SECRET", "one"), ("JWT_SECRET_KEY", "other")]);
    assert_eq!(loaded.settings.keys.signing.algorithm(), Algorithm::RS256);
    let sources: Vec<&Source> = loaded.warnings.iter().map(|warning| &warning.source).collect();
    assert_eq!(sources, [&implied_by("JWT_SECRET"), &implied_by("JWT_SECRET_KEY")]);
    insta::assert_snapshot!(
        loaded.warnings[0],
        @r#"keys.algorithm (implied by JWT_SECRET): not used, because keys.algorithm is set to RS256"#
    );
}

#[test]
fn a_jwt_secret_needs_no_warning_where_hs256_is_set() {
    let loaded = loaded(&[("DOORWARD_KEYS__ALGORITHM", "HS256"), ("JWT_SECRET", "x")]);
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert_eq!(loaded.settings.keys.signing.algorithm(), Algorithm::HS256);
}

#[test]
fn names_of_backends_that_this_version_lacks_are_mistakes() {
    insta::assert_snapshot!(mistakes(&[
        ("COGNITO_USER_POOL_ID", "pool"),
        ("COGNITO_CLIENT_ID", "client"),
    ]), @r#"
there are 2 mistakes in the settings:
  identity.backend (implied by COGNITO_USER_POOL_ID): this version has no Cognito backend; unset COGNITO_USER_POOL_ID
  identity.backend (implied by COGNITO_CLIENT_ID): this version has no Cognito backend; unset COGNITO_CLIENT_ID
"#);
}

#[test]
fn a_database_url_of_a_store_that_this_version_lacks_is_a_mistake() {
    insta::assert_snapshot!(mistakes(&[("DATABASE_URL", "mysql://user:hunter2@host/db")]), @r#"
there is a mistake in the settings:
  storage.url (implied by DATABASE_URL): this version has no MySQL backend; write sqlite://data/doorward.db, postgres://host/database, mongodb://host/database or dynamodb://TABLE
"#);
}

#[test]
fn production_takes_borrowed_urls_with_their_passwords_over_tls() {
    for (name, url) in [
        ("DATABASE_URL", "postgres://ada:hunter2@db/auth?sslmode=verify-full"),
        ("MONGODB_URI", "mongodb://ada:hunter2@db/auth?tls=true"),
        ("REDIS_URL", "rediss://:hunter2@cache"),
    ] {
        loaded(&[PRODUCTION.as_slice(), &[(name, url)]].concat());
    }
    insta::assert_snapshot!(mistakes_in_production(&[
        ("DATABASE_URL", "postgres://ada:hunter2@db/auth"),
        ("REDIS_URL", "redis://:hunter2@cache"),
    ]), @r#"
there are 2 mistakes in the settings:
  storage.url (implied by DATABASE_URL): may send everything in clear to another machine, which production refuses; add sslmode=verify-full, and sslrootcert=PATH for an authority of your own
  ephemeral.url (implied by REDIS_URL): may send everything in clear to another machine, which production refuses; write rediss://
"#);
}

#[test]
fn an_environment_that_we_do_not_know_is_a_mistake() {
    insta::assert_snapshot!(mistakes(&[("ENVIRONMENT", "qa"), ("LOG_LEVEL", "loud")]), @r#"
there are 2 mistakes in the settings:
  environment (implied by ENVIRONMENT): "qa" is not known; write development, staging or production
  log.level (implied by LOG_LEVEL): "loud" is not known; write error, warn, info, debug or trace
"#);
}
