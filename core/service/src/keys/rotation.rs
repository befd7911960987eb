//! What follows a secret that AWS Secrets Manager has rotated: the ring with a further key, or
//! another shared secret.

use std::sync::Arc;

use async_trait::async_trait;
use contracts::{BoxError, Clock, Entropy, SecretRotation};
use crypto::{SharedSecret, SigningKey, generate_shared_secret, shared_secret_in};
use domain::{KeyMaterial, KeyPhase, KeyRing};
use doorward_claims::Algorithm;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde_json::{Map, Value};

use super::made_key::MadeKey;
use super::{KeyTable, kept_keys};
use crate::policy::KeyPolicy;

/// Rotates a ring: the next value holds one key more, which signs after it was published.
pub struct RingRotation {
    /// The algorithm of new keys; not HS256.
    pub algorithm: Algorithm,
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
    #[error("it has no key that will sign")]
    NoSigningKey,
    #[error("a key of it does not sign what it verifies")]
    Probe,
    #[error("it is the current secret")]
    Same,
    #[error("it is neither a text nor a JSON object with JWT_SECRET or JWT_ACCESS_SECRET")]
    Shape,
}

#[async_trait]
impl SecretRotation for RingRotation {
    async fn next_value(&self, current: &SecretString) -> Result<SecretString, BoxError> {
        let mut ring = read(current)?;
        let now = self.clock.now();
        ring.prune(now);
        // An operator, or the interval, was first: that is the rotation.
        let is_under_way = ring.keys().iter().any(|key| key.phase(now) == KeyPhase::Next);
        if !is_under_way {
            let from = ring.may_sign_from(now, self.policy.publish_ahead);
            let key = MadeKey::make(self.algorithm).await?.signing_from(from, self.policy.grace);
            ring.begin(key, now)?;
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
        let (current, pending) = (read(current)?, read(pending)?);
        let is_there = |kid: &str| pending.find(kid).is_some_and(|key| !key.is_revoked);
        if !current.verifying_keys(now).all(|key| is_there(&key.kid)) {
            return Err(Unfit::LacksKey.into());
        }
        let last = pending.last_key().ok_or(Unfit::NoSigningKey)?;
        if let KeyMaterial::KeyPair(pkcs8) = &last.material {
            let key = SigningKey::from_pkcs8(last.algorithm.parse()?, pkcs8.expose_secret())?;
            let probe = key.sign("probe+jwt", &Value::Null)?;
            let (message, signature) = probe.rsplit_once('.').ok_or(Unfit::Probe)?;
            let signature = decoded(signature).ok_or(Unfit::Probe)?;
            key.verifying_key().verify(message.as_bytes(), &signature).map_err(|_| Unfit::Probe)?;
        }
        // Every other key can be used, too.
        KeyTable::parse(pending, None, now)?;
        Ok(())
    }
}

#[async_trait]
impl SecretRotation for SharedSecretRotation {
    async fn next_value(&self, current: &SecretString) -> Result<SecretString, BoxError> {
        let secret = generate_shared_secret(self.entropy.bytes());
        // It must be one that services understand.
        secret_of(current)?;
        let object = serde_json::from_str::<Map<String, Value>>(current.expose_secret());
        let Ok(mut members) = object else { return Ok(secret) };
        for name in SECRET_MEMBERS {
            if let Some(member) = members.get_mut(name) {
                *member = Value::String(secret.expose_secret().to_owned());
            }
        }
        Ok(SecretString::from(serde_json::to_string(&members)?))
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
