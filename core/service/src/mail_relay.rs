//! The way of a mail out of the outbox: sent, tried again later, or given up and kept for an
//! operator to see. No request waits for any of it.

use std::time::Duration;

use contracts::{
    MailRenderer, MailState, MailTransport, OutboxMail, OutgoingMail, SendMailError, chain,
};
use domain::{MailTemplate, Timestamp};
use futures_util::future::join_all;

use crate::Service;
use crate::failure::Failure;
use crate::nobody::{is_nobody, nobody_at_all};

/// Mails that are sent at once.
const BATCH: usize = 8;
/// Mails of nobody that are removed in one step.
const NOBODYS_AT_ONCE: usize = 500;
/// How long a relay that dies keeps others from its mails: longer than any attempt takes.
const LEASE: Duration = Duration::from_mins(1);
/// The wait after a first failure; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// The longest wait.
const WAIT_MAX: Duration = Duration::from_hours(1);
/// Attempts before a mail is given up: about 15 hours of them.
const ATTEMPTS_MAX: u32 = 24;
/// How long a mail that was given up can be seen.
const DEAD_KEPT: Duration = Duration::from_hours(14 * 24);
/// Of what a server said, this much is kept.
const ERROR_CHARACTERS_MAX: usize = 300;

/// What one turn of the relay did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailsRelayed {
    /// Mails that the transport took.
    pub sent: usize,
    /// Mails that are tried again later.
    pub postponed: usize,
    /// Mails that were given up.
    pub given_up: usize,
    /// Whether there may be more that are due.
    pub has_more: bool,
}

/// What is to be done with a mail that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Duty {
    Send,
    /// It must not be sent any more.
    GiveUp,
    /// It was given up, and what it says has served its time.
    EraseValues,
    /// Nobody needs to see it any more, or nobody ever should.
    Remove,
}

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Sent,
    Postponed,
    GivenUp,
    Tidied,
}

impl Service {
    /// Sends mails that are due, and looks after those that cannot be sent.
    pub async fn relay_mails(
        &self,
        renderer: &dyn MailRenderer,
        transport: &dyn MailTransport,
    ) -> Result<MailsRelayed, Failure> {
        // Before anything is claimed, so that those of nobody do not keep others waiting.
        let nobody = nobody_at_all();
        while self.stores.mails.delete_mails_of(&nobody, NOBODYS_AT_ONCE).await? == NOBODYS_AT_ONCE
        {
        }
        let now = self.clock.now();
        let mails = self.stores.mails.claim_mails(now, now.plus(LEASE), BATCH).await?;
        let has_more = mails.len() == BATCH;
        let turns = mails.into_iter().map(|mail| self.attend(mail, renderer, transport));
        let mut relayed = MailsRelayed { has_more, ..MailsRelayed::default() };
        for fate in join_all(turns).await {
            match fate? {
                Fate::Sent => relayed.sent += 1,
                Fate::Postponed => relayed.postponed += 1,
                Fate::GivenUp => relayed.given_up += 1,
                Fate::Tidied => {}
            }
        }
        Ok(relayed)
    }

    async fn attend(
        &self,
        mut mail: OutboxMail,
        renderer: &dyn MailRenderer,
        transport: &dyn MailTransport,
    ) -> Result<Fate, Failure> {
        let lease = mail.due_at;
        let now = self.clock.now();
        let fate = match duty(&mail, now) {
            Duty::Remove => {
                self.stores.mails.delete_mail(mail.mail.id).await?;
                return Ok(Fate::Tidied);
            }
            Duty::EraseValues => {
                erase_values(&mut mail, now);
                Fate::Tidied
            }
            Duty::GiveUp => {
                mail.state = MailState::Dead;
                mail.last_error.get_or_insert_with(|| "it was not sent in time".to_owned());
                erase_values(&mut mail, now);
                Fate::GivenUp
            }
            Duty::Send => match self.send(&mail, renderer, transport).await {
                Ok(()) => {
                    self.stores.mails.delete_mail(mail.mail.id).await?;
                    return Ok(Fate::Sent);
                }
                Err(error) => note_failure(&mut mail, &error, self.clock.now()),
            },
        };
        if fate == Fate::GivenUp && mail.mail.template == MailTemplate::AccountDeleted {
            // Its recipient asked to be forgotten, and nobody can do anything about it.
            self.stores.mails.delete_mail(mail.mail.id).await?;
            return Ok(fate);
        }
        self.reseal_values(&mut mail.mail);
        // Stale means that our lease ran out, and another relay looks after the mail.
        self.stores.mails.replace_mail(&mail, lease).await?;
        Ok(fate)
    }

    async fn send(
        &self,
        mail: &OutboxMail,
        renderer: &dyn MailRenderer,
        transport: &dyn MailTransport,
    ) -> Result<(), SendMailError> {
        let queued = &mail.mail;
        let failed = |error: Failure| SendMailError::Failed(error.into());
        let values = self.mail_values(queued).map_err(failed)?;
        let words = renderer
            .render(queued.template, &values)
            .map_err(|error| SendMailError::Failed(error.into()))?;
        let outgoing = OutgoingMail {
            id: queued.id,
            recipient: queued.recipient.clone(),
            created_at: queued.created_at,
            rendered: words,
            link: values.link,
            code: values.code,
        };
        transport.send(&outgoing).await
    }
}

fn duty(mail: &OutboxMail, now: Timestamp) -> Duty {
    match mail.state {
        _ if mail.mail.user.as_ref().is_some_and(is_nobody) => Duty::Remove,
        MailState::Waiting if mail.mail.expires_at <= now => Duty::GiveUp,
        MailState::Waiting => Duty::Send,
        MailState::Dead if mail.mail.sealed_values.is_empty() => Duty::Remove,
        MailState::Dead => Duty::EraseValues,
    }
}

/// Removes what the mail would have said: codes that no longer work need not be kept, either.
fn erase_values(mail: &mut OutboxMail, now: Timestamp) {
    mail.mail.sealed_values = Box::default();
    mail.due_at = now.plus(DEAD_KEPT);
}

fn note_failure(mail: &mut OutboxMail, error: &SendMailError, now: Timestamp) -> Fate {
    mail.attempts = mail.attempts.saturating_add(1);
    mail.last_error = Some(in_words(error));
    let is_final = match error {
        SendMailError::Refused(_) => true,
        SendMailError::Failed(_) => mail.attempts >= ATTEMPTS_MAX,
    };
    if is_final {
        mail.state = MailState::Dead;
        // Until then an operator can have it tried again.
        mail.due_at = mail.mail.expires_at;
        return Fate::GivenUp;
    }
    mail.due_at = now.plus(wait_after(mail.attempts)).min(mail.mail.expires_at);
    Fate::Postponed
}

fn wait_after(attempts: u32) -> Duration {
    let doublings = attempts.saturating_sub(1).min(20);
    FIRST_WAIT.saturating_mul(1 << doublings).min(WAIT_MAX)
}

/// The error and all that led to it, of a bounded length and without control characters.
fn in_words(error: &SendMailError) -> String {
    chain(error).chars().filter(|c| !c.is_control()).take(ERROR_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_an_hour() {
        let waits = [1, 2, 3, 10, 11, 24].map(|attempts| wait_after(attempts).as_secs());
        assert_eq!(waits, [5, 10, 20, 2560, 3600, 3600]);
    }

    #[test]
    fn the_attempts_take_most_of_a_day() {
        let total: Duration = (1..ATTEMPTS_MAX).map(wait_after).sum();
        assert_eq!(total.as_secs() / 3600, 14);
    }
}
