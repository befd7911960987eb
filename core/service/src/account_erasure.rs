use std::time::Duration;

use contracts::{EraseUser, Notices, Replaced};
use domain::{EndReason, EventKind, MailTemplate, User};

use crate::Service;
use crate::authenticate::Caller;
use crate::event_log::Happening;
use crate::failure::Failure;
use crate::policy::Origin;
use crate::user_changes::ATTEMPTS_MAX;

/// Records of each kind that one step of a purge removes.
const STEP: usize = 500;
/// Steps of one purge; the next one goes on.
const STEPS_MAX: usize = 200;
/// How long a purge keeps looking after an erasure: longer than any request that was under way.
const SETTLES_AFTER: Duration = Duration::from_mins(15);

/// Why an account was not erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseAccountError {
    /// The caller's sessions were ended meanwhile.
    #[error("the session was ended")]
    Revoked,
    /// The work could not be done.
    #[error("the account could not be erased")]
    Failure(#[from] Failure),
}

impl Service {
    /// Erases the caller's account and all that belongs to it. The caller must have authenticated
    /// recently: see [`Service::require_recent`].
    pub async fn erase_account(
        &self,
        caller: &Caller,
        origin: &Origin,
    ) -> Result<(), EraseAccountError> {
        let mut user = caller.account.user.clone();
        for _ in 0..ATTEMPTS_MAX {
            let erased = self.stores.users.erase_user(&self.erasure(&user, origin)).await;
            if erased.map_err(Failure::Store)? == Replaced::Yes {
                return Ok(());
            }
            let found = self.stores.users.find_user(&user.id).await.map_err(Failure::Store)?;
            match found.map(|account| account.user) {
                // Somebody was faster.
                None => return Ok(()),
                // Whoever was shut out meanwhile must not take the account with them.
                Some(now) if now.session_epoch != user.session_epoch => {
                    return Err(EraseAccountError::Revoked);
                }
                Some(now) => user = now,
            }
        }
        Err(Failure::Contended.into())
    }

    /// Removes what erased users have left behind. Returns how many records went.
    pub async fn purge(&self) -> Result<usize, Failure> {
        let settled = self.clock.now().minus(SETTLES_AFTER);
        let mut purged = 0;
        for _ in 0..STEPS_MAX {
            let step = self.stores.users.delete_remains(settled, STEP).await?;
            purged += step;
            if step < STEP {
                break;
            }
        }
        Ok(purged)
    }

    fn erasure(&self, user: &User, origin: &Origin) -> EraseUser {
        let at = self.clock.now();
        let epoch = user.session_epoch.saturating_add(1);
        let happening = Happening { origin, actor: Some(&user.id), subject: Some(&user.id), at };
        let version = user.version.saturating_add(1);
        let deleted = EventKind::UserDeleted(user.email.clone());
        let revoked =
            EventKind::SessionRevoked { session: None, reason: EndReason::AccountDeleted };
        let events = vec![
            self.event_of_change(&happening, version, deleted),
            self.event(&happening, revoked),
        ];
        let farewell = self.notice_mail(MailTemplate::AccountDeleted, user, &origin.client, at);
        EraseUser {
            user: user.id.clone(),
            version: user.version,
            epoch,
            at,
            revocation: self.user_revocation(&user.id, epoch, None, at),
            notices: Notices { events, mails: farewell.into_iter().collect() },
        }
    }
}
