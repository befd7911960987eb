use async_trait::async_trait;
use doorward_claims::Algorithm;
use secrecy::{SecretSlice, SecretString};

use crate::{BoxError, OutboxEvent, StoreError};

/// The key ring as it was read.
#[derive(Clone, Debug)]
pub struct KeptRing {
    /// Which state of it; a change names the one that it is based on.
    pub version: RingVersion,
    /// What was kept.
    pub content: SecretSlice<u8>,
}

/// Names one state of the kept key ring; only its store knows how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingVersion(pub Box<str>);

/// Keeps the key ring, for all instances of a deployment. What is in it is for the service to know.
#[async_trait]
pub trait KeyRingStore: Send + Sync {
    /// The ring as it is now; `None` if none was ever kept.
    async fn find_ring(&self) -> Result<Option<KeptRing>, StoreError>;

    /// Keeps `content`, UTF-8 of at most 64 KiB, in place of the state that was `seen`, with the
    /// events that tell of it; `None` says that there was no ring. Of several callers that saw the
    /// same, one replaces it.
    async fn replace_ring(
        &self,
        seen: Option<&RingVersion>,
        content: &SecretSlice<u8>,
        events: &[OutboxEvent],
    ) -> Result<RingReplaced, StoreError>;
}

/// Whether a ring was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingReplaced {
    /// It was.
    Yes,
    /// Another caller was first: read again and decide again.
    Stale,
    /// Whoever keeps it is amid a rotation of their own, which has to end first.
    RotationUnderWay,
}

/// The public part of a key that is kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemotePublicKey {
    /// What the key is always called there, whatever other names move on to other keys.
    pub name: String,
    /// `SubjectPublicKeyInfo`, DER (RFC 5280 §4.1).
    pub spki: Vec<u8>,
}

/// Signs with private keys that nobody can read, such as those of AWS KMS.
#[async_trait]
pub trait RemoteSigner: Send + Sync {
    /// The public part of the key that bears this name there now.
    async fn public_key(&self, name: &str) -> Result<RemotePublicKey, BoxError>;

    /// Signs a SHA-256 digest with the key that is always called so. The signature has the form of
    /// RFC 7518 §3 (raw `r‖s` for ES256).
    async fn sign_digest(
        &self,
        name: &str,
        algorithm: Algorithm,
        digest: [u8; 32],
    ) -> Result<Vec<u8>, BoxError>;
}

/// What comes after a secret that is kept elsewhere, for whoever rotates it there. No error shows
/// anything of a value.
#[async_trait]
pub trait SecretRotation: Send + Sync {
    /// The value that follows `current`. Called again for the same rotation only if the last call's
    /// result was not kept.
    async fn next_value(&self, current: &SecretString) -> Result<SecretString, BoxError>;

    /// Refuses a `pending` value that must not take the place of `current`: an error ends the
    /// rotation.
    async fn test_value(
        &self,
        current: &SecretString,
        pending: &SecretString,
    ) -> Result<(), BoxError>;
}

/// How new what is read must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// What was read within the last minutes will do.
    Kept,
    /// As it is now: what was read before did not fit.
    New,
}

/// Reads the secrets that are shared with verifiers, where they are kept.
#[async_trait]
pub trait SharedSecrets: Send + Sync {
    /// The secrets, the one that shall sign first. Called again and again, so that one that was
    /// replaced takes effect.
    async fn read_shared_secrets(
        &self,
        freshness: Freshness,
    ) -> Result<Vec<SecretSlice<u8>>, BoxError>;
}
