//! Mails as they wait: the template's name, the recipient, and sealed values. They are put into
//! words only when they are sent.

use std::time::Duration;

use contracts::{MailValues, QueuedMail};
use domain::{Client, EmailAddress, MailId, MailTemplate, Timestamp, User};
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
    codes_left: Option<usize>,
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
        let mut mail = self.queued(template, &values, recipient, record.created_at);
        mail.user = Some(record.user.clone());
        mail.expires_at = record.expires_at;
        mail
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
        self.notice(template, user, &happened(client, now), now)
    }

    /// The same, with how many backup codes are left.
    pub(crate) fn backup_codes_mail(
        &self,
        template: MailTemplate,
        user: &User,
        client: &Client,
        (now, codes_left): (Timestamp, usize),
    ) -> Option<QueuedMail> {
        let values = StoredValues { codes_left: Some(codes_left), ..happened(client, now) };
        self.notice(template, user, &values, now)
    }

    fn notice(
        &self,
        template: MailTemplate,
        user: &User,
        values: &StoredValues,
        now: Timestamp,
    ) -> Option<QueuedMail> {
        // These two must arrive whatever becomes of the account: a thief who changes the address
        // and erases the account right after does not erase the warning.
        let outlives_user =
            matches!(template, MailTemplate::AddressChanged | MailTemplate::AccountDeleted);
        user.is_email_verified.then(|| QueuedMail {
            user: (!outlives_user).then(|| user.id.clone()),
            ..self.queued(template, values, &user.email, now)
        })
    }

    /// The mail to the owner of an address that somebody else wanted to use. It says nothing of
    /// whoever that was.
    pub(crate) fn already_registered_mail(&self, owner: &User, now: Timestamp) -> QueuedMail {
        let values = StoredValues::default();
        let template = MailTemplate::AlreadyRegistered;
        let user = Some(owner.id.clone());
        QueuedMail { user, ..self.queued(template, &values, &owner.email, now) }
    }

    /// A mail of nobody in particular, for as long as notices are worth something.
    fn queued(
        &self,
        template: MailTemplate,
        values: &StoredValues,
        recipient: &EmailAddress,
        created_at: Timestamp,
    ) -> QueuedMail {
        let id = MailId::new(created_at, self.entropy.bytes());
        let plain = Zeroizing::new(serde_json::to_vec(values).expect("text and numbers are JSON"));
        QueuedMail {
            id,
            user: None,
            template,
            recipient: recipient.clone(),
            sealed_values: self.data_keys.seal(&identity(id), &plain, self.entropy.bytes()),
            created_at,
            expires_at: created_at.plus(NOTICE_TTL),
        }
    }

    /// What the template is filled with.
    pub(crate) fn mail_values(&self, mail: &QueuedMail) -> Result<MailValues, Failure> {
        let plain = self.data_keys.open(&identity(mail.id), &mail.sealed_values)?;
        let stored: StoredValues =
            serde_json::from_slice(&plain).map_err(|_| Failure::MalformedMail)?;
        let link = match (page_of(mail.template), &stored.challenge, &stored.token) {
            (Some(page), Some(challenge), Some(token)) => Some(self.link(page, challenge, token)),
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
            codes_left: stored.codes_left,
        })
    }

    /// Seals the values anew, where another data key than the first had sealed them. What does not
    /// open, or was erased, stays.
    pub(crate) fn reseal_values(&self, mail: &mut QueuedMail) {
        let identity = identity(mail.id);
        if self.data_keys.needs_reseal(&mail.sealed_values)
            && let Ok(plain) = self.data_keys.open(&identity, &mail.sealed_values)
        {
            mail.sealed_values = self.data_keys.seal(&identity, &plain, self.entropy.bytes());
        }
    }

    /// Where the reader proves the mailbox. The token stands in the fragment, which browsers keep
    /// to themselves: no proxy and no log sees it.
    fn link(&self, page: &str, challenge: &str, token: &str) -> SecretString {
        let base = &self.policy.links_base;
        SecretString::from(format!("{base}/pages/{page}?c={challenge}#{token}"))
    }
}

/// When it happened, and from where.
fn happened(client: &Client, at: Timestamp) -> StoredValues {
    StoredValues {
        at_ms: Some(at.unix_ms()),
        device: client.user_agent.as_deref().map(str::to_owned),
        ip: client.address.map(|address| address.to_string()),
        ..StoredValues::default()
    }
}

/// The page that the mail's link leads to, where it has one.
const fn page_of(template: MailTemplate) -> Option<&'static str> {
    match template {
        MailTemplate::VerifyAddress => Some("verify"),
        MailTemplate::ConfirmAddress => Some("confirm"),
        MailTemplate::ResetPassword => Some("reset"),
        MailTemplate::PasswordChanged
        | MailTemplate::AddressChanged
        | MailTemplate::AlreadyRegistered
        | MailTemplate::NewDevice
        | MailTemplate::FactorEnabled
        | MailTemplate::FactorDisabled
        | MailTemplate::BackupCodeUsed
        | MailTemplate::BackupCodesLow
        | MailTemplate::WrongCodes
        | MailTemplate::AccountDeleted => None,
    }
}

/// What ties sealed values to their mail: moved to another row they do not open.
pub(crate) fn identity(id: MailId) -> String {
    format!("mail/{id}")
}
