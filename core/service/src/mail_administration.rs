//! What operators do with mails that were not sent, from the command line.

use contracts::{MailState, OutboxMail, Replaced};
use domain::{MailId, Timestamp};

use crate::Service;
use crate::failure::Failure;
use crate::nobody::is_nobody;

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

/// Whether a mail still has something to say, so that trying it again makes sense.
pub fn can_retry(mail: &OutboxMail, now: Timestamp) -> bool {
    !mail.mail.sealed_values.is_empty() && now < mail.mail.expires_at
}

impl Service {
    /// Mails in the outbox by id, after `after`; at most `limit`. Those of nobody are not shown: a
    /// page shorter than `limit` is the last one.
    pub async fn list_mails(
        &self,
        mut after: Option<MailId>,
        limit: usize,
    ) -> Result<Vec<OutboxMail>, Failure> {
        let mut mails = Vec::new();
        while mails.len() < limit {
            let page = self.stores.mails.list_mails(after, limit).await?;
            let is_last = page.len() < limit;
            after = page.last().map(|mail| mail.mail.id).or(after);
            let of_somebody = |mail: &OutboxMail| !mail.mail.user.as_ref().is_some_and(is_nobody);
            mails.extend(page.into_iter().filter(of_somebody));
            if is_last {
                break;
            }
        }
        mails.truncate(limit);
        Ok(mails)
    }

    /// Has a mail tried at once and as often as a new one. Of one that is being tried at this very
    /// moment, a second copy may go out.
    pub async fn retry_mail(&self, id: MailId) -> Result<(), RetryMailError> {
        let found = self.stores.mails.find_mail(id).await.map_err(Failure::Store)?;
        let mut mail = found.ok_or(RetryMailError::UnknownMail)?;
        let now = self.clock.now();
        if !can_retry(&mail, now) {
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
