use std::path::Path;
use std::time::Duration;

use doorward_claims::Algorithm;
use settings::{
    Argon2Implementation, DataKeySettings, Environment, EphemeralSettings, EventSink, LogFormat,
    LogLevel, MailTransportSettings, PasswordAlgorithm, Source, StorageSettings, VerifyEmail,
    reference_markdown,
};

use crate::given::{loaded, shown};

#[test]
fn a_deployment_that_sets_nothing_starts_in_development() {
    let loaded = loaded(&[]);
    let settings = &loaded.settings;
    assert_eq!(settings.environment, Environment::Development);
    assert_eq!(settings.server.listen, "127.0.0.1:8080".parse().unwrap());
    assert_eq!(settings.server.operations_listen, "127.0.0.1:9090".parse().unwrap());
    assert!(matches!(settings.data_key, DataKeySettings::Generated));
    assert_eq!(settings.keys.signing.algorithm(), Algorithm::RS256);
    assert_eq!(settings.tokens.audience.iter().collect::<Vec<_>>(), ["api"]);
    assert_eq!(settings.registration.default_roles[0].as_str(), "USER");
    assert_eq!(settings.registration.verify_email, VerifyEmail::Optional);
    assert!(settings.registration.is_existing_revealed);
    assert_eq!(settings.events.sinks, [EventSink::Log]);
    assert_eq!((settings.log.level, settings.log.format), (LogLevel::Info, LogFormat::Auto));
    let StorageSettings::Sqlite { path } = &settings.storage else { panic!("one file") };
    assert_eq!(path, Path::new("data/doorward.db"));
    assert!(matches!(settings.ephemeral, EphemeralSettings::Memory));
    assert!(!settings.server.is_single_instance);
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
}

#[test]
fn the_default_times_are_those_of_the_contract() {
    let settings = loaded(&[]).settings;
    assert_eq!(settings.tokens.access_ttl, Duration::from_mins(15));
    assert_eq!(settings.tokens.refresh_ttl, Duration::from_hours(30 * 24));
    assert_eq!(settings.tokens.session_ttl_max, Duration::from_hours(90 * 24));
    assert_eq!(settings.tokens.refresh_leeway, Duration::from_secs(10));
    assert_eq!(settings.keys.grace, Duration::from_mins(20));
    assert_eq!(settings.codes.verify_ttl, Duration::from_hours(24));
    assert_eq!(settings.codes.reset_ttl, Duration::from_mins(10));
}

#[test]
fn mails_stay_in_memory_and_come_from_a_sender_of_development() {
    let mail = loaded(&[]).settings.mail;
    assert!(matches!(mail.transport, MailTransportSettings::Log));
    assert_eq!(mail.from.name.as_deref(), Some("Doorward"));
    assert_eq!(mail.from.address.as_typed(), "doorward@localhost.localdomain");
    assert_eq!((mail.reply_to, mail.templates), (None, None));
    assert_eq!(mail.product_name, "Doorward");
}

#[test]
fn passwords_are_hashed_with_the_fast_argon2id_and_checked_against_the_blocklist() {
    let password = loaded(&[]).settings.password;
    assert_eq!(password.algorithm, PasswordAlgorithm::Argon2id);
    assert_eq!(password.implementation, Argon2Implementation::Argon2Rust);
    assert_eq!((password.policy.characters_min, password.policy.bytes_max), (8, 512));
    assert!(password.policy.has_blocklist);
    assert_eq!(password.hashing_threads, None);
}

#[test]
fn the_issuer_follows_the_port_that_the_listener_got() {
    let server = loaded(&[("DOORWARD_SERVER__LISTEN", "127.0.0.1:0")]).settings.server;
    let bound = "127.0.0.1:49152".parse().unwrap();
    assert_eq!(server.public_url_for(bound).as_str(), "http://127.0.0.1:49152");

    let url = ("DOORWARD_SERVER__PUBLIC_URL", "http://localhost:3000");
    let server = loaded(&[url]).settings.server;
    assert_eq!(server.public_url_for(bound).as_str(), url.1);
}

#[test]
fn what_is_derived_is_shown_worked_out() {
    let loaded = loaded(&[("DOORWARD_TOKENS__ACCESS_TTL", "1h")]);
    for (path, value) in [
        ("environment", r#""development""#),
        ("server.public_url", r#""http://127.0.0.1:8080""#),
        ("keys.grace", r#""65m""#),
        ("mail.from", r#""Doorward <doorward@localhost.localdomain>""#),
    ] {
        assert_eq!(shown(&loaded, path).value, value, "{path}");
        assert_eq!(shown(&loaded, path).source, Source::Default, "{path}");
    }
}

#[test]
fn the_reference_has_a_row_for_every_setting() {
    let page = reference_markdown();
    for shown in loaded(&[]).shown {
        assert_eq!(page.matches(&format!("| `{}` | `DOORWARD_", shown.path)).count(), 1);
    }
    assert!(page.contains(
        "| `tokens.refresh_leeway` | `DOORWARD_TOKENS__REFRESH_LEEWAY` | `\"10s\"` | How long the \
         refresh token just replaced is answered with the same next one: 0s to 60s. |\n"
    ));
    assert!(page.contains("| `server.base_path` | `DOORWARD_SERVER__BASE_PATH` | none |"));
}
