use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use contracts::{MailTransport, Mailbox, OutgoingMail, SendMailError};
use domain::EmailAddress;

/// Keeps mails in memory instead of sending them, for development: whoever may read it can take
/// over every account.
#[derive(Debug, Default)]
pub struct DevelopmentMailbox {
    /// The newest last.
    mails: Mutex<VecDeque<OutgoingMail>>,
}

/// More than anybody looks through; the oldest makes room.
const MAILS_MAX: usize = 200;

impl DevelopmentMailbox {
    /// An empty mailbox.
    pub fn new() -> Self {
        Self::default()
    }

    /// No operation leaves the list half done, so a thread that panicked spoils nothing.
    fn mails(&self) -> MutexGuard<'_, VecDeque<OutgoingMail>> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl MailTransport for DevelopmentMailbox {
    async fn send(&self, mail: &OutgoingMail) -> Result<(), SendMailError> {
        let mut mails = self.mails();
        if mails.len() == MAILS_MAX {
            mails.pop_front();
        }
        mails.push_back(mail.clone());
        drop(mails);
        tracing::info!(mail.id = %mail.id, "a mail waits in the development mailbox");
        Ok(())
    }

    async fn check(&self) -> Result<(), SendMailError> {
        Ok(())
    }
}

impl Mailbox for DevelopmentMailbox {
    fn list(&self, recipient: Option<&EmailAddress>) -> Vec<OutgoingMail> {
        let is_asked_for =
            |mail: &&OutgoingMail| recipient.is_none_or(|asked| mail.recipient == *asked);
        self.mails().iter().rev().filter(is_asked_for).cloned().collect()
    }
}
