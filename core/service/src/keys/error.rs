use contracts::BoxError;
use crypto::{GenerateKeyError, ParseKeyError};
use domain::{RingFull, UnknownKey};
use doorward_claims::UnknownAlgorithm;

use crate::failure::Failure;

/// Why there are no keys to work with.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// The ring could not be read, opened or written.
    #[error("the key ring could not be read or written")]
    Failure(#[from] Failure),
    /// A key could not be made.
    #[error("a signing key could not be made")]
    Generate(#[from] GenerateKeyError),
    /// A kept key, or a shared secret, cannot be used.
    #[error("a signing key cannot be used")]
    Parse(#[from] ParseKeyError),
    /// What is kept is no key ring.
    #[error("the key ring is malformed at line {line}, column {column}")]
    Malformed {
        /// The line, from 1.
        line: usize,
        /// The column, from 1; 0 before the first one.
        column: usize,
    },
    /// The ring would not be kept everywhere.
    #[error(
        "the key ring is longer than 60 KiB, more than fits a secret of AWS Secrets Manager: \
         shorten the shared secrets, or wait until a retired key is removed"
    )]
    TooLong,
    /// A kept key is for an algorithm that this release does not know.
    #[error("a kept signing key has an unknown algorithm")]
    UnknownAlgorithm(#[source] UnknownAlgorithm),
    /// A kept key that is not removed is nothing but a name.
    #[error("the kept key {0} is nothing but a name")]
    NoMaterial(String),
    /// HS256 was chosen, and there is nothing to share.
    #[error("HS256 needs a shared secret")]
    NoSharedSecret,
    /// The shared secrets could not be read.
    #[error("a shared secret cannot be read")]
    ReadSecrets(#[source] BoxError),
    /// The public part of a key that is kept elsewhere could not be read.
    #[error("the key {name} cannot be used")]
    ReadRemote {
        /// What it is called there.
        name: String,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The ring could not be read a moment ago; it is not asked for again at once.
    #[error("the key ring could not be read a moment ago")]
    Unreadable,
    /// What shall sign was revoked.
    #[error("the key {0} was revoked: give another one")]
    Revoked(String),
    /// Whoever keeps the ring rotates it at the moment.
    #[error(
        "AWS Secrets Manager has begun a rotation of the secret that holds the ring: let it end, \
         or take the label AWSPENDING off"
    )]
    RotationUnderWay,
    /// No further key fits in.
    #[error(transparent)]
    Full(#[from] RingFull),
}

/// Why an operator's change of the keys was refused.
#[derive(Debug, thiserror::Error)]
pub enum ChangeKeysError {
    /// There is no such key.
    #[error(transparent)]
    Unknown(#[from] UnknownKey),
    /// A key waits to sign already.
    #[error("the key {0} waits to sign already; `--now` replaces it")]
    Waiting(String),
    /// There is no ring, so no server has started with these settings.
    #[error(
        "there is no key here yet, and the server makes the first one: run this with the settings \
         of the server"
    )]
    NoRing,
    /// Keys that were given are rotated where they are kept.
    #[error(
        "tokens are signed with what the settings name, which is rotated there: put a new one \
         first in keys.shared_secret, or set another keys.kms_key"
    )]
    Given,
    /// It is the last one of those that were given, and nothing else could sign.
    #[error(
        "nothing else could sign: put another one first in the settings, and wait until it \
         signs"
    )]
    OnlyOne,
    /// The ring could not be used.
    #[error(transparent)]
    Ring(KeyRingError),
}

impl<E: Into<KeyRingError>> From<E> for ChangeKeysError {
    fn from(error: E) -> Self {
        Self::Ring(error.into())
    }
}
