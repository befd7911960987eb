//! How mails leave this process, as the settings say.

use std::sync::Arc;

use async_trait::async_trait;
use contracts::{BoxError, MailTransport, Mailbox, SecretSource};
use mail::{
    CredentialSource, Credentials, DevelopmentMailbox, Sender, SmtpSecurity, SmtpTransport,
    Templates,
};
use secrecy::{ExposeSecret, SecretString};
use secrets::Secrets;
use serde::Deserialize;
use settings::{MailSettings, MailTransportSettings, SecretInput, SmtpSettings};

use crate::data_key::read_secret;
use crate::failure::Failure;

/// What puts mails into words, what sends them, and in development where they stay.
pub(crate) struct Mails {
    pub(crate) words: Templates,
    pub(crate) transport: Arc<dyn MailTransport>,
    pub(crate) mailbox: Option<Arc<dyn Mailbox>>,
}

/// Opens what the settings name. Sends nothing and connects to nothing.
pub(crate) fn open(settings: &MailSettings) -> Result<Mails, Failure> {
    let words = open_templates(settings)?;
    let MailTransportSettings::Smtp(smtp) = &settings.transport else {
        let mailbox = Arc::new(DevelopmentMailbox::new());
        return Ok(Mails { words, transport: mailbox.clone(), mailbox: Some(mailbox) });
    };
    let transport = Arc::new(open_smtp(settings, smtp)?);
    Ok(Mails { words, transport, mailbox: None })
}

/// The words of mails, those of `mail.templates` before our own.
pub(crate) fn open_templates(settings: &MailSettings) -> Result<Templates, Failure> {
    Templates::open(settings.templates.as_deref(), &settings.product_name)
        .map_err(Failure::of("mail.templates cannot be used"))
}

fn open_smtp(settings: &MailSettings, smtp: &SmtpSettings) -> Result<SmtpTransport, Failure> {
    let ca_pem = match &smtp.ca_file {
        None => None,
        Some(path) => {
            let what = format!("mail.smtp_ca_file {} cannot be read", path.display());
            Some(std::fs::read(path).map_err(Failure::of(what))?)
        }
    };
    let credentials = smtp.credentials.clone().map(|input| {
        Arc::new(NamedCredentials { input, secrets: Secrets::open() }) as Arc<dyn CredentialSource>
    });
    let security = match smtp.url.security {
        settings::SmtpSecurity::Tls => SmtpSecurity::Tls,
        settings::SmtpSecurity::StartTls => SmtpSecurity::StartTls,
        settings::SmtpSecurity::None => SmtpSecurity::None,
    };
    let from = &settings.from;
    SmtpTransport::open(mail::SmtpSettings {
        host: smtp.url.host.clone(),
        port: smtp.url.port,
        security,
        ca_pem,
        from: Sender { name: from.name.clone(), address: from.address.clone() },
        reply_to: settings.reply_to.clone(),
        credentials,
        timeout: mail::SmtpSettings::TIMEOUT,
    })
    .map_err(Failure::of("the mail transport cannot be used"))
}

/// Credentials that a setting names: read anew whenever the server has refused the old ones.
struct NamedCredentials {
    input: SecretInput,
    secrets: Secrets,
}

/// The JSON that `mail.credentials` names.
#[derive(Deserialize)]
struct StoredCredentials {
    username: String,
    password: SecretString,
}

#[async_trait]
impl CredentialSource for NamedCredentials {
    async fn read(&self) -> Result<Credentials, BoxError> {
        let secrets: &dyn SecretSource = &self.secrets;
        let text = read_secret(&self.input, secrets).await?;
        // What serde says of the text may repeat it.
        let stored: StoredCredentials = serde_json::from_str(text.expose_secret())
            .map_err(|_| "mail.credentials is no JSON object with username and password")?;
        Ok(Credentials { username: stored.username, password: stored.password })
    }
}
