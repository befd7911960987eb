use doorward_claims::{Algorithm, Jwk, JwkSet};
use serde::Deserialize;
use thiserror::Error;

use crate::error::VerifyError;
use crate::key::VerifyingKey;

/// The keys that a service trusts: those of one issuer, published or shared.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    /// A handful, so a walk is as quick as a map.
    keys: Vec<VerifyingKey>,
}

/// The text is not a JWK set (RFC 7517 §5).
#[derive(Debug, Error)]
#[error("the text is not a key set")]
pub struct ParseKeySetError(#[source] serde_json::Error);

impl KeySet {
    /// A set without keys, which accepts nothing.
    pub const fn new() -> Self {
        Self { keys: Vec::new() }
    }

    /// Reads the JSON of a JWK set. Keys of kinds that we do not use are passed over, as the RFC
    /// asks, and so is the second of two keys with one `kid`.
    pub fn parse(json: &[u8]) -> Result<Self, ParseKeySetError> {
        #[derive(Deserialize)]
        struct Published {
            keys: Vec<serde_json::Value>,
        }
        let published: Published = serde_json::from_slice(json).map_err(ParseKeySetError)?;
        let keys = published.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok());
        Ok(Self::from(&JwkSet { keys: keys.collect::<Vec<Jwk>>() }))
    }

    /// Adds a key; it takes the place of one with the same `kid`.
    pub fn insert(&mut self, key: VerifyingKey) {
        self.keys.retain(|other| other.kid() != key.kid());
        self.keys.push(key);
    }

    /// The key with that name.
    pub fn find(&self, kid: &str) -> Option<&VerifyingKey> {
        self.keys.iter().find(|key| key.kid() == kid)
    }

    /// The key over whose access tokens Doorward writes this header segment.
    pub(crate) fn find_by_usual_header(&self, segment: &str) -> Option<&VerifyingKey> {
        self.keys.iter().find(|key| key.usual_header() == segment)
    }

    /// All keys, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.keys.iter()
    }

    /// How many keys there are.
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Checks a signature with the key that the header names.
    ///
    /// Secrets are all tried if `kid` names none of them: whoever shares a secret need not know
    /// how the other side names it.
    pub(crate) fn verify(
        &self,
        signer: Signer<'_>,
        jws: SignedBytes<'_>,
    ) -> Result<(), VerifyError> {
        let Signer { algorithm, kid } = signer;
        if let Some(key) = kid.and_then(|kid| self.find(kid)) {
            if key.algorithm() != algorithm {
                return Err(VerifyError::WrongAlgorithm);
            }
            return key.verify(jws.message, jws.signature);
        }
        match kid {
            _ if algorithm.is_symmetric() => self.verify_with_any_secret(jws),
            Some(kid) => Err(VerifyError::UnknownKey { kid: kid.to_owned() }),
            None => Err(VerifyError::malformed("its header has no kid")),
        }
    }

    fn verify_with_any_secret(&self, jws: SignedBytes<'_>) -> Result<(), VerifyError> {
        let mut outcome = Err(VerifyError::WrongAlgorithm);
        for secret in self.keys.iter().filter(|key| key.algorithm().is_symmetric()) {
            outcome = secret.verify(jws.message, jws.signature);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }
}

/// Whom the header of a token says it is signed by.
#[derive(Clone, Copy)]
pub(crate) struct Signer<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<&'a str>,
}

/// What was signed, and the signature.
#[derive(Clone, Copy)]
pub(crate) struct SignedBytes<'a> {
    pub(crate) message: &'a [u8],
    pub(crate) signature: &'a [u8],
}

/// Keys that cannot be used are passed over; of two with one `kid` the first stays.
impl From<&JwkSet> for KeySet {
    fn from(published: &JwkSet) -> Self {
        let mut set = Self::new();
        for key in published.keys.iter().filter_map(|jwk| VerifyingKey::from_jwk(jwk).ok()) {
            if set.find(key.kid()).is_none() {
                set.keys.push(key);
            }
        }
        set
    }
}

impl Extend<VerifyingKey> for KeySet {
    fn extend<T: IntoIterator<Item = VerifyingKey>>(&mut self, keys: T) {
        keys.into_iter().for_each(|key| self.insert(key));
    }
}

impl FromIterator<VerifyingKey> for KeySet {
    fn from_iter<T: IntoIterator<Item = VerifyingKey>>(keys: T) -> Self {
        let mut set = Self::new();
        set.extend(keys);
        set
    }
}

impl IntoIterator for KeySet {
    type Item = VerifyingKey;
    type IntoIter = std::vec::IntoIter<VerifyingKey>;

    fn into_iter(self) -> Self::IntoIter {
        self.keys.into_iter()
    }
}
