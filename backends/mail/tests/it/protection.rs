//! TLS and passwords.

use contracts::MailTransport;
use mail::{OpenSmtpError, SmtpSecurity, SmtpSettings, SmtpTransport};

use crate::catcher::Catcher;
use crate::certificates::Authority;
use crate::fixtures::{Passwords, chain, failed, mail_to, settings, transport};
use crate::scripted::{Scripted, well};

const RECIPIENT: &str = "ada@example.com";

async fn start_with(authority: &Authority, arguments: &[&str]) -> Catcher {
    let certificate = authority.arguments();
    let certificate = certificate.iter().map(String::as_str);
    Catcher::start(&arguments.iter().copied().chain(certificate).collect::<Vec<_>>()).await
}

fn trusting(authority: &Authority, security: SmtpSecurity, port: u16) -> SmtpSettings {
    SmtpSettings { security, ca_pem: Some(authority.pem.clone()), ..settings(port) }
}

#[tokio::test]
async fn a_mail_goes_over_tls_from_the_first_byte() {
    let authority = Authority::of_server("localhost");
    let mut catcher = start_with(&authority, &["--tls"]).await;
    let transport = transport(trusting(&authority, SmtpSecurity::Tls, catcher.port));
    transport.check().await.unwrap();
    transport.send(&mail_to(RECIPIENT)).await.unwrap();
    assert!(catcher.mail().await.is_encrypted());
}

#[tokio::test]
async fn a_mail_goes_over_tls_after_starttls() {
    let authority = Authority::of_server("localhost");
    let mut catcher = start_with(&authority, &["--starttls"]).await;
    let transport = transport(trusting(&authority, SmtpSecurity::StartTls, catcher.port));
    transport.check().await.unwrap();
    transport.send(&mail_to(RECIPIENT)).await.unwrap();
    assert!(catcher.mail().await.is_encrypted());
}

#[tokio::test]
async fn a_server_that_the_authority_does_not_vouch_for_gets_no_mail() {
    let authority = Authority::of_server("localhost");
    let another = Authority::of_server("localhost");
    for (option, security) in [("--tls", SmtpSecurity::Tls), ("--starttls", SmtpSecurity::StartTls)]
    {
        let catcher = start_with(&authority, &[option]).await;
        let told = SmtpTransport::open(trusting(&another, security, catcher.port)).unwrap();
        let failure = failed(told.send(&mail_to(RECIPIENT)).await);
        assert!(failure.contains("invalid peer certificate"), "{failure}");
        assert!(catcher.end().await.is_empty());
    }
}

#[tokio::test]
async fn a_server_that_the_machine_does_not_trust_gets_no_mail() {
    let authority = Authority::of_server("localhost");
    let catcher = start_with(&authority, &["--tls"]).await;
    let security = SmtpSecurity::Tls;
    match SmtpTransport::open(SmtpSettings { security, ..settings(catcher.port) }) {
        Ok(transport) => {
            let failure = failed(transport.send(&mail_to(RECIPIENT)).await);
            assert!(failure.contains("invalid peer certificate"), "{failure}");
        }
        // A machine that trusts nobody, such as a small container.
        Err(error) => assert!(matches!(error, OpenSmtpError::UnusableCertificates(_)), "{error}"),
    }
    assert!(catcher.end().await.is_empty());
}

#[tokio::test]
async fn a_server_of_another_name_gets_no_mail() {
    let authority = Authority::of_server("other.example");
    let catcher = start_with(&authority, &["--tls"]).await;
    let transport = transport(trusting(&authority, SmtpSecurity::Tls, catcher.port));
    let failure = failed(transport.send(&mail_to(RECIPIENT)).await);
    assert!(failure.contains("invalid peer certificate"), "{failure}");
    assert!(catcher.end().await.is_empty());
}

#[tokio::test]
async fn without_starttls_nothing_is_sent_in_the_clear() {
    let server = Scripted::start(|_, line| Some(well(line))).await;
    let authority = Authority::of_server("localhost");
    let credentials = Passwords::new(&["hunter2"]);
    let transport = transport(SmtpSettings {
        credentials: Some(credentials),
        ..trusting(&authority, SmtpSecurity::StartTls, server.port)
    });
    let failure = failed(transport.send(&mail_to(RECIPIENT)).await);
    assert_eq!(
        failure,
        "the mail could not be sent: STARTTLS failed: internal client error: \
         STARTTLS is not supported on this server"
    );
    failed(transport.check().await);
    let seen = server.seen();
    assert!(seen.iter().all(|line| line.ends_with("EHLO service.example")), "{seen:?}");
}

#[tokio::test]
async fn a_mail_goes_with_the_password_that_the_server_wants() {
    let authority = Authority::of_server("localhost");
    for (option, security) in [("--tls", SmtpSecurity::Tls), ("--starttls", SmtpSecurity::StartTls)]
    {
        let mut catcher = start_with(&authority, &[option, "--auth", "relay:hunter2"]).await;
        let transport = transport(SmtpSettings {
            // One password: it is read once, though there are two connections.
            credentials: Some(Passwords::new(&["hunter2"])),
            ..trusting(&authority, security, catcher.port)
        });
        transport.check().await.unwrap();
        transport.send(&mail_to(RECIPIENT)).await.unwrap();
        assert_eq!(catcher.mail().await.user(), Some("relay"));
    }
}

#[tokio::test]
async fn a_password_that_was_changed_takes_effect_after_the_old_one_was_refused() {
    let authority = Authority::of_server("localhost");
    let mut catcher = start_with(&authority, &["--tls", "--auth", "relay:hunter3"]).await;
    let transport = transport(SmtpSettings {
        credentials: Some(Passwords::new(&["hunter2", "hunter3"])),
        ..trusting(&authority, SmtpSecurity::Tls, catcher.port)
    });
    let error = transport.send(&mail_to(RECIPIENT)).await.unwrap_err();
    // The server repeats the password; nobody here does.
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    assert_eq!(
        chain(&error),
        "the mail could not be sent: the mail server answered AUTH with 535 5.7.8"
    );
    failed(Err(error));
    transport.send(&mail_to(RECIPIENT)).await.unwrap();
    assert_eq!(catcher.mail().await.user(), Some("relay"));
    assert!(catcher.end().await.is_empty());
}

#[tokio::test]
async fn a_check_tells_of_a_wrong_password() {
    let authority = Authority::of_server("localhost");
    let catcher = start_with(&authority, &["--tls", "--auth", "relay:hunter3"]).await;
    let transport = transport(SmtpSettings {
        credentials: Some(Passwords::new(&["hunter2"])),
        ..trusting(&authority, SmtpSecurity::Tls, catcher.port)
    });
    let failure = failed(transport.check().await);
    assert!(failure.ends_with("answered AUTH with 535 5.7.8"), "{failure}");
}

#[tokio::test]
async fn a_password_that_cannot_be_read_is_a_failure() {
    let server = Scripted::start(|_, line| Some(well(line))).await;
    let transport =
        transport(SmtpSettings { credentials: Some(Passwords::new(&[])), ..settings(server.port) });
    let failure = failed(transport.send(&mail_to(RECIPIENT)).await);
    assert_eq!(
        failure,
        "the mail could not be sent: the credentials of the mail server could not be read: \
         nobody may read again"
    );
}

#[test]
fn authorities_that_are_none_are_refused() {
    let open = |pem: &[u8]| {
        let security = SmtpSecurity::Tls;
        let ca_pem = Some(pem.to_vec());
        SmtpTransport::open(SmtpSettings { security, ca_pem, ..settings(1) }).err().unwrap()
    };
    assert!(matches!(open(b""), OpenSmtpError::NoCertificate));
    assert!(matches!(open(b"-----BEGIN PRIVATE KEY-----"), OpenSmtpError::NoCertificate));
    let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(open(broken), OpenSmtpError::UnusableCertificates(_)));
}
