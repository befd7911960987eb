use std::time::Duration;

use contracts::{Advanced, Reauthenticate};
use crypto::Verdict;
use domain::{AuthenticationMethod, Password, Session};
use secrecy::SecretString;

use crate::Service;
use crate::authenticate::Caller;
use crate::failure::Failure;
use crate::hashing::HashingError;
use crate::limits::LimitReached;
use crate::policy::Origin;
use crate::second_factor::{PresentedFactor, ProveFactorError};

/// How old an authentication may be for a call that changes how a user signs in (RFC 9470).
pub const RECENT: Duration = Duration::from_mins(10);

/// The caller has to authenticate again before this call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the authentication is too old for this")]
pub struct StepUpRequired;

/// An access token that says when its user authenticated last.
#[derive(Debug)]
pub struct SteppedUp {
    /// A signed JWT for services, and for our own calls.
    pub access_token: SecretString,
    /// How long it lives.
    pub expires_in: Duration,
}

/// Why a caller's authentication was not renewed.
#[derive(Debug, thiserror::Error)]
pub enum StepUpError {
    /// The password is not the user's.
    #[error("the password is not right")]
    WrongPassword,
    /// The code of the second factor is wrong, was used, or is missing.
    #[error("the code is not right")]
    WrongCode,
    /// Too many wrong codes.
    #[error(transparent)]
    LimitReached(LimitReached),
    /// One of the caller's roles asks for a second factor, which they have not: what they need is
    /// a sign-in, which has them set it up.
    #[error("a second factor has to be set up")]
    EnrolmentRequired,
    /// The caller's session has ended meanwhile.
    #[error("the session was ended")]
    Revoked,
    /// The password was not verified.
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// The work could not be done.
    #[error("the authentication could not be renewed")]
    Failure(#[from] Failure),
}

impl Service {
    /// Refuses a caller whose last authentication is too long ago, or was without the second factor
    /// that the user has. A sign-in counts.
    pub fn require_recent(&self, caller: &Caller) -> Result<(), StepUpRequired> {
        let Caller { session, account } = caller;
        let is_recent = self.clock.now().since(session.authenticated_at) < RECENT;
        let is_whole = account.user.second_factor().is_none() || session.has_second_factor();
        if is_recent && is_whole { Ok(()) } else { Err(StepUpRequired) }
    }

    /// Renews the time of the caller's authentication: in the session, so that all its later tokens
    /// have it, and in the access token that is returned. Neither a refresh token nor a rotation
    /// comes with it.
    pub async fn step_up(
        &self,
        caller: &Caller,
        password: &Password,
        presented: Option<&PresentedFactor>,
        origin: &Origin,
    ) -> Result<SteppedUp, StepUpError> {
        let Caller { session, account } = caller;
        if self.lacks_required_factor(&account.user) {
            return Err(StepUpError::EnrolmentRequired);
        }
        let verdict = self.verify_password_from(&origin.client, &account.user, password).await?;
        if verdict == Verdict::No {
            return Err(StepUpError::WrongPassword);
        }
        let (mut account, mut methods) = (account.clone(), vec![AuthenticationMethod::Password]);
        if account.user.second_factor().is_some() {
            let presented = presented.ok_or(StepUpError::WrongCode)?;
            let (proven, method) = self.prove_factor(account, presented, None, origin).await?;
            account = proven;
            methods.push(method);
        }
        let now = self.clock.now();
        let renewal = Reauthenticate {
            user: account.user.id.clone(),
            session: session.id,
            epoch: account.user.session_epoch,
            // Another instance's clock may be ahead, and the time only goes forward.
            at: now.max(session.authenticated_at),
            methods: methods.clone(),
        };
        let renewed = self.stores.sessions.advance_authentication(&renewal).await;
        if renewed.map_err(Failure::Store)? == Advanced::Stale {
            return Err(StepUpError::Revoked);
        }
        let session = Session { authenticated_at: renewal.at, methods, ..session.clone() };
        let token = self.access_token(&account, &session, now).await?;
        Ok(SteppedUp { access_token: token.token, expires_in: token.expires_in })
    }
}

impl From<ProveFactorError> for StepUpError {
    fn from(error: ProveFactorError) -> Self {
        match error {
            ProveFactorError::WrongCode => Self::WrongCode,
            ProveFactorError::Superseded => Self::Revoked,
            ProveFactorError::LimitReached(reached) => Self::LimitReached(reached),
            ProveFactorError::Failure(failure) => Self::Failure(failure),
        }
    }
}
