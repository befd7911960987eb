//! What follows a secret that AWS Secrets Manager has rotated: the ring with a further key, or
//! another shared secret.

use std::sync::Arc;

use async_trait::async_trait;
use contracts::{BoxError, Clock, Entropy, SecretRotation};
use crypto::{SharedSecret, SigningKey, generate_shared_secret, shared_secret_in};
use domain::{KeyMaterial, KeyPhase, KeyRecord, KeyRing, RingFull, Timestamp};
use doorward_claims::Algorithm;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde_json::{Map, Value};
use zeroize::Zeroize;

use super::keeper::algorithm_of;
use super::made_key::MadeKey;
use super::{ChangeKeysError, KeyTable, kept_keys};
use crate::policy::KeyPolicy;

/// Rotates a ring: the next value holds one key more, which signs after it was published. It is of
/// the algorithm of the last key; other settings than those of the servers do not change it.
pub struct RingRotation {
    /// When keys do what.
    pub policy: KeyPolicy,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// Rotates a secret that services share: the next value holds another one, in the same shape.
pub struct SharedSecretRotation {
    /// Makes the secret.
    pub entropy: Arc<dyn Entropy>,
}

/// Why a pending value must not become the current one. No variant holds anything of it.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("it lacks a key of the current ring, which was changed meanwhile")]
    LacksKey,
    #[error("it has a key that neither is in the current ring nor was made to follow")]
    Stranger,
    #[error("its new key would sign at once, and no verifier has read of it")]
    SignsAtOnce,
    #[error("a key of it is not what it is in the current ring, which was changed meanwhile")]
    Differs,
    #[error("it has no key that will sign")]
    NoSigningKey,
    #[error("a key of it does not sign what it verifies")]
    Probe,
    #[error("it is the current secret")]
    Same,
    #[error("it is neither a text nor a JSON object with JWT_SECRET or JWT_ACCESS_SECRET")]
    Shape,
    #[error("it is longer than {SECRET_BYTES_MAX} bytes, which AWS Secrets Manager does not keep")]
    TooLong,
}

#[async_trait]
impl SecretRotation for RingRotation {
    async fn next_value(&self, current: &SecretString) -> Result<SecretString, BoxError> {
        let mut ring = read(current)?;
        let now = self.clock.now();
        let algorithm = algorithm_after(&ring)?;
        ring.prune(now);
        // An operator, or the interval, was first: that is the rotation.
        let is_under_way = ring.keys().iter().any(|key| key.phase(now) == KeyPhase::Next);
        if !is_under_way {
            let from = ring.may_sign_from(now, self.policy.publish_ahead);
            let key = MadeKey::make(algorithm).await?.signing_from(from, self.policy.grace);
            self.begin(&mut ring, key, now)?;
        }
        let text = kept_keys::write(&ring)?;
        Ok(SecretString::from(std::str::from_utf8(text.expose_secret())?))
    }

    async fn test_value(
        &self,
        current: &SecretString,
        pending: &SecretString,
    ) -> Result<(), BoxError> {
        let now = self.clock.now();
        let (current, mut pending) = (read(current)?, read(pending)?);
        pending.prune(now);
        self.check_that_it_follows(current, &pending, now)?;
        probe(pending.last_key().ok_or(Unfit::NoSigningKey)?)?;
        // Every other key can be used, too.
        KeyTable::parse(pending, None, now)?;
        Ok(())
    }
}

impl RingRotation {
    /// Refuses a ring that is not the current one, or the current one with a new key: to make it
    /// the current one would undo what was changed meanwhile, and bring a revoked key back.
    fn check_that_it_follows(
        &self,
        current: KeyRing,
        pending: &KeyRing,
        now: Timestamp,
    ) -> Result<(), BoxError> {
        let mut expected = current;
        expected.prune(now);
        if expected.keys().iter().any(|key| pending.find(&key.kid).is_none()) {
            return Err(Unfit::LacksKey.into());
        }
        let mut others = pending.keys().iter().filter(|key| expected.find(&key.kid).is_none());
        if let Some(key) = others.next().cloned() {
            if others.next().is_some() || !key.material.is_ours() || key.is_revoked {
                return Err(Unfit::Stranger.into());
            }
            if key.sign_from <= now {
                return Err(Unfit::SignsAtOnce.into());
            }
            self.begin(&mut expected, key, now)?;
        }
        // As they are kept, so that no part of a key is left out.
        let (expected, pending) = (kept_keys::write(&expected)?, kept_keys::write(pending)?);
        if expected.expose_secret() != pending.expose_secret() {
            return Err(Unfit::Differs.into());
        }
        Ok(())
    }

    /// Takes a key in, as a server does.
    fn begin(&self, ring: &mut KeyRing, key: KeyRecord, now: Timestamp) -> Result<(), RingFull> {
        ring.lengthen_grace(now, self.policy.grace);
        ring.begin(key, now)
    }
}

/// What the next key of our own is for: what the last one was, whatever the settings of a shell or
/// a function say.
pub(super) fn algorithm_after(ring: &KeyRing) -> Result<Algorithm, ChangeKeysError> {
    match ring.last_key() {
        Some(last) if last.material.is_ours() => Ok(algorithm_of(last)?),
        Some(_) => Err(ChangeKeysError::Given),
        None => Err(ChangeKeysError::NoRing),
    }
}

/// Refuses a key of our own that does not sign what it verifies, under its name.
fn probe(record: &KeyRecord) -> Result<(), BoxError> {
    let KeyMaterial::KeyPair(pkcs8) = &record.material else { return Ok(()) };
    let key = SigningKey::from_pkcs8(algorithm_of(record)?, pkcs8.expose_secret())?;
    let probe = key.sign("probe+jwt", &Value::Null)?;
    let (message, signature) = probe.rsplit_once('.').ok_or(Unfit::Probe)?;
    let signature = decoded(signature).ok_or(Unfit::Probe)?;
    key.verifying_key().verify(message.as_bytes(), &signature).map_err(|_| Unfit::Probe)?;
    if key.kid() == record.kid { Ok(()) } else { Err(Unfit::Probe.into()) }
}

#[async_trait]
impl SecretRotation for SharedSecretRotation {
    async fn next_value(&self, current: &SecretString) -> Result<SecretString, BoxError> {
        // It must be one that services understand.
        secret_of(current)?;
        let secret = generate_shared_secret(self.entropy.bytes());
        let Some(mut object) = WipedObject::parse(current) else { return Ok(secret) };
        for name in SECRET_MEMBERS {
            if let Some(member) = object.0.get_mut(name) {
                wipe(member);
                *member = Value::String(secret.expose_secret().to_owned());
            }
        }
        let text = kept_keys::json_within(SECRET_BYTES_MAX, &object.0).ok_or(Unfit::TooLong)?;
        Ok(SecretString::from(std::str::from_utf8(text.expose_secret())?))
    }

    async fn test_value(
        &self,
        current: &SecretString,
        pending: &SecretString,
    ) -> Result<(), BoxError> {
        let (old, new) = (secret_of(current)?, secret_of(pending)?);
        SigningKey::from_shared_secret(new.as_bytes())?;
        if old.as_bytes() == new.as_bytes() {
            return Err(Unfit::Same.into());
        }
        Ok(())
    }
}

/// A JSON object with secrets in it, erased when dropped.
struct WipedObject(Map<String, Value>);

impl WipedObject {
    /// `None` for what is no object, and so a secret as it stands.
    fn parse(text: &SecretString) -> Option<Self> {
        let text = text.expose_secret();
        // Of another value the parser would make an error that quotes it.
        if !text.trim_start().starts_with('{') {
            return None;
        }
        serde_json::from_str(text).ok().map(Self)
    }
}

impl Drop for WipedObject {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

/// Erases every text of a value, and leaves the rest.
fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What AWS Secrets Manager keeps.
const SECRET_BYTES_MAX: usize = 64 * 1024;

/// The members under which deployments keep a shared secret.
const SECRET_MEMBERS: [&str; 2] = ["JWT_SECRET", "JWT_ACCESS_SECRET"];

fn read(text: &SecretString) -> Result<KeyRing, BoxError> {
    let bytes = SecretSlice::from(text.expose_secret().as_bytes().to_vec());
    Ok(kept_keys::read(&bytes)?)
}

fn secret_of(value: &SecretString) -> Result<SharedSecret, Unfit> {
    shared_secret_in(value.expose_secret()).map_err(|_| Unfit::Shape)
}

fn decoded(segment: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;

    base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(segment).ok()
}

#[cfg(test)]
mod tests;
