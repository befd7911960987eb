use contracts::Replaced;
use crypto::Verdict;
use domain::{EndReason, Password, PasswordHash, User, WeakPassword};

use crate::Service;
use crate::authenticate::Caller;
use crate::failure::Failure;
use crate::hashing::HashingError;
use crate::policy::Origin;
use crate::user_changes::{ATTEMPTS_MAX, UserChange};

/// The password that a user has, and the one that they want.
#[derive(Clone, Debug)]
pub struct PasswordChange {
    /// What signs in now.
    pub current: Password,
    /// What shall sign in from now on.
    pub new: Password,
}

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
        passwords: &PasswordChange,
        origin: &Origin,
    ) -> Result<(), ChangePasswordError> {
        let PasswordChange { current, new } = passwords;
        let user = &caller.account.user;
        self.policy.password.check(new, &user.email, user.username.as_ref())?;
        if self.verify_password_from(&origin.client, user, current).await? == Verdict::No {
            return Err(ChangePasswordError::WrongPassword);
        }
        let hash = self.hash_password(new).await?;
        let mut user = user.clone();
        for _ in 0..ATTEMPTS_MAX {
            match self.new_password(&user, caller, &hash, origin).commit_guarded().await? {
                Replaced::Yes => return Ok(()),
                // Whoever raised the epoch may have set another password: what was verified above
                // holds only while it stands.
                Replaced::Stale => {
                    let found = self.still_signed_in(&user).await?;
                    user = found.ok_or(ChangePasswordError::Revoked)?.user;
                }
            }
        }
        Err(Failure::Contended.into())
    }

    fn new_password<'a>(
        &'a self,
        user: &User,
        caller: &Caller,
        hash: &PasswordHash,
        origin: &'a Origin,
    ) -> UserChange<'a> {
        let mut change = self.change(user, Some(&user.id), origin);
        change.set_password(hash, EndReason::PasswordChanged, Some(caller.session.id));
        change
    }
}
