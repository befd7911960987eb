use crypto::{HashPasswordError, Overloaded, Verdict, VerifyPasswordError};
use domain::{Password, PasswordHash, User, WeakPassword};

use crate::Service;
use crate::failure::Failure;

/// Why hashing or verifying a password came to no answer.
#[derive(Debug, thiserror::Error)]
pub enum HashingError {
    /// Hashing has as much to do as it takes on.
    #[error("password hashing is at capacity")]
    Overloaded(#[from] Overloaded),
    /// The password cannot be hashed whole.
    #[error("the password breaks the policy")]
    WeakPassword(#[from] WeakPassword),
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

    /// The hash of a new password.
    pub(crate) async fn hash_password(
        &self,
        password: &Password,
    ) -> Result<PasswordHash, HashingError> {
        Ok(self.passwords.hash(password, self.entropy.bytes()).await?)
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
