//! What settings must be together, and where their bounds lie.

use settings::{
    DataKeySettings, Environment, PasswordAlgorithm, SecretInput, SigningSettings, VerifyEmail,
};

use crate::given::{PRODUCTION, accepts, loaded, mistakes, mistakes_in_production, refuses, shown};

#[test]
fn numbers_and_durations_have_bounds() {
    accepts("DOORWARD_SERVER__TRUSTED_PROXIES", &["0", "16"]);
    refuses("DOORWARD_SERVER__TRUSTED_PROXIES", &["-1", "17", "9223372036854775808"]);
    accepts("DOORWARD_TOKENS__ACCESS_TTL", &["1m", "60s", "24h", "1d"]);
    refuses("DOORWARD_TOKENS__ACCESS_TTL", &["0s", "59s", "25h", ""]);
    accepts("DOORWARD_TOKENS__REFRESH_LEEWAY", &["0s", "60s"]);
    refuses("DOORWARD_TOKENS__REFRESH_LEEWAY", &["61s"]);
    accepts("DOORWARD_CODES__VERIFY_TTL", &["10m", "30d"]);
    refuses("DOORWARD_CODES__VERIFY_TTL", &["599s", "31d", ""]);
    accepts("DOORWARD_CODES__RESET_TTL", &["5m", "24h"]);
    refuses("DOORWARD_CODES__RESET_TTL", &["299s", "25h", ""]);
    accepts("DOORWARD_PASSWORD__CHARACTERS_MIN", &["8", "15", "64"]);
    refuses("DOORWARD_PASSWORD__CHARACTERS_MIN", &["7", "65"]);
    accepts("DOORWARD_PASSWORD__BYTES_MAX", &["64", "4096"]);
    refuses("DOORWARD_PASSWORD__BYTES_MAX", &["63", "4097"]);
    accepts("DOORWARD_PASSWORD__BCRYPT_COST", &["10", "15"]);
    refuses("DOORWARD_PASSWORD__BCRYPT_COST", &["9", "16"]);
    accepts("DOORWARD_PASSWORD__HASHING_THREADS", &["0", "256"]);
    refuses("DOORWARD_PASSWORD__HASHING_THREADS", &["257"]);
    accepts("DOORWARD_PASSWORD__QUEUE_MAX", &["1", "100000"]);
    refuses("DOORWARD_PASSWORD__QUEUE_MAX", &["0", "100001"]);
}

#[test]
fn words_are_those_that_are_documented() {
    accepts("DOORWARD_KEYS__ALGORITHM", &["RS256", "ES256", "EdDSA"]);
    refuses("DOORWARD_KEYS__ALGORITHM", &["rs256", "none", ""]);
    accepts("DOORWARD_LOG__LEVEL", &["error", "warn", "info", "debug", "trace"]);
    refuses("DOORWARD_LOG__LEVEL", &["INFO", "off"]);
    accepts("DOORWARD_LOG__FORMAT", &["json", "pretty", "auto"]);
    accepts("DOORWARD_PASSWORD__IMPLEMENTATION", &["argon2-rust", "rustcrypto"]);
    refuses("DOORWARD_PASSWORD__IMPLEMENTATION", &["argon2"]);
    accepts("DOORWARD_EVENTS__SINKS", &["", "log"]);
    refuses("DOORWARD_EVENTS__SINKS", &["webhook", "eventbridge", "stdout", "log,log"]);
    refuses("DOORWARD_ENVIRONMENT", &["dev", "Production"]);
    refuses("DOORWARD_REGISTRATION__DEFAULT_ROLES", &["two words", "A,A"]);
    accepts("DOORWARD_REGISTRATION__VERIFY_EMAIL", &["off", "optional", "required"]);
    refuses("DOORWARD_REGISTRATION__VERIFY_EMAIL", &["true", "Required", ""]);
    accepts("DOORWARD_MAIL__TRANSPORT", &["log"]);
    refuses("DOORWARD_MAIL__TRANSPORT", &["ses", "sendmail", "SMTP", ""]);
}

#[test]
fn times_must_fit_together() {
    refuses("DOORWARD_TOKENS__REFRESH_TTL", &["15m", "91d"]);
    accepts("DOORWARD_TOKENS__REFRESH_TTL", &["16m", "90d"]);
    refuses("DOORWARD_TOKENS__SESSION_TTL_MAX", &["29d"]);
    accepts("DOORWARD_TOKENS__SESSION_TTL_MAX", &["30d"]);
    refuses("DOORWARD_KEYS__GRACE", &["14m", "91d", "soon"]);
    accepts("DOORWARD_KEYS__GRACE", &["15m", "90d"]);
}

#[test]
fn two_listeners_on_one_port_are_a_mistake() {
    refuses("DOORWARD_SERVER__OPERATIONS_LISTEN", &["127.0.0.1:8080"]);
    accepts("DOORWARD_SERVER__OPERATIONS_LISTEN", &["127.0.0.1:0", "127.0.0.2:8080", "[::1]:9090"]);
}

#[test]
fn the_environment_must_be_set_where_others_can_reach_the_service() {
    for (name, value) in [
        ("DOORWARD_SERVER__LISTEN", "0.0.0.0:8080"),
        ("DOORWARD_SERVER__OPERATIONS_LISTEN", "192.0.2.1:9090"),
        ("DOORWARD_SERVER__PUBLIC_URL", "http://auth.example.com"),
    ] {
        refuses(name, &[value]);
        loaded(&[(name, value), ("DOORWARD_ENVIRONMENT", "development")]);
    }
    insta::assert_snapshot!(mistakes(&[("DOORWARD_SERVER__LISTEN", "[::]:8080")]), @r#"
there is a mistake in the settings:
  environment (default): must be set, because server.listen is not a loopback address; write development, staging or production
"#);
}

#[test]
fn a_wrong_listener_does_not_lead_to_further_mistakes() {
    refuses("DOORWARD_SERVER__LISTEN", &["localhost:8080"]);
    refuses("DOORWARD_SERVER__PUBLIC_URL", &["auth.example.com"]);
}

#[test]
fn an_issuer_that_names_every_address_gets_a_warning() {
    let listen = ("DOORWARD_SERVER__LISTEN", "0.0.0.0:8080");
    let loaded = loaded(&[listen, ("DOORWARD_ENVIRONMENT", "development")]);
    insta::assert_snapshot!(
        loaded.warnings[0],
        @r#"server.public_url (default): not set, so tokens name http://0.0.0.0:8080 as their issuer"#
    );
}

#[test]
fn production_starts_with_an_https_issuer_a_named_data_key_and_a_mail_server() {
    let settings = loaded(&PRODUCTION).settings;
    assert_eq!(settings.environment, Environment::Production);
    assert!(matches!(settings.data_key, DataKeySettings::Given(_)));
}

#[test]
fn production_and_staging_refuse_what_is_only_convenient() {
    let wrong = mistakes(&[
        ("DOORWARD_ENVIRONMENT", "production"),
        ("DOORWARD_KEYS__ALGORITHM", "HS256"),
        ("DOORWARD_KEYS__SHARED_SECRET", "0123456789abcdef0123456789abcdef"),
    ]);
    insta::assert_snapshot!(wrong, @r#"
there are 5 mistakes in the settings:
  data_key (default): must be set outside development, where none is generated; write ["env:NAME"] or ["file:PATH"], naming 32 random bytes in base64, e.g. of `openssl rand -base64 32`
  server.public_url (default): must be set in production; write the https URL under which clients reach the service
  ephemeral.url (default): lets each process count for itself, which production refuses; write storage:// or rediss://host:6379, or set server.single_instance = true if this process is the only one
  keys.shared_secret (environment DOORWARD_KEYS__SHARED_SECRET): holds a secret itself, which production refuses; name it: env:NAME, file:PATH, aws-sm:NAME or aws-ssm:/PATH, with #key for a member of a JSON object
  mail.transport (default): keeps mails in memory, which production refuses; set mail.transport = "smtp" and mail.smtp_url, and mail.from
"#);
    insta::assert_snapshot!(mistakes(&[
        ("DOORWARD_ENVIRONMENT", "staging"),
        ("DOORWARD_SERVER__PUBLIC_URL", "http://auth.example.com"),
        ("DOORWARD_DATA_KEY", "literal"),
    ]), @r#"
there are 4 mistakes in the settings:
  data_key (environment DOORWARD_DATA_KEY): holds a secret itself, which staging refuses; name it: env:NAME, file:PATH, aws-sm:NAME or aws-ssm:/PATH, with #key for a member of a JSON object
  server.public_url (environment DOORWARD_SERVER__PUBLIC_URL): is plain http, which staging refuses; write the https URL under which clients reach the service
  ephemeral.url (default): lets each process count for itself, which staging refuses; write storage:// or rediss://host:6379, or set server.single_instance = true if this process is the only one
  mail.transport (default): keeps mails in memory, which staging refuses; set mail.transport = "smtp" and mail.smtp_url, and mail.from
"#);
}

#[test]
fn production_takes_secrets_that_are_named() {
    let settings = loaded(
        &[
            PRODUCTION.as_slice(),
            &[
                ("DOORWARD_KEYS__ALGORITHM", "HS256"),
                ("DOORWARD_KEYS__SHARED_SECRET", r#"["env:NEW","file:/run/secrets/jwt#old"]"#),
            ],
        ]
        .concat(),
    );
    let SigningSettings::SharedSecrets(secrets) = settings.settings.keys.signing else {
        panic!("HS256 signs with shared secrets");
    };
    let names: Vec<String> = secrets.iter().map(SecretInput::to_string).collect();
    assert_eq!(names, ["env:NEW", "file:/run/secrets/jwt#old"]);
}

#[test]
fn references_that_name_nothing_are_refused() {
    let key = ("DOORWARD_DATA_KEY", "aws-ssm:doorward#data_key,env:");
    insta::assert_snapshot!(mistakes(&[key]), @r#"
there are 2 mistakes in the settings:
  data_key (environment DOORWARD_DATA_KEY): a reference aws-ssm: names nothing that can exist; write aws-ssm:/PATH
  data_key (environment DOORWARD_DATA_KEY): a reference env: names nothing that can exist; write env:NAME
"#);
    assert_eq!(mistakes_in_production(&[key]).iter().count(), 2);
}

#[test]
fn hs256_needs_a_secret_that_cannot_be_guessed() {
    let hs256 = ("DOORWARD_KEYS__ALGORITHM", "HS256");
    insta::assert_snapshot!(mistakes(&[hs256]), @r#"
there is a mistake in the settings:
  keys.shared_secret (default): must be set, because keys.algorithm is HS256; write a reference (env:NAME, file:PATH or aws-sm:NAME) to at least 32 random bytes, e.g. of `doorward key generate`
"#);
    let short = ("DOORWARD_KEYS__SHARED_SECRET", "0123456789abcdef0123456789abcde");
    insta::assert_snapshot!(mistakes(&[hs256, short]), @r#"
there is a mistake in the settings:
  keys.shared_secret (environment DOORWARD_KEYS__SHARED_SECRET): holds a secret of less than 32 bytes, which can be guessed; write a reference (env:NAME, file:PATH or aws-sm:NAME) to at least 32 random bytes, e.g. of `doorward key generate`
"#);
    loaded(&[hs256, ("DOORWARD_KEYS__SHARED_SECRET", "0123456789abcdef0123456789abcdef")]);
}

#[test]
fn a_shared_secret_that_nothing_signs_with_gets_a_warning() {
    let loaded = loaded(&[("DOORWARD_KEYS__SHARED_SECRET", "env:JWT")]);
    insta::assert_snapshot!(
        loaded.warnings[0],
        @r#"keys.shared_secret (environment DOORWARD_KEYS__SHARED_SECRET): not used: only keys.algorithm HS256 signs with a shared secret"#
    );
}

#[test]
fn bcrypt_lowers_the_default_length_and_refuses_a_longer_one_that_is_set() {
    let bcrypt = ("DOORWARD_PASSWORD__ALGORITHM", "bcrypt");
    let loaded = loaded(&[bcrypt]);
    assert_eq!(loaded.settings.password.policy.bytes_max, 72);
    assert_eq!(loaded.settings.password.algorithm, PasswordAlgorithm::Bcrypt { cost: 12 });
    assert_eq!(shown(&loaded, "password.bytes_max").value, "72");
    insta::assert_snapshot!(mistakes(&[bcrypt, ("DOORWARD_PASSWORD__BYTES_MAX", "73")]), @r#"
there is a mistake in the settings:
  password.bytes_max (environment DOORWARD_PASSWORD__BYTES_MAX): 73 is more than bcrypt hashes; write at most 72, or choose argon2id
"#);
}

#[test]
fn what_is_taken_is_hidden_only_where_nobody_signs_in_before_the_address_is_verified() {
    let hidden = ("DOORWARD_REGISTRATION__REVEAL_EXISTING", "false");
    refuses(hidden.0, &[hidden.1]);
    insta::assert_snapshot!(
        mistakes(&[hidden, ("DOORWARD_REGISTRATION__VERIFY_EMAIL", "off")]),
        @r#"
there is a mistake in the settings:
  registration.reveal_existing (environment DOORWARD_REGISTRATION__REVEAL_EXISTING): is false, which works only if registration.verify_email is required; set registration.verify_email = "required", or write true
"#
    );
    let required = ("DOORWARD_REGISTRATION__VERIFY_EMAIL", "required");
    let registration = loaded(&[hidden, required]).settings.registration;
    assert_eq!(registration.verify_email, VerifyEmail::Required);
    assert!(!registration.is_existing_revealed);
    assert!(loaded(&[required]).settings.registration.is_existing_revealed);
}
