//! What signs tokens, as the settings say.

use std::sync::Arc;

use async_trait::async_trait;
use aws::SecretsManagerRing;
use contracts::{BoxError, Freshness, KeyRingStore, SharedSecrets};
use crypto::{SigningKey, shared_secret_in};
use secrecy::{ExposeSecret, SecretSlice};
use service::{KeyParts, KeyPolicy, SigningSource, Stores};
use settings::{KeySettings, RingSource, SecretInput, SigningSettings};

use crate::data_key::read_secret;
use crate::elsewhere::Elsewhere;
use crate::failure::Failure;
use crate::system::SystemEntropy;

/// The keys of the settings; their ring stands in the store, or where the settings say.
pub(crate) async fn open(
    settings: &KeySettings,
    elsewhere: &Elsewhere,
    stores: &Stores,
) -> Result<KeyParts, Failure> {
    let ring = match &settings.source {
        RingSource::Storage => None,
        RingSource::SecretsManager(secret) => {
            let clients = elsewhere.aws_clients().await;
            let clients = clients.map_err(Failure::of("AWS Secrets Manager cannot be asked"))?;
            let outbox = Arc::clone(&stores.outbox);
            let ring = SecretsManagerRing::new(clients, secret, outbox, Arc::new(SystemEntropy));
            Some(Arc::new(ring) as Arc<dyn KeyRingStore>)
        }
    };
    let source = source(&settings.signing, elsewhere);
    Ok(KeyParts { source, ring, remote: elsewhere.signer() })
}

pub(crate) const fn policy(settings: &KeySettings) -> KeyPolicy {
    KeyPolicy {
        rotation_interval: settings.rotation_interval,
        publish_ahead: settings.publish_ahead,
        shared_publish_ahead: settings.shared_publish_ahead,
        grace: settings.grace,
    }
}

/// Refuses shared secrets that cannot sign, before anything is opened.
pub(crate) async fn check_secrets(
    settings: &KeySettings,
    elsewhere: &Elsewhere,
) -> Result<(), Failure> {
    const UNUSABLE: &str = "a secret of keys.shared_secret cannot be used";
    if let SigningSource::SharedSecrets(source) = source(&settings.signing, elsewhere) {
        let read = source.read_shared_secrets(Freshness::Kept).await;
        for secret in read.map_err(Failure::of_secret(UNUSABLE))? {
            SigningKey::from_shared_secret(secret.expose_secret())
                .map_err(Failure::of_secret(UNUSABLE))?;
        }
    }
    Ok(())
}

fn source(settings: &SigningSettings, elsewhere: &Elsewhere) -> SigningSource {
    match settings {
        SigningSettings::KeyPairs(algorithm) => SigningSource::KeyPairs((*algorithm).into()),
        SigningSettings::SharedSecrets(inputs) => {
            let inputs = inputs.iter().cloned().collect();
            let elsewhere = elsewhere.clone();
            SigningSource::SharedSecrets(Arc::new(NamedSharedSecrets { inputs, elsewhere }))
        }
        SigningSettings::Kms { algorithm, key } => {
            SigningSource::Remote { algorithm: (*algorithm).into(), name: key.clone() }
        }
    }
}

struct NamedSharedSecrets {
    inputs: Vec<SecretInput>,
    elsewhere: Elsewhere,
}

#[async_trait]
impl SharedSecrets for NamedSharedSecrets {
    async fn read_shared_secrets(
        &self,
        freshness: Freshness,
    ) -> Result<Vec<SecretSlice<u8>>, BoxError> {
        let secrets = self.elsewhere.secrets(freshness);
        let mut read = Vec::new();
        for input in &self.inputs {
            let text = read_secret(input, &*secrets).await?;
            let secret = shared_secret_in(text.expose_secret())?;
            read.push(SecretSlice::from(secret.as_bytes().to_vec()));
        }
        Ok(read)
    }
}
