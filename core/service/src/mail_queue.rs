//! Mails as they wait: the template's name, the recipient, and sealed values. They are put into
//! words only when they are sent.

use std::time::Duration;

use contracts::{MailValues, QueuedMail};
use domain::{Client, EmailAddress, MailId, MailTemplate, Timestamp, User, UserId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::Service;
use crate::failure::Failure;
use crate::one_time_codes::{FreshCode, write_code_token};

/// How long it is worth telling somebody what happened.
const NOTICE_TTL: Duration = Duration::from_hours(72);

/// What a template will be filled with, as it is sealed.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct StoredValues {
    challenge: Option<String>,
    token: Option<Zeroizing<String>>,
    code: Option<Zeroizing<String>>,
    link_ttl_s: Option<u64>,
    code_ttl_s: Option<u64>,
    at_ms: Option<i64>,
    device: Option<String>,
    ip: Option<String>,
}

impl Service {
    /// The mail that lets its reader prove the mailbox.
    pub(crate) fn code_mail(
        &self,
        template: MailTemplate,
        fresh: &FreshCode,
        recipient: &EmailAddress,
    ) -> QueuedMail {
        let record = &fresh.record;
        let short_ttl = record.short_code_expires_at.since(record.created_at);
        let token = write_code_token(&fresh.token);
        let values = StoredValues {
            challenge: Some(record.challenge.to_string()),
            token: Some(Zeroizing::new(token.expose_secret().to_owned())),
            code: Some(fresh.short.to_text()),
            link_ttl_s: Some(record.expires_at.since(record.created_at).as_secs()),
            code_ttl_s: Some(short_ttl.as_secs()),
            ..StoredValues::default()
        };
        let times = (record.created_at, record.expires_at);
        self.queued(template, &record.user, recipient, (&values, times))
    }

    /// The mail that tells a user what happened, from which client. Only proven addresses are told:
    /// another could be that of a stranger who never signed up.
    pub(crate) fn notice_mail(
        &self,
        template: MailTemplate,
        user: &User,
        client: &Client,
        now: Timestamp,
    ) -> Option<QueuedMail> {
        let values = StoredValues {
            at_ms: Some(now.unix_ms()),
            device: client.user_agent.as_deref().map(str::to_owned),
            ip: client.address.map(|address| address.to_string()),
            ..StoredValues::default()
        };
        let times = (now, now.plus(NOTICE_TTL));
        user.is_email_verified
            .then(|| self.queued(template, &user.id, &user.email, (&values, times)))
    }

    /// The mail to the owner of an address with which somebody wanted to sign up. It says nothing
    /// of whoever that was.
    pub(crate) fn already_registered_mail(&self, owner: &User, now: Timestamp) -> QueuedMail {
        let contents = (&StoredValues::default(), (now, now.plus(NOTICE_TTL)));
        self.queued(MailTemplate::AlreadyRegistered, &owner.id, &owner.email, contents)
    }

    fn queued(
        &self,
        template: MailTemplate,
        user: &UserId,
        recipient: &EmailAddress,
        (values, (created_at, expires_at)): (&StoredValues, (Timestamp, Timestamp)),
    ) -> QueuedMail {
        let id = MailId::new(created_at, self.entropy.bytes());
        let plain = Zeroizing::new(serde_json::to_vec(values).expect("text and numbers are JSON"));
        QueuedMail {
            id,
            user: user.clone(),
            template,
            recipient: recipient.clone(),
            sealed_values: self.data_keys.seal(&identity(id), &plain, self.entropy.bytes()),
            created_at,
            expires_at,
        }
    }

    /// What the template is filled with.
    pub(crate) fn mail_values(&self, mail: &QueuedMail) -> Result<MailValues, Failure> {
        let plain = self.data_keys.open(&identity(mail.id), &mail.sealed_values)?;
        let stored: StoredValues =
            serde_json::from_slice(&plain).map_err(|_| Failure::MalformedMail)?;
        let page = match mail.template {
            MailTemplate::VerifyAddress => "verify",
            MailTemplate::ConfirmAddress => "confirm",
            MailTemplate::ResetPassword => "reset",
            _ => "",
        };
        let link = match (&stored.challenge, &stored.token) {
            (Some(challenge), Some(token)) => Some(self.link(page, challenge, token)),
            _ => None,
        };
        Ok(MailValues {
            link,
            code: stored.code.as_ref().map(|code| SecretString::from(code.as_str())),
            link_ttl: stored.link_ttl_s.map(Duration::from_secs),
            code_ttl: stored.code_ttl_s.map(Duration::from_secs),
            at: stored.at_ms.map(Timestamp::from_unix_ms),
            device: stored.device.clone(),
            ip: stored.ip.clone(),
        })
    }

    /// Where the reader proves the mailbox. The token stands in the fragment, which browsers keep
    /// to themselves: no proxy and no log sees it.
    fn link(&self, page: &str, challenge: &str, token: &str) -> SecretString {
        let base = &self.policy.links_base;
        SecretString::from(format!("{base}/pages/{page}?c={challenge}#{token}"))
    }
}

/// What ties sealed values to their mail: moved to another row they do not open.
fn identity(id: MailId) -> String {
    format!("mail/{id}")
}
