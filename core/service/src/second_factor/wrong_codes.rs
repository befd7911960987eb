//! What the owner of an account hears of wrong codes.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use contracts::Replaced;
use domain::{MailTemplate, Quota, UserId};

use crate::Service;
use crate::failure::Failure;
use crate::policy::Origin;
use crate::user_changes::ATTEMPTS_MAX;

/// So many wrong codes are mistakes; the next one is told.
const MISTAKES: NonZeroU32 = NonZeroU32::new(9).unwrap();
/// In which time: whoever guesses slowly is told, too. Nor is the user told again within it.
const PERIOD: Duration = Quota::PERIOD_MAX;

impl Service {
    /// Tells the user at the tenth wrong code: somebody knows the password. Where that fails, the
    /// next wrong code tries again; this one was wrong whatever becomes of the mail.
    pub(super) async fn note_wrong_code(
        &self,
        user: &UserId,
        network: Option<IpAddr>,
        origin: &Origin,
    ) {
        let whom = format!("{} {user}", network.map(|it| it.to_string()).unwrap_or_default());
        let quota = Quota::new(MISTAKES, PERIOD).expect("its steps are hours");
        if !self.is_more_than(quota, "wrong_codes", &whom).await {
            return;
        }
        let Some(told) = self.first_time("wrong_codes", &whom, PERIOD).await else { return };
        match self.mail_wrong_codes(user, origin).await {
            Ok(()) => told.stands(),
            Err(_) => self.give_back(told).await,
        }
    }

    async fn mail_wrong_codes(&self, user: &UserId, origin: &Origin) -> Result<(), Failure> {
        for _ in 0..ATTEMPTS_MAX {
            let found = self.stores.users.find_user(user).await?;
            let Some(account) = found else { return Ok(()) };
            let mut change = self.change(&account.user, None, origin);
            change.mail(MailTemplate::WrongCodes);
            if change.replace.notices.mails.is_empty() {
                return Ok(());
            }
            if change.commit_guarded().await? == Replaced::Yes {
                return Ok(());
            }
        }
        Err(Failure::Contended)
    }
}
