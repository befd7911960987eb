use crypto::{HashPasswordError, Overloaded, Verdict, VerifyPasswordError};
use domain::{Client, Password, PasswordHash, User, WeakPassword};

use crate::Service;
use crate::failure::Failure;
use crate::limits::{Limit, LimitError, LimitReached};

/// Why hashing or verifying a password came to no answer.
#[derive(Debug, thiserror::Error)]
pub enum HashingError {
    /// Hashing has as much to do as it takes on.
    #[error("password hashing is at capacity")]
    Overloaded(#[from] Overloaded),
    /// The password cannot be hashed whole.
    #[error("the password breaks the policy")]
    WeakPassword(#[from] WeakPassword),
    /// Too many passwords were tried.
    #[error(transparent)]
    LimitReached(LimitReached),
    /// The work could not be done.
    #[error("the password could not be hashed")]
    Failure(#[from] Failure),
}

impl Service {
    /// Whether the password is the user's. Does the same work for nobody and for a user without
    /// one.
    pub(crate) async fn verify_password(
        &self,
        user: Option<&User>,
        password: &Password,
    ) -> Result<Verdict, HashingError> {
        let hash = user.and_then(|user| user.password_hash.as_ref());
        Ok(self.passwords.verify(password, hash).await?)
    }

    /// Whether the password is that of a user whom the caller has named by other means. As
    /// [`Service::sign_in`] does it, a wrong one counts.
    pub(crate) async fn verify_password_from(
        &self,
        client: &Client,
        user: &User,
        password: &Password,
    ) -> Result<Verdict, HashingError> {
        let counted = self.count(Limit::Login, client, user.email.key()).await?;
        let verdict = self.verify_password(Some(user), password).await;
        if matches!(verdict, Ok(Verdict::No)) {
            counted.stands();
        } else {
            self.give_back(counted).await;
        }
        verdict
    }

    /// The hash of a new password.
    pub(crate) async fn hash_password(
        &self,
        password: &Password,
    ) -> Result<PasswordHash, HashingError> {
        Ok(self.passwords.hash(password, self.entropy.bytes()).await?)
    }
}

impl From<LimitError> for HashingError {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Reached(reached) => Self::LimitReached(reached),
            LimitError::Failure(failure) => Self::Failure(failure),
        }
    }
}

impl From<VerifyPasswordError> for HashingError {
    fn from(error: VerifyPasswordError) -> Self {
        match error {
            VerifyPasswordError::Overloaded(overloaded) => Self::Overloaded(overloaded),
            VerifyPasswordError::UnusableHash(hash) => Self::Failure(hash.into()),
            VerifyPasswordError::Failed(failure) => Self::Failure(failure.into()),
        }
    }
}

impl From<HashPasswordError> for HashingError {
    fn from(error: HashPasswordError) -> Self {
        match error {
            HashPasswordError::Overloaded(overloaded) => Self::Overloaded(overloaded),
            // The policy has refused it already where bcrypt is chosen.
            HashPasswordError::TooLong => Self::WeakPassword(WeakPassword::TooLong(72)),
            HashPasswordError::Failed(failure) => Self::Failure(failure.into()),
        }
    }
}
