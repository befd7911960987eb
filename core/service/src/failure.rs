use contracts::{BoxError, StoreError, UserReplaced};
use crypto::{HashingFailure, OpenError, SignError, UnusableHash};

use crate::keys::KeyRingError;

/// Why a use case could not do its work: never the caller's fault, and never a refusal.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something that we sealed does not open.
    #[error("a sealed value does not open")]
    Sealed(#[from] OpenError),
    /// A mail in the outbox says what no mail of ours says.
    #[error("a mail in the outbox is malformed")]
    MalformedMail,
    /// A store refused a change for a reason that the change cannot have.
    #[error("the store answered {0:?}, which this change cannot mean")]
    ImpossibleOutcome(UserReplaced),
    /// A token could not be signed.
    #[error("a token could not be signed")]
    Sign(#[from] SignError),
    /// Whoever keeps the private key did not sign.
    #[error("the key's keeper did not sign")]
    RemoteSigner(#[source] BoxError),
    /// The keys could not be read again.
    #[error("the keys could not be read again")]
    Keys(#[source] Box<KeyRingError>),
    /// No key signs at this moment with the chosen algorithm.
    #[error("there is no key to sign with")]
    NoSigningKey,
    /// A stored password hash is of a kind that cannot be verified.
    #[error("a stored password hash cannot be used")]
    PasswordHash(#[from] UnusableHash),
    /// A hashing thread died at its work.
    #[error("password hashing failed")]
    Hashing(#[from] HashingFailure),
    /// The record moved under every attempt; the same call may succeed later.
    #[error("the record is changed too often")]
    Contended,
}
