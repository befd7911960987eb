use contracts::Replaced;
use crypto::Verdict;
use domain::{Account, EndReason, EventKind, MailTemplate, Password, User};

use crate::Service;
use crate::authenticate::Caller;
use crate::failure::Failure;
use crate::hashing::HashingError;
use crate::policy::Origin;
use crate::user_changes::{ATTEMPTS_MAX, UserChange};

/// Why a user's own second factor was not disabled.
#[derive(Debug, thiserror::Error)]
pub enum DisableFactorError {
    /// None is enabled.
    #[error("no second factor is enabled")]
    NotEnabled,
    /// The password is not the user's.
    #[error("the password is not right")]
    WrongPassword,
    /// The caller's sessions were ended meanwhile.
    #[error("the session was ended")]
    Revoked,
    /// The password was not verified.
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// The work could not be done.
    #[error("the second factor could not be disabled")]
    Failure(#[from] Failure),
}

/// Why an operator did not remove a user's second factor.
#[derive(Debug, thiserror::Error)]
pub enum ResetFactorError {
    /// There is no such user.
    #[error("there is no such user")]
    UnknownUser,
    /// None is enabled.
    #[error("the user has no second factor")]
    NotEnabled,
    /// The work could not be done.
    #[error("the second factor could not be removed")]
    Failure(#[from] Failure),
}

impl Service {
    /// Removes the caller's second factor and ends every other session of theirs. The caller must
    /// have authenticated recently, by that factor: see [`Service::require_recent`].
    pub async fn disable_factor(
        &self,
        caller: &Caller,
        password: &Password,
        origin: &Origin,
    ) -> Result<(), DisableFactorError> {
        let mut user = caller.account.user.clone();
        if user.second_factor().is_none() {
            return Err(DisableFactorError::NotEnabled);
        }
        if self.verify_password_from(&origin.client, &user, password).await? == Verdict::No {
            return Err(DisableFactorError::WrongPassword);
        }
        for _ in 0..ATTEMPTS_MAX {
            if user.second_factor().is_none() {
                return Err(DisableFactorError::NotEnabled);
            }
            let change = self.without_factor(&user, Some(caller), origin);
            match change.commit_guarded().await? {
                Replaced::Yes => return Ok(()),
                Replaced::Stale => {
                    let found = self.still_signed_in(&user).await?;
                    user = found.ok_or(DisableFactorError::Revoked)?.user;
                }
            }
        }
        Err(Failure::Contended.into())
    }

    /// Removes the second factor of a user who has lost it, ends all their sessions, and tells
    /// them. For operators, who have made sure who asks.
    pub async fn reset_factor(
        &self,
        text: &str,
        origin: &Origin,
    ) -> Result<Account, ResetFactorError> {
        for _ in 0..ATTEMPTS_MAX {
            let found = self.show_user(text).await?;
            let account = found.ok_or(ResetFactorError::UnknownUser)?;
            if account.user.second_factor().is_none() {
                return Err(ResetFactorError::NotEnabled);
            }
            let change = self.without_factor(&account.user, None, origin);
            match change.commit_guarded().await? {
                Replaced::Yes => return Ok(Account { user: change.replace.user, ..account }),
                Replaced::Stale => {}
            }
        }
        Err(Failure::Contended.into())
    }

    /// By the user, whose session lives on, or by an operator.
    fn without_factor<'a>(
        &'a self,
        user: &User,
        caller: Option<&Caller>,
        origin: &'a Origin,
    ) -> UserChange<'a> {
        let mut change = self.change(user, caller.map(|_| &user.id), origin);
        change.remove_factor();
        match caller {
            Some(caller) => change.end_sessions(EndReason::FactorChanged, Some(caller.session.id)),
            None => change.end_sessions(EndReason::FactorReset, None),
        }
        change
    }
}

impl UserChange<'_> {
    /// Removes the second factor, and tells of it if it was enabled.
    pub(crate) fn remove_factor(&mut self) {
        let was_enabled = self.replace.user.second_factor().is_some();
        self.replace.user.totp = None;
        if was_enabled {
            let client = self.client().clone();
            self.tell(EventKind::UserMfaDisabled(client));
            self.mail(MailTemplate::FactorDisabled);
        }
    }
}
