use async_trait::async_trait;
use doorward_claims::Algorithm;
use secrecy::{SecretSlice, SecretString};

use crate::{BoxError, OutboxEvent, Replaced, StoreError};

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

    /// Keeps `content` in place of the state that was `seen`, with the events that tell of it;
    /// `None` says that there was no ring. Of several callers that saw the same, one replaces it.
    async fn replace_ring(
        &self,
        seen: Option<&RingVersion>,
        content: &SecretSlice<u8>,
        events: &[OutboxEvent],
    ) -> Result<Replaced, StoreError>;
}

/// Signs with private keys that nobody can read, such as those of AWS KMS.
#[async_trait]
pub trait RemoteSigner: Send + Sync {
    /// The public part of the key that bears this name there: `SubjectPublicKeyInfo`, DER
    /// (RFC 5280 §4.1).
    async fn public_key(&self, name: &str) -> Result<Vec<u8>, BoxError>;

    /// Signs a SHA-256 digest. The signature has the form of RFC 7518 §3 (raw `r‖s` for ES256).
    async fn sign_digest(
        &self,
        name: &str,
        algorithm: Algorithm,
        digest: [u8; 32],
    ) -> Result<Vec<u8>, BoxError>;
}

/// What comes after a secret that is kept elsewhere, for whoever rotates it there.
#[async_trait]
pub trait SecretRotation: Send + Sync {
    /// The value that follows `current`. Called again for the same rotation only if the last call's
    /// result was not kept.
    async fn next_value(&self, current: &SecretString) -> Result<SecretString, BoxError>;

    /// Refuses a `pending` value that must not take the place of `current`.
    async fn test_value(
        &self,
        current: &SecretString,
        pending: &SecretString,
    ) -> Result<(), BoxError>;
}

/// Reads the secrets that are shared with verifiers, where they are kept.
#[async_trait]
pub trait SharedSecrets: Send + Sync {
    /// The secrets as they are now, the one that shall sign first. Called again and again, so that
    /// one that was replaced takes effect.
    async fn read_shared_secrets(&self) -> Result<Vec<SecretSlice<u8>>, BoxError>;
}
