//! How mails are sent, and what is refused because it would lose or expose them.

use std::path::Path;

use settings::{
    Loaded, MailTransportSettings, SecretInput, Settings, SmtpSecurity, SmtpSettings, SmtpUrl,
    Sources,
};

use crate::given::{
    PRODUCTION, SMTP, accepts, file, loaded, mistakes, mistakes_in_production, refuses, shown,
    warnings,
};

const CREDENTIALS: (&str, &str) = ("DOORWARD_MAIL__CREDENTIALS", "env:SMTP");
const CA_FILE: (&str, &str) = ("DOORWARD_MAIL__SMTP_CA_FILE", "ca.pem");

fn url(text: &str) -> (&str, &str) {
    ("DOORWARD_MAIL__SMTP_URL", text)
}

/// What the variables say, where mails are sent by SMTP. A later variable wins.
fn sending<'a>(variables: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [SMTP.as_slice(), variables].concat()
}

fn smtp(loaded: &Loaded) -> &SmtpSettings {
    let MailTransportSettings::Smtp(smtp) = &loaded.settings.mail.transport else {
        panic!("mails are sent by SMTP");
    };
    smtp
}

#[test]
fn mails_are_sent_as_the_environment_says() {
    let loaded = loaded(&sending(&[
        ("DOORWARD_MAIL__FROM", "Example <no-reply@example.com>"),
        ("DOORWARD_MAIL__REPLY_TO", "help@example.com"),
        url("smtps://mail.example.com"),
        CREDENTIALS,
        CA_FILE,
        ("DOORWARD_MAIL__TEMPLATES", "/etc/doorward/mails"),
        ("DOORWARD_MAIL__PRODUCT_NAME", "Example"),
    ]));
    let mail = &loaded.settings.mail;
    assert_eq!(mail.from.name.as_deref(), Some("Example"));
    assert_eq!(mail.from.address.as_typed(), "no-reply@example.com");
    assert_eq!(mail.reply_to.as_ref().unwrap().as_typed(), "help@example.com");
    assert_eq!(mail.templates.as_deref(), Some(Path::new("/etc/doorward/mails")));
    assert_eq!(mail.product_name, "Example");

    let smtp = smtp(&loaded);
    let host = "mail.example.com".to_owned();
    assert_eq!(smtp.url, SmtpUrl { host, port: 465, security: SmtpSecurity::Tls });
    assert_eq!(smtp.credentials.as_ref().map(SecretInput::to_string).as_deref(), Some("env:SMTP"));
    assert_eq!(smtp.ca_file.as_deref(), Some(Path::new("ca.pem")));
    assert_eq!(warnings(&loaded), "");
}

#[test]
fn mails_are_sent_as_a_file_says() {
    let file = file(
        "[mail]\ntransport = \"smtp\"\nfrom = \"no-reply@example.com\"\n\
         smtp_url = \"smtp://mail.example.com\"\n",
    );
    let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
    let loaded = Settings::load(&sources).unwrap();
    let smtp = smtp(&loaded);
    assert_eq!((smtp.url.port, smtp.url.security), (587, SmtpSecurity::StartTls));
    assert!(smtp.credentials.is_none() && smtp.ca_file.is_none());
    assert_eq!(loaded.settings.mail.from.name, None);
}

#[test]
fn a_url_is_shown_with_its_port() {
    let loaded = loaded(&sending(&[]));
    assert_eq!(shown(&loaded, "mail.smtp_url").value, r#""smtp://mail.example.com:587""#);
    assert_eq!(shown(&loaded, "mail.from").value, r#""no-reply@example.com""#);
    assert_eq!(shown(&loaded, "mail.credentials").value, r#""""#);
}

#[test]
fn smtp_needs_a_server_and_a_sender() {
    insta::assert_snapshot!(mistakes(&[("DOORWARD_MAIL__TRANSPORT", "smtp")]), @r#"
there are 2 mistakes in the settings:
  mail.from (default): must be set, because mail.transport is smtp; write no-reply@example.com or Example <no-reply@example.com>
  mail.smtp_url (default): must be set, because mail.transport is smtp; write smtp://host:587, smtps://host:465, or smtp://host:25?tls=none for a relay on the same machine
"#);
}

#[test]
fn a_transport_of_a_later_version_is_refused_by_name() {
    insta::assert_snapshot!(mistakes(&[("DOORWARD_MAIL__TRANSPORT", "ses")]), @r#"
there is a mistake in the settings:
  mail.transport (environment DOORWARD_MAIL__TRANSPORT): this version has no ses transport; write smtp, which SES offers too
"#);
    insta::assert_snapshot!(mistakes(&[("DOORWARD_MAIL__TRANSPORT", "mail")]), @r#"
there is a mistake in the settings:
  mail.transport (environment DOORWARD_MAIL__TRANSPORT): "mail" is not known; write log or smtp
"#);
}

#[test]
fn what_is_said_about_smtp_is_not_lost_in_silence_where_mails_stay_in_memory() {
    let loaded = loaded(&[url("smtp://mail.example.com"), CREDENTIALS, CA_FILE]);
    assert!(matches!(loaded.settings.mail.transport, MailTransportSettings::Log));
    insta::assert_snapshot!(warnings(&loaded), @r#"
mail.smtp_url (environment DOORWARD_MAIL__SMTP_URL): not used: mails stay in memory unless mail.transport is smtp
mail.credentials (environment DOORWARD_MAIL__CREDENTIALS): not used: mails stay in memory unless mail.transport is smtp
mail.smtp_ca_file (environment DOORWARD_MAIL__SMTP_CA_FILE): not used: mails stay in memory unless mail.transport is smtp
"#);
    refuses("DOORWARD_MAIL__SMTP_URL", &["mail.example.com"]);
    refuses("DOORWARD_MAIL__CREDENTIALS", &["aws-ssm:smtp", "hunter2", r#"{"username":"a"}"#]);
}

#[test]
fn a_user_in_the_url_is_refused_in_favour_of_credentials() {
    insta::assert_snapshot!(mistakes(&sending(&[url("smtp://user:hunter2@mail.example.com")])), @r#"
there is a mistake in the settings:
  mail.smtp_url (environment DOORWARD_MAIL__SMTP_URL): has a user or password; name them with mail.credentials: a reference to a JSON object with username and password
"#);
}

#[test]
fn in_development_a_relay_on_the_network_needs_no_tls_but_gets_no_password() {
    let relay = url("smtp://mailpit:1025?tls=none");
    assert_eq!(smtp(&loaded(&sending(&[relay]))).url.security, SmtpSecurity::None);
    insta::assert_snapshot!(mistakes(&sending(&[relay, CREDENTIALS])), @r#"
there is a mistake in the settings:
  mail.credentials (environment DOORWARD_MAIL__CREDENTIALS): would be sent in clear, because mail.smtp_url has ?tls=none; leave out ?tls=none there, or unset mail.credentials
"#);
    loaded(&sending(&[url("smtp://localhost:1025?tls=none"), CREDENTIALS]));
}

#[test]
fn production_sends_nothing_in_clear_to_another_machine() {
    let relay = url("smtp://10.0.0.1:25?tls=none");
    insta::assert_snapshot!(mistakes_in_production(&[relay, CREDENTIALS]), @r#"
there is a mistake in the settings:
  mail.smtp_url (environment DOORWARD_MAIL__SMTP_URL): sends mails in clear to another machine, which production refuses; leave out ?tls=none, or write smtps://host:465
"#);
    let here = url("smtp://127.0.0.1:25?tls=none");
    loaded(&[PRODUCTION.as_slice(), &[here, CREDENTIALS]].concat());
}

#[test]
fn further_authorities_are_of_no_use_without_tls() {
    let loaded = loaded(&sending(&[url("smtp://localhost:25?tls=none"), CA_FILE]));
    insta::assert_snapshot!(warnings(&loaded), @r#"
mail.smtp_ca_file (environment DOORWARD_MAIL__SMTP_CA_FILE): not used: mail.smtp_url has ?tls=none
"#);
}

#[test]
fn senders_and_names_have_a_form() {
    accepts("DOORWARD_MAIL__FROM", &["a@b.example", "A B <a@b.example>"]);
    refuses("DOORWARD_MAIL__FROM", &["a", "A <a>", "A\nB <a@b.example>"]);
    accepts("DOORWARD_MAIL__REPLY_TO", &["a@b.example"]);
    refuses("DOORWARD_MAIL__REPLY_TO", &["a", "A <a@b.example>"]);
    let name = |characters| "ü".repeat(characters);
    accepts("DOORWARD_MAIL__PRODUCT_NAME", &["A", &name(64)]);
    refuses("DOORWARD_MAIL__PRODUCT_NAME", &["", " ", "A\tB", &name(65)]);
    insta::assert_snapshot!(
        mistakes(&[
            ("DOORWARD_MAIL__FROM", "Example <example.com>"),
            ("DOORWARD_MAIL__REPLY_TO", "Help <help@example.com>"),
            ("DOORWARD_MAIL__PRODUCT_NAME", "A\tB"),
        ]),
        @r#"
there are 3 mistakes in the settings:
  mail.from (environment DOORWARD_MAIL__FROM): is not an e-mail address; write no-reply@example.com or Example <no-reply@example.com>
  mail.reply_to (environment DOORWARD_MAIL__REPLY_TO): is not an e-mail address; write an address and nothing else, such as help@example.com
  mail.product_name (environment DOORWARD_MAIL__PRODUCT_NAME): "A\tB" is not a name that readers can be shown; write 1 to 64 characters without control characters
"#
    );
}

#[test]
fn a_path_with_a_nul_character_is_refused() {
    let file = file("[mail]\nsmtp_ca_file = \"a\\u0000\"\ntemplates = \"a\\u0000\"\n");
    let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
    let mistakes = Settings::load(&sources).unwrap_err();
    let settings: Vec<&str> = mistakes.iter().map(|mistake| mistake.setting.as_str()).collect();
    assert_eq!(settings, ["mail.smtp_ca_file", "mail.templates"]);
}
