use contracts::UserReplaced;
use domain::{
    CodeKind, EndReason, EventKind, OneTimeCode, Password, PasswordHash, User, WeakPassword,
};

use crate::Service;
use crate::failure::Failure;
use crate::hashing::HashingError;
use crate::one_time_codes::{PresentedCode, spend};
use crate::policy::Origin;
use crate::user_changes::{ATTEMPTS_MAX, UserChange};

/// Why a reset did not complete. Unless it says `CodeNotUsable`, the code still works, though a
/// short one may have lost a try.
#[derive(Debug, thiserror::Error)]
pub enum ResetPasswordError {
    /// The new password breaks the policy.
    #[error("the new password breaks the policy")]
    WeakPassword(#[from] WeakPassword),
    /// Unknown, used, expired, or its user is gone: one case, so that a guess teaches nothing.
    #[error("the reset code cannot be used")]
    CodeNotUsable,
    /// The password was not hashed.
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// The work could not be done.
    #[error("the reset could not be completed")]
    Failure(#[from] Failure),
}

impl Service {
    /// Replaces the password of the user that the code was sent to, and ends all their sessions.
    /// Whoever does this reads the mailbox, so the address is verified, too. The second factor
    /// stays, and the next sign-in asks for it: a mailbox is no second factor.
    pub async fn reset_password(
        &self,
        presented: &PresentedCode,
        new: &Password,
        origin: &Origin,
    ) -> Result<(), ResetPasswordError> {
        // First, because a person who mistypes must not lose a try.
        self.policy.password.check_for_anyone(new)?;
        // Found, not taken: hashing may be refused, and the code must outlive that.
        let code = self.proven_code(presented, &[CodeKind::ResetPassword]).await?;
        let code = code.ok_or(ResetPasswordError::CodeNotUsable)?;
        let user = self.user_to_reset(&code).await?;
        self.policy.password.check(new, &user.email, user.username.as_ref())?;
        let hash = self.hash_password(new).await?;
        for _ in 0..ATTEMPTS_MAX {
            let user = self.user_to_reset(&code).await?;
            match self.reset(&user, &code, &hash, origin).commit().await? {
                UserReplaced::Yes => return Ok(()),
                UserReplaced::Stale => {}
                UserReplaced::CodeNotUsable => return Err(ResetPasswordError::CodeNotUsable),
                outcome @ (UserReplaced::EmailTaken | UserReplaced::UsernameTaken) => {
                    return Err(Failure::ImpossibleOutcome(outcome).into());
                }
            }
        }
        Err(Failure::Contended.into())
    }

    async fn user_to_reset(&self, code: &OneTimeCode) -> Result<User, ResetPasswordError> {
        let found = self.account_of_code(code).await?;
        Ok(found.ok_or(ResetPasswordError::CodeNotUsable)?.user)
    }

    /// One operation: spend the code, set the hash, raise the session epoch, tell the world.
    fn reset<'a>(
        &'a self,
        user: &User,
        code: &OneTimeCode,
        hash: &PasswordHash,
        origin: &'a Origin,
    ) -> UserChange<'a> {
        let mut change = self.change(user, Some(&user.id), origin);
        change.spend(spend(code, change.at()));
        if !user.is_email_verified {
            change.replace.user.is_email_verified = true;
            // Set up before anybody had proved the address, and so maybe by a stranger.
            change.remove_factor();
            change.tell(EventKind::UserEmailVerified(user.email.clone()));
        }
        change.set_password(hash, EndReason::PasswordReset, None);
        change
    }
}
