//! How mails leave this process, as the settings say.

use std::sync::Arc;

use contracts::{MailTransport, Mailbox};
use mail::{DevelopmentMailbox, Sender, SmtpSecurity, SmtpTransport, Templates};
use settings::{MailSettings, MailTransportSettings, SmtpSettings};

use crate::credentials;
use crate::elsewhere::Elsewhere;
use crate::failure::Failure;

/// What puts mails into words, what sends them, and in development where they stay.
pub(crate) struct Mails {
    pub(crate) words: Templates,
    pub(crate) transport: Arc<dyn MailTransport>,
    pub(crate) mailbox: Option<Arc<dyn Mailbox>>,
}

/// Opens what the settings name. Sends nothing and connects to nothing.
pub(crate) fn open(settings: &MailSettings, elsewhere: &Elsewhere) -> Result<Mails, Failure> {
    let words = open_templates(settings)?;
    let MailTransportSettings::Smtp(smtp) = &settings.transport else {
        let mailbox = Arc::new(DevelopmentMailbox::new());
        return Ok(Mails { words, transport: mailbox.clone(), mailbox: Some(mailbox) });
    };
    let transport = Arc::new(open_smtp(settings, smtp, elsewhere)?);
    Ok(Mails { words, transport, mailbox: None })
}

/// The words of mails, those of `mail.templates` before our own.
pub(crate) fn open_templates(settings: &MailSettings) -> Result<Templates, Failure> {
    Templates::open(settings.templates.as_deref(), &settings.product_name)
        .map_err(Failure::of("mail.templates cannot be used"))
}

fn open_smtp(
    settings: &MailSettings,
    smtp: &SmtpSettings,
    elsewhere: &Elsewhere,
) -> Result<SmtpTransport, Failure> {
    let ca_pem = match &smtp.ca_file {
        None => None,
        Some(path) => {
            let what = format!("mail.smtp_ca_file {} cannot be read", path.display());
            Some(std::fs::read(path).map_err(Failure::of(what))?)
        }
    };
    let credentials = credentials::named("mail.credentials", smtp.credentials.as_ref(), elsewhere);
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
