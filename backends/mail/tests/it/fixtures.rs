//! Mails and settings as most tests want them.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use contracts::{
    BoxError, CredentialSource, Credentials, OutgoingMail, RenderedMail, SendMailError,
};
use domain::{EmailAddress, MailId, Timestamp};
use mail::{Sender, SmtpSecurity, SmtpSettings, SmtpTransport};
use secrecy::SecretString;
use tokio::sync::Mutex;

/// 22 November 2026, 07:35 UTC.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_ms(1_795_332_900_000);

pub(crate) fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

/// The mail number `number`.
pub(crate) fn mail_id(number: u8) -> MailId {
    MailId::new(NOW, [number; 10])
}

pub(crate) fn mail_to(recipient: &str) -> OutgoingMail {
    OutgoingMail {
        id: mail_id(1),
        recipient: address(recipient),
        created_at: NOW,
        rendered: RenderedMail {
            subject: "Hello".to_owned(),
            text: SecretString::from("Some words\n"),
            html: SecretString::from("<p>Some words</p>\n"),
        },
        link: None,
        code: None,
    }
}

/// A relay on this machine without protection.
pub(crate) fn settings(port: u16) -> SmtpSettings {
    SmtpSettings {
        host: "localhost".to_owned(),
        port,
        security: SmtpSecurity::None,
        ca_pem: None,
        from: Sender {
            name: Some("Example Accounts".to_owned()),
            address: address("accounts@service.example"),
        },
        reply_to: None,
        credentials: None,
        timeout: SmtpSettings::TIMEOUT,
    }
}

pub(crate) fn transport(settings: SmtpSettings) -> SmtpTransport {
    SmtpTransport::open(settings).unwrap()
}

/// A transport that gives a server up soon.
pub(crate) fn impatient_transport(port: u16, timeout: Duration) -> SmtpTransport {
    transport(SmtpSettings { timeout, ..settings(port) })
}

/// The error and its causes, as a log shows them.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        texts.push(error.to_string());
        cause = error.source();
    }
    texts.join(": ")
}

/// Why the mail was not sent, though it may be later.
pub(crate) fn failed(sent: Result<(), SendMailError>) -> String {
    let error = sent.unwrap_err();
    assert!(matches!(error, SendMailError::Failed(_)), "{}", chain(&error));
    chain(&error)
}

/// Why the mail never will be sent.
pub(crate) fn refused(sent: Result<(), SendMailError>) -> String {
    let error = sent.unwrap_err();
    assert!(matches!(error, SendMailError::Refused(_)), "{}", chain(&error));
    chain(&error)
}

/// Gives one password after the other, for the user `relay`.
pub(crate) struct Passwords(Mutex<Vec<&'static str>>);

impl Passwords {
    pub(crate) fn new(in_turn: &[&'static str]) -> Arc<Self> {
        Arc::new(Self(Mutex::new(in_turn.iter().rev().copied().collect())))
    }
}

#[async_trait]
impl CredentialSource for Passwords {
    async fn read_credentials(&self) -> Result<Credentials, BoxError> {
        let password = self.0.lock().await.pop().ok_or("nobody may read again")?;
        Ok(Credentials { username: "relay".to_owned(), password: password.into() })
    }
}
