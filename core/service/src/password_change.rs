use contracts::UserReplaced;
use crypto::Verdict;
use domain::{EndReason, EventKind, MailTemplate, Password, PasswordHash, User, WeakPassword};

use crate::Service;
use crate::authenticate::Caller;
use crate::failure::Failure;
use crate::hashing::HashingError;
use crate::policy::Origin;
use crate::user_changes::{ATTEMPTS_MAX, UserChange};

/// Why a password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The new password breaks the policy.
    #[error("the new password breaks the policy")]
    WeakPassword(#[from] WeakPassword),
    /// The old password is not the user's.
    #[error("the current password is not right")]
    WrongPassword,
    /// The caller's sessions were ended meanwhile.
    #[error("the session was ended")]
    Revoked,
    /// A password was not hashed or not verified.
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// The work could not be done.
    #[error("the password could not be changed")]
    Failure(#[from] Failure),
}

impl Service {
    /// Replaces the caller's password and ends every other session of theirs. The caller must have
    /// authenticated recently: see [`Service::require_recent`].
    pub async fn change_password(
        &self,
        caller: &Caller,
        (current, new): (&Password, &Password),
        origin: &Origin,
    ) -> Result<(), ChangePasswordError> {
        let user = &caller.account.user;
        self.policy.password.check(new, &user.email, user.username.as_ref())?;
        if self.verify_password(Some(user), current).await? == Verdict::No {
            return Err(ChangePasswordError::WrongPassword);
        }
        let hash = self.hash_password(new).await?;
        let mut user = user.clone();
        for _ in 0..ATTEMPTS_MAX {
            match self.new_password(&user, caller, (&hash, origin)).commit().await? {
                UserReplaced::Yes => return Ok(()),
                // Whoever raised the epoch may have set another password: what was verified above
                // holds only while it stands.
                UserReplaced::Stale => {
                    let found = self.stores.users.find_user(&user.id).await;
                    user = found
                        .map_err(Failure::Store)?
                        .map(|account| account.user)
                        .filter(|now| now.session_epoch == user.session_epoch)
                        .ok_or(ChangePasswordError::Revoked)?;
                }
                // No change of the password has to do with these.
                UserReplaced::CodeNotUsable
                | UserReplaced::EmailTaken
                | UserReplaced::UsernameTaken => break,
            }
        }
        Err(Failure::Contended.into())
    }

    fn new_password<'a>(
        &'a self,
        user: &User,
        caller: &Caller,
        (hash, origin): (&PasswordHash, &'a Origin),
    ) -> UserChange<'a> {
        let mut change = self.change(user, Some(&user.id), origin);
        change.replace.user.password_hash = Some(hash.clone());
        change.tell(EventKind::UserPasswordChanged(origin.client.clone()));
        change.end_sessions(EndReason::PasswordChanged, Some(caller.session.id));
        change.mail(MailTemplate::PasswordChanged);
        change
    }
}
