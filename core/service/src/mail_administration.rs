//! What operators do with mails that were not sent, from the command line.

use contracts::{MailState, OutboxMail, Replaced};
use domain::MailId;

use crate::Service;
use crate::failure::Failure;

/// Why a mail is not tried again.
#[derive(Debug, thiserror::Error)]
pub enum RetryMailError {
    /// It was sent, or served its time.
    #[error("there is no such mail in the outbox")]
    UnknownMail,
    /// What it would have said is erased: its code has expired.
    #[error("what the mail said has expired and is erased; the person has to ask for another")]
    Expired,
    /// The work could not be done.
    #[error("the mail could not be queued again")]
    Failure(#[from] Failure),
}

impl Service {
    /// Mails in the outbox by id, after `after`; at most `limit`.
    pub async fn list_mails(
        &self,
        after: Option<MailId>,
        limit: usize,
    ) -> Result<Vec<OutboxMail>, Failure> {
        Ok(self.stores.mails.list_mails(after, limit).await?)
    }

    /// Has a mail tried at once and as often as a new one. Of one that is being tried at this very
    /// moment, a second copy may go out.
    pub async fn retry_mail(&self, id: MailId) -> Result<(), RetryMailError> {
        let found = self.stores.mails.find_mail(id).await.map_err(Failure::Store)?;
        let mut mail = found.ok_or(RetryMailError::UnknownMail)?;
        let now = self.clock.now();
        if mail.mail.sealed_values.is_empty() || mail.mail.expires_at <= now {
            return Err(RetryMailError::Expired);
        }
        let was_due_at = mail.due_at;
        mail.state = MailState::Waiting;
        mail.attempts = 0;
        mail.due_at = now;
        let replaced = self.stores.mails.replace_mail(&mail, was_due_at).await;
        match replaced.map_err(Failure::Store)? {
            Replaced::Yes => Ok(()),
            // Somebody else has just done something with it.
            Replaced::Stale => Err(Failure::Contended.into()),
        }
    }
}
