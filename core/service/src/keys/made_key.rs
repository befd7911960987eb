use std::time::Duration;

use crypto::{GenerateKeyError, SigningKey};
use domain::{KeyMaterial, KeyRecord, Timestamp};
use doorward_claims::Algorithm;
use secrecy::SecretSlice;

/// A key pair of our own, ready to enter a ring.
pub(super) struct MadeKey {
    kid: String,
    algorithm: Algorithm,
    pkcs8: SecretSlice<u8>,
}

impl MadeKey {
    /// Makes one, away from the threads that serve requests.
    pub(super) async fn make(algorithm: Algorithm) -> Result<Self, GenerateKeyError> {
        let (tell, made) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            // Whoever asked may be gone.
            let _ = tell.send(SigningKey::generate(algorithm));
        });
        let made = made.await.map_err(|_| GenerateKeyError::Failed(algorithm))??;
        Ok(Self { kid: made.key.kid().to_owned(), algorithm, pkcs8: made.pkcs8 })
    }

    /// The key as it signs from that moment on.
    pub(super) fn signing_from(&self, sign_from: Timestamp, grace: Duration) -> KeyRecord {
        let material = KeyMaterial::KeyPair(self.pkcs8.clone());
        let (kid, algorithm) = (self.kid.clone(), self.algorithm.name().to_owned());
        KeyRecord::new(kid, algorithm, material, sign_from, grace)
    }
}
