use std::borrow::Cow;
use std::collections::BTreeSet;
use std::str::FromStr as _;

use contracts::RemoteSigner;
use crypto::{KeySet, RemoteKey, SigningKey, VerifyingKey};
use domain::{KeyMaterial, KeyPhase, KeyRecord, KeyRing, Timestamp};
use doorward_claims::{Algorithm, Jwk, JwkSet};
use secrecy::ExposeSecret;
use serde::Serialize;

use super::KeyRingError;
use super::given::Given;
use crate::failure::Failure;

/// The keys of this deployment as they were read last, each parsed once.
pub struct KeyTable {
    ring: KeyRing,
    /// One for each key of the ring that had not been removed.
    signers: Vec<Signer>,
    verifying: KeySet,
    /// Secrets that were given and not revoked verify whatever the ring says.
    given: Vec<String>,
    /// When the first of those that verify is to be removed.
    shrinks_at: Option<Timestamp>,
}

enum Signer {
    Local(SigningKey),
    Remote { key: RemoteKey, name: String },
}

impl KeyTable {
    /// A table without keys, which signs and verifies nothing.
    pub(super) fn none() -> Self {
        Self {
            ring: KeyRing::default(),
            signers: Vec::new(),
            verifying: KeySet::new(),
            given: Vec::new(),
            shrinks_at: None,
        }
    }

    /// Parses the keys of a ring that are not removed by `now`, and the secrets that were given
    /// beside them: a secret verifies before it signs.
    pub(super) fn parse(
        ring: KeyRing,
        given: Option<&Given>,
        now: Timestamp,
    ) -> Result<Self, KeyRingError> {
        // Of a key that only a later release knows, this one can neither make nor check tokens.
        let known =
            ring.verifying_keys(now).filter(|key| Algorithm::from_str(&key.algorithm).is_ok());
        let signers = known.map(Signer::parse).collect::<Result<Vec<_>, _>>()?;
        let is_revoked = |kid: &str| ring.find(kid).is_some_and(|key| key.is_revoked);
        let secrets = given.into_iter().flat_map(Given::secret_keys);
        let secrets: Vec<_> = secrets.filter(|key| !is_revoked(key.kid())).collect();
        let verifying = signers.iter().map(Signer::verifying_key);
        let verifying = verifying.chain(secrets.iter().map(|key| key.verifying_key())).collect();
        let given = secrets.iter().map(|key| key.kid().to_owned()).collect();
        let shrinks_at = ring.verifying_keys(now).filter_map(|key| key.remove_at).min();
        Ok(Self { ring, signers, verifying, given, shrinks_at })
    }

    /// Signs with the key that signs at `now`.
    pub(crate) async fn sign(
        &self,
        typ: &str,
        claims: &impl Serialize,
        now: Timestamp,
        remote: &dyn RemoteSigner,
    ) -> Result<String, Failure> {
        let chosen = self.ring.signing_key(now).ok_or(Failure::NoSigningKey)?;
        let signer = self.signers.iter().find(|signer| signer.kid() == chosen.kid);
        match signer.ok_or(Failure::NoSigningKey)? {
            Signer::Local(key) => Ok(key.sign(typ, claims)?),
            Signer::Remote { key, name } => {
                let unsigned = key.unsigned(typ, claims)?;
                let digest = unsigned.digest();
                let signature = remote.sign_digest(name, key.algorithm(), digest).await;
                Ok(unsigned.signed(&signature.map_err(Failure::RemoteSigner)?)?)
            }
        }
    }

    /// All keys that a token may be signed with at `now`.
    pub(crate) fn verifying_keys(&self, now: Timestamp) -> Cow<'_, KeySet> {
        if self.shrinks_at.is_none_or(|at| now < at) {
            return Cow::Borrowed(&self.verifying);
        }
        let is_removed = |key: &VerifyingKey| {
            let is_given = self.given.iter().any(|kid| kid == key.kid());
            let kept = self.ring.find(key.kid()).filter(|_| !is_given);
            kept.is_some_and(|key| key.phase(now) == KeyPhase::Removed)
        };
        Cow::Owned(self.verifying.iter().filter(|key| !is_removed(key)).cloned().collect())
    }

    /// The public keys to publish at `now`: next, current and retired ones, never a secret.
    pub fn public_keys(&self, now: Timestamp) -> JwkSet {
        let published =
            |signer: &&Signer| self.ring.verifying_keys(now).any(|key| key.kid == signer.kid());
        JwkSet {
            keys: self.signers.iter().filter(published).filter_map(Signer::public_jwk).collect(),
        }
    }

    /// The name of the key that signs at `now`; `None` where nothing signs.
    pub(crate) fn signing_kid(&self, now: Timestamp) -> Option<&str> {
        self.ring.signing_key(now).map(|key| key.kid.as_str())
    }

    /// The algorithm of new tokens; `None` where nothing signs.
    pub fn signing_algorithm(&self, now: Timestamp) -> Option<Algorithm> {
        self.ring.signing_key(now)?.algorithm.parse().ok()
    }

    /// The algorithms of all tokens that verify at `now`.
    pub fn algorithms(&self, now: Timestamp) -> BTreeSet<Algorithm> {
        self.verifying_keys(now).iter().map(VerifyingKey::algorithm).collect()
    }
}

impl Signer {
    fn parse(key: &KeyRecord) -> Result<Self, KeyRingError> {
        let algorithm = key.algorithm.parse().map_err(KeyRingError::UnknownAlgorithm)?;
        Ok(match &key.material {
            KeyMaterial::KeyPair(pkcs8) => {
                Self::Local(SigningKey::from_pkcs8(algorithm, pkcs8.expose_secret())?)
            }
            KeyMaterial::Shared(secret) => {
                Self::Local(SigningKey::from_shared_secret(secret.expose_secret())?)
            }
            KeyMaterial::Remote { name, public } => {
                let key = RemoteKey::from_spki(algorithm, public)?;
                Self::Remote { key, name: name.clone() }
            }
            KeyMaterial::Gone => return Err(KeyRingError::NoMaterial(key.kid.clone())),
        })
    }

    fn kid(&self) -> &str {
        match self {
            Self::Local(key) => key.kid(),
            Self::Remote { key, .. } => key.kid(),
        }
    }

    fn public_jwk(&self) -> Option<Jwk> {
        match self {
            Self::Local(key) => key.public_jwk(),
            Self::Remote { key, .. } => Some(key.public_jwk()),
        }
    }

    fn verifying_key(&self) -> VerifyingKey {
        match self {
            Self::Local(key) => key.verifying_key(),
            Self::Remote { key, .. } => key.verifying_key(),
        }
    }
}
