use domain::{PendingStep, PendingToken};

use super::pending::PendingError;
use super::proving::{PresentedFactor, ProveFactorError};
use super::trusted_devices::Trust;
use crate::Service;
use crate::failure::Failure;
use crate::issue_session::{IssueSessionError, Issued, ProvenSignIn, Tokens};
use crate::limits::LimitReached;
use crate::policy::Origin;

/// Why a sign-in was not completed.
#[derive(Debug, thiserror::Error)]
pub enum VerifyFactorError {
    /// The session token is unknown, used, expired, tried too often, or the account has changed:
    /// sign in again.
    #[error("the session token is not valid")]
    NotUsable,
    /// The code is wrong, or was used. The session token still works, unless it was the last try.
    #[error("the code is not right")]
    WrongCode,
    /// The user was locked out meanwhile.
    #[error("the account is disabled")]
    AccountDisabled,
    /// Nobody has proved the address yet, which this deployment asks for.
    #[error("the address is not verified")]
    EmailNotVerified,
    /// Too many wrong codes.
    #[error(transparent)]
    LimitReached(LimitReached),
    /// The work could not be done.
    #[error("the sign-in could not be completed")]
    Failure(#[from] Failure),
}

impl Service {
    /// Completes a sign-in with its second factor. `trusts` asks that the device needs none for a
    /// while, where the deployment allows that.
    pub async fn verify_factor(
        &self,
        token: &PendingToken,
        presented: &PresentedFactor,
        trusts: bool,
        origin: &Origin,
    ) -> Result<Tokens, VerifyFactorError> {
        let (pending, account) = self.find_pending(token, PendingStep::Verification).await?;
        let proven = self.prove_factor(account, presented, Some(token), origin).await;
        let (account, method) = proven?;
        self.take_pending(token).await?;
        let methods = [pending.methods, vec![method]].concat();
        let trust = if trusts { Trust::Begins } else { Trust::None };
        match self.issue_session(ProvenSignIn { account, methods, trust, origin }).await? {
            Issued::Tokens(tokens) => Ok(*tokens),
            Issued::NextStep(_) => Err(VerifyFactorError::NotUsable),
        }
    }
}

impl From<PendingError> for VerifyFactorError {
    fn from(error: PendingError) -> Self {
        match error {
            PendingError::NotUsable => Self::NotUsable,
            PendingError::AccountDisabled => Self::AccountDisabled,
            PendingError::Failure(failure) => Self::Failure(failure),
        }
    }
}

impl From<ProveFactorError> for VerifyFactorError {
    fn from(error: ProveFactorError) -> Self {
        match error {
            ProveFactorError::WrongCode => Self::WrongCode,
            ProveFactorError::Superseded => Self::NotUsable,
            ProveFactorError::LimitReached(reached) => Self::LimitReached(reached),
            ProveFactorError::Failure(failure) => Self::Failure(failure),
        }
    }
}

impl From<IssueSessionError> for VerifyFactorError {
    fn from(error: IssueSessionError) -> Self {
        match error {
            IssueSessionError::Superseded => Self::NotUsable,
            IssueSessionError::EmailNotVerified => Self::EmailNotVerified,
            IssueSessionError::Failure(failure) => Self::Failure(failure),
        }
    }
}
