use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use contracts::{MailTransport, OutgoingMail, SendMailError};
use domain::MailId;

use crate::Paused;
use crate::store_calls::Calls;

/// What a mail server says to a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailAnswer {
    /// It takes it.
    Taken,
    /// Not now.
    Failed,
    /// Never.
    Refused,
}

/// A mail server that says what it is told to, and remembers what it was asked.
pub struct ScriptedTransport {
    answer: Mutex<MailAnswer>,
    tried: Mutex<Vec<OutgoingMail>>,
    calls: Calls,
}

impl ScriptedTransport {
    /// A server that says this to every mail until [`ScriptedTransport::say`].
    pub fn new(answer: MailAnswer) -> Self {
        Self { answer: Mutex::new(answer), tried: Mutex::new(Vec::new()), calls: Calls::default() }
    }

    /// Has it say something else from now on.
    pub fn say(&self, answer: MailAnswer) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }

    /// Every mail that it was asked to take, whatever it said, the oldest first.
    pub fn tried(&self) -> Vec<OutgoingMail> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Their ids.
    pub fn tried_ids(&self) -> Vec<MailId> {
        self.tried().iter().map(|mail| mail.id).collect()
    }

    /// Holds up the next attempt.
    pub fn pause(&self) -> Paused {
        self.calls.pause("send")
    }
}

#[async_trait]
impl MailTransport for ScriptedTransport {
    async fn send(&self, mail: &OutgoingMail) -> Result<(), SendMailError> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner).push(mail.clone());
        // What a held-up server says was decided before.
        let answer = *self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.calls.enter("send").await;
        match answer {
            MailAnswer::Taken => Ok(()),
            MailAnswer::Failed => Err(SendMailError::Failed("the test said so".into())),
            MailAnswer::Refused => Err(SendMailError::Refused("the test said so".into())),
        }
    }

    async fn check(&self) -> Result<(), SendMailError> {
        Ok(())
    }
}
