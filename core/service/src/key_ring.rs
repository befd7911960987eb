//! The signing keys: kept as one sealed record, parsed once, looked up by the time.

use std::time::Duration;

use contracts::{Entropy, Inserted, RecordStore, Replaced};
use crypto::{DataKeys, GenerateKeyError, KeySet, ParseKeyError, SigningKey};
use domain::{KeyPhase, KeyRecord, KeyRing, Timestamp};
use doorward_claims::{Algorithm, JwkSet, UnknownAlgorithm};
use secrecy::{ExposeSecret, SecretSlice};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::policy::KeyPolicy;
use crate::sealed_records;

const RECORD: &str = "key_ring";
/// Replicas that start at once each find the others' keys after a round or two.
const ATTEMPTS_MAX: usize = 8;
/// A key that is wanted at once signs from this long ago: an instance whose clock is behind must
/// find it signing too, or it would make another, which the first instance does not know.
const CLOCKS_APART_MAX: Duration = Duration::from_mins(1);

/// Why there are no keys to start with.
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
    #[error("the key ring is malformed")]
    Malformed(#[source] serde_json::Error),
    /// A kept key is for an algorithm that this release does not know.
    #[error("a kept signing key has an unknown algorithm")]
    UnknownAlgorithm(#[source] UnknownAlgorithm),
    /// HS256 was chosen, and there is nothing to share.
    #[error("HS256 needs a shared secret")]
    NoSharedSecret,
}

/// The keys of this deployment, each parsed once.
pub struct KeyTable {
    ring: KeyRing,
    /// One for each key of the ring that is not removed, in its order.
    ring_keys: Vec<SigningKey>,
    shared_keys: Vec<SigningKey>,
    algorithm: Algorithm,
    verifying: KeySet,
}

impl KeyTable {
    /// Reads the ring, adding a key where none signs with the chosen algorithm yet, and retiring
    /// those of others.
    pub(crate) async fn open(
        records: &dyn RecordStore,
        data_keys: &DataKeys,
        entropy: &dyn Entropy,
        policy: &KeyPolicy,
        now: Timestamp,
    ) -> Result<Self, KeyRingError> {
        let keeper = Keeper { records, data_keys, entropy };
        let mut ring = keeper.ring_that_fits(policy.algorithm, policy.grace, now).await?;
        ring.keys.retain(|key| key.phase(now) != KeyPhase::Removed);
        Self::parse(ring, policy)
    }

    /// The keys as they are kept, whether or not one signs: changes nothing.
    pub(crate) async fn kept(
        records: &dyn RecordStore,
        data_keys: &DataKeys,
        policy: &KeyPolicy,
    ) -> Result<Self, KeyRingError> {
        let found = read(records, data_keys).await?;
        Self::parse(found.map(|(_, ring)| ring).unwrap_or_default(), policy)
    }

    /// A table without keys, which signs and verifies nothing.
    pub(crate) fn none(algorithm: Algorithm) -> Self {
        Self {
            ring: KeyRing::default(),
            ring_keys: Vec::new(),
            shared_keys: Vec::new(),
            algorithm,
            verifying: KeySet::new(),
        }
    }

    fn parse(ring: KeyRing, policy: &KeyPolicy) -> Result<Self, KeyRingError> {
        let ring_keys = ring
            .keys
            .iter()
            .map(|key| {
                let algorithm = key.algorithm.parse().map_err(KeyRingError::UnknownAlgorithm)?;
                Ok(SigningKey::from_pkcs8(algorithm, key.pkcs8.expose_secret())?)
            })
            .collect::<Result<Vec<_>, KeyRingError>>()?;
        let shared_keys = policy
            .shared_secrets
            .iter()
            .map(|secret| SigningKey::from_shared_secret(secret.expose_secret()))
            .collect::<Result<Vec<_>, _>>()?;
        if policy.algorithm.is_symmetric() && shared_keys.is_empty() {
            return Err(KeyRingError::NoSharedSecret);
        }
        let verifying =
            ring_keys.iter().chain(&shared_keys).map(SigningKey::verifying_key).collect();
        Ok(Self { ring, ring_keys, shared_keys, algorithm: policy.algorithm, verifying })
    }

    /// The key that signs at `now`.
    pub(crate) fn signing_key(&self, now: Timestamp) -> Option<&SigningKey> {
        if self.algorithm.is_symmetric() {
            return self.shared_keys.first();
        }
        let chosen = self.ring.signing_key(self.algorithm.name(), now)?;
        self.ring_keys.iter().find(|key| key.kid() == chosen.kid)
    }

    /// All keys that a token may be signed with.
    pub(crate) const fn verifying_keys(&self) -> &KeySet {
        &self.verifying
    }

    /// The public keys to publish at `now`: next, current and retired ones, never a secret.
    pub fn public_keys(&self, now: Timestamp) -> JwkSet {
        let published: Vec<&KeyRecord> = self.ring.published_keys(now).collect();
        let keys = self
            .ring_keys
            .iter()
            .filter(|key| published.iter().any(|record| record.kid == key.kid()))
            .filter_map(SigningKey::public_jwk)
            .collect();
        JwkSet { keys }
    }

    /// The algorithm of new tokens.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// Changes the kept ring.
struct Keeper<'a> {
    records: &'a dyn RecordStore,
    data_keys: &'a DataKeys,
    entropy: &'a dyn Entropy,
}

impl Keeper<'_> {
    /// The ring with a key that signs with `algorithm`, and none that signs with another; HS256
    /// signs with a shared secret, which is not kept here.
    async fn ring_that_fits(
        &self,
        algorithm: Algorithm,
        grace: Duration,
        now: Timestamp,
    ) -> Result<KeyRing, KeyRingError> {
        for _ in 0..ATTEMPTS_MAX {
            let found = read(self.records, self.data_keys).await?;
            let (version, mut ring) = found.unwrap_or_default();
            let is_displaced = displace_others(&mut ring, algorithm, grace, now);
            let is_missing =
                !algorithm.is_symmetric() && ring.signing_key(algorithm.name(), now).is_none();
            if is_missing {
                ring.keys.push(new_key(algorithm, now)?);
            }
            let fits_already = !is_displaced && !is_missing;
            if fits_already || self.write(version, &ring).await? == Replaced::Yes {
                return Ok(ring);
            }
        }
        Err(Failure::Contended.into())
    }

    /// Writes the ring if the record still has `version`; 0 means that there was none.
    async fn write(&self, version: u64, ring: &KeyRing) -> Result<Replaced, KeyRingError> {
        let kept: Vec<KeptKey> = ring.keys.iter().map(KeptKey::from).collect();
        let text = Zeroizing::new(serde_json::to_vec(&kept).map_err(KeyRingError::Malformed)?);
        let content = sealed_records::seal(self.data_keys, RECORD, &text, self.entropy.bytes());
        if version > 0 {
            let replaced = self.records.replace_record(RECORD, version, &content).await;
            return Ok(replaced.map_err(Failure::Store)?);
        }
        match self.records.insert_record(RECORD, &content).await.map_err(Failure::Store)? {
            Inserted::Yes => Ok(Replaced::Yes),
            Inserted::Exists => Ok(Replaced::Stale),
        }
    }
}

/// The ring as kept, with the version of its record.
async fn read(
    records: &dyn RecordStore,
    data_keys: &DataKeys,
) -> Result<Option<(u64, KeyRing)>, KeyRingError> {
    let Some(record) = records.find_record(RECORD).await.map_err(Failure::Store)? else {
        return Ok(None);
    };
    let text = sealed_records::open(data_keys, RECORD, &record)?;
    let kept: Vec<KeptKey> = serde_json::from_slice(&text).map_err(KeyRingError::Malformed)?;
    let keys = kept.into_iter().map(KeyRecord::from).collect();
    Ok(Some((record.version, KeyRing { keys })))
}

/// Retires keys of other algorithms: they verify until their last token has expired. Returns
/// whether there were any.
fn displace_others(
    ring: &mut KeyRing,
    algorithm: Algorithm,
    grace: Duration,
    now: Timestamp,
) -> bool {
    let mut is_displaced = false;
    let others = ring.keys.iter_mut().filter(|key| key.algorithm != algorithm.name());
    for key in others.filter(|key| key.retire_at.is_none()) {
        key.retire_at = Some(now);
        key.remove_at = Some(now.plus(grace));
        is_displaced = true;
    }
    is_displaced
}

fn new_key(algorithm: Algorithm, now: Timestamp) -> Result<KeyRecord, KeyRingError> {
    let generated = SigningKey::generate(algorithm)?;
    Ok(KeyRecord {
        kid: generated.key.kid().to_owned(),
        algorithm: algorithm.name().to_owned(),
        pkcs8: generated.pkcs8,
        sign_from: now.minus(CLOCKS_APART_MAX),
        retire_at: None,
        remove_at: None,
    })
}

/// A key as it stands in the sealed record.
#[derive(Serialize, Deserialize)]
struct KeptKey {
    kid: String,
    algorithm: String,
    #[serde(with = "base64_bytes")]
    pkcs8: Zeroizing<Vec<u8>>,
    sign_from_ms: i64,
    retire_at_ms: Option<i64>,
    remove_at_ms: Option<i64>,
}

impl From<&KeyRecord> for KeptKey {
    fn from(key: &KeyRecord) -> Self {
        Self {
            kid: key.kid.clone(),
            algorithm: key.algorithm.clone(),
            pkcs8: key.pkcs8.expose_secret().to_vec().into(),
            sign_from_ms: key.sign_from.unix_ms(),
            retire_at_ms: key.retire_at.map(Timestamp::unix_ms),
            remove_at_ms: key.remove_at.map(Timestamp::unix_ms),
        }
    }
}

impl From<KeptKey> for KeyRecord {
    fn from(kept: KeptKey) -> Self {
        Self {
            kid: kept.kid,
            algorithm: kept.algorithm,
            pkcs8: SecretSlice::from(kept.pkcs8.to_vec()),
            sign_from: Timestamp::from_unix_ms(kept.sign_from_ms),
            retire_at: kept.retire_at_ms.map(Timestamp::from_unix_ms),
            remove_at: kept.remove_at_ms.map(Timestamp::from_unix_ms),
        }
    }
}

/// Binary members of JSON records, as base64.
mod base64_bytes {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use serde::{Deserialize as _, Deserializer, Serializer, de};
    use zeroize::Zeroizing;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&Zeroizing::new(BASE64_STANDARD.encode(bytes)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Zeroizing<Vec<u8>>, D::Error> {
        let text = Zeroizing::new(String::deserialize(from)?);
        BASE64_STANDARD.decode(text.as_bytes()).map(Zeroizing::new).map_err(de::Error::custom)
    }
}
