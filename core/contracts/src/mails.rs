use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use domain::{EmailAddress, MailId, MailTemplate, Timestamp, UserId};
use secrecy::SecretString;

use crate::{BoxError, Replaced, Resealed, StoreError};

/// A mail as the change that it tells of leaves it: written in the same operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedMail {
    /// Names the mail; also its `Message-ID`, so that a mail which is sent twice can be told.
    pub id: MailId,
    /// Whose erasure takes it along; none of a mail that tells of what an erasure must not hide, or
    /// of the erasure itself.
    pub user: Option<UserId>,
    /// What it says.
    pub template: MailTemplate,
    /// Where it goes: the address as stored, never as somebody typed it later.
    pub recipient: EmailAddress,
    /// What the template is filled with, sealed by the service.
    pub sealed_values: Box<[u8]>,
    /// When it was written, and is due for the first time.
    pub created_at: Timestamp,
    /// When it must not be sent any more.
    pub expires_at: Timestamp,
}

/// Whether a mail is still on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailState {
    /// It will be tried when it is due.
    Waiting,
    /// It is not tried again, unless an operator says so.
    Dead,
}

impl MailState {
    const ALL: [Self; 2] = [Self::Waiting, Self::Dead];

    /// The stable name, in stores and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Dead => "dead",
        }
    }

    /// Reads the stable name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == text)
    }
}

/// A mail in the outbox, with what became of it so far. A mail that was sent is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxMail {
    /// The mail. Its values are empty once they were erased.
    pub mail: QueuedMail,
    /// Whether it is still on its way.
    pub state: MailState,
    /// How often it was tried.
    pub attempts: u32,
    /// When something has to be done with it next.
    pub due_at: Timestamp,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
}

/// Hands waiting mails to whoever sends them. They are written by the operations whose change they
/// tell of, never alone.
#[async_trait]
pub trait MailOutboxStore: Send + Sync {
    /// Takes up to `limit` mails that are due at `now`, in whatever state, the longest due first,
    /// and makes them due again at `lease_until`. Of several callers at once, one gets each mail.
    /// They come in no order that means anything.
    async fn claim_mails(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxMail>, StoreError>;

    /// The mail of that id.
    async fn find_mail(&self, id: MailId) -> Result<Option<OutboxMail>, StoreError>;

    /// Mails by id, after `after`.
    async fn list_mails(
        &self,
        after: Option<MailId>,
        limit: usize,
    ) -> Result<Vec<OutboxMail>, StoreError>;

    /// Replaces state, attempts, due time, error and values of a mail that is still due at
    /// `due_at`: somebody whose lease has run out changes nothing.
    async fn replace_mail(
        &self,
        mail: &OutboxMail,
        due_at: Timestamp,
    ) -> Result<Replaced, StoreError>;

    /// Replaces nothing but the values of a mail, if they are still the old ones.
    async fn replace_mail_values(
        &self,
        id: MailId,
        values: &Resealed,
    ) -> Result<Replaced, StoreError>;

    /// Removes a mail, which was sent or served its time; already gone is success.
    async fn delete_mail(&self, id: MailId) -> Result<(), StoreError>;

    /// Removes at most `limit` of the mails that the user's erasure would take along. Returns how
    /// many went.
    async fn delete_mails_of(&self, user: &UserId, limit: usize) -> Result<usize, StoreError>;
}

/// What a template is filled with.
#[derive(Clone, Debug, Default)]
pub struct MailValues {
    /// Where the reader proves the mailbox, token and all.
    pub link: Option<SecretString>,
    /// The same for typing.
    pub code: Option<SecretString>,
    /// How long the link works.
    pub link_ttl: Option<Duration>,
    /// How long the code works.
    pub code_ttl: Option<Duration>,
    /// When it happened.
    pub at: Option<Timestamp>,
    /// What the device calls itself: not to be believed.
    pub device: Option<String>,
    /// The client's IP address.
    pub ip: Option<String>,
    /// How many backup codes are left, where the mail is about that.
    pub codes_left: Option<usize>,
}

/// A template cannot be filled: an override has a mistake.
#[derive(Debug, thiserror::Error)]
#[error("the mail template {name} cannot be used")]
pub struct RenderMailError {
    /// The template's file.
    pub name: String,
    /// What is wrong with it.
    #[source]
    pub source: BoxError,
}

/// A mail in words.
#[derive(Clone)]
pub struct RenderedMail {
    /// One line.
    pub subject: String,
    /// For programs that show no HTML.
    pub text: SecretString,
    /// One document that loads nothing.
    pub html: SecretString,
}

/// Shows the subject, never the words: they may hold a link that proves the mailbox.
impl fmt::Debug for RenderedMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RenderedMail").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// Puts mails into words.
pub trait MailRenderer: Send + Sync {
    /// Fills the template.
    fn render(
        &self,
        template: MailTemplate,
        values: &MailValues,
    ) -> Result<RenderedMail, RenderMailError>;
}

/// A mail, ready to go.
#[derive(Clone, Debug)]
pub struct OutgoingMail {
    /// Names it; the same at every attempt.
    pub id: MailId,
    /// Where it goes.
    pub recipient: EmailAddress,
    /// When the change happened that it tells of.
    pub created_at: Timestamp,
    /// What it says.
    pub rendered: RenderedMail,
    /// The link in it, for the development mailbox.
    pub link: Option<SecretString>,
    /// The short code in it, for the development mailbox.
    pub code: Option<SecretString>,
}

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendMailError {
    /// This mail will never be taken: there is no such mailbox, or its content is refused.
    #[error("the mail was refused")]
    Refused(#[source] BoxError),
    /// The server did not take it now; the same mail may be taken later.
    #[error("the mail could not be sent")]
    Failed(#[source] BoxError),
}

/// Sends mails.
#[async_trait]
pub trait MailTransport: Send + Sync {
    /// Hands the mail over. Answers within half a minute whatever the server does.
    async fn send(&self, mail: &OutgoingMail) -> Result<(), SendMailError>;

    /// Succeeds if mails could be sent now; sends none.
    async fn check(&self) -> Result<(), SendMailError>;
}

/// The development mailbox, in which mails stay instead of being sent.
pub trait Mailbox: Send + Sync {
    /// The mails to that address, or to all, newest first.
    fn list(&self, recipient: Option<&EmailAddress>) -> Vec<OutgoingMail>;
}
