//! What the settings name and others keep: secrets, and keys that sign without being read.

use std::sync::Arc;

use async_trait::async_trait;
use aws::{AwsClients, AwsSecrets, KmsSigner, SdkConfig};
use contracts::{
    BoxError, Freshness, ReadSecretError, RemotePublicKey, RemoteSigner, SecretRef, SecretSource,
};
use doorward_claims::Algorithm;
use secrecy::SecretString;
use secrets::Secrets;
use tokio::sync::OnceCell;

use crate::system::{SystemClock, SystemEntropy};

/// Opened when first needed, once for the whole process. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Elsewhere {
    aws: Arc<OnceCell<Aws>>,
}

struct Aws {
    config: SdkConfig,
    clients: AwsClients,
    secrets: AwsSecrets,
}

struct NamedSecrets {
    elsewhere: Elsewhere,
    freshness: Freshness,
}

impl Elsewhere {
    /// Opens references. What AWS keeps is asked for every few minutes, or each time for whoever
    /// was refused with what was read before.
    pub(crate) fn secrets(&self, freshness: Freshness) -> Arc<dyn SecretSource> {
        Arc::new(NamedSecrets { elsewhere: self.clone(), freshness })
    }

    /// Signs with keys of AWS KMS.
    pub(crate) fn signer(&self) -> Arc<dyn RemoteSigner> {
        Arc::new(Signer(self.clone()))
    }

    /// How AWS is asked, for all that asks it.
    pub(crate) async fn aws_config(&self) -> Result<&SdkConfig, BoxError> {
        Ok(&self.aws().await?.config)
    }

    pub(crate) async fn aws_clients(&self) -> Result<&AwsClients, BoxError> {
        Ok(&self.aws().await?.clients)
    }

    async fn aws(&self) -> Result<&Aws, BoxError> {
        self.aws
            .get_or_try_init(|| async {
                let config = aws::sdk_config().await?;
                let clients = AwsClients::new(&config);
                let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
                let secrets = AwsSecrets::new(clients.clone(), clock, entropy);
                Ok(Aws { config, clients, secrets })
            })
            .await
    }
}

#[async_trait]
impl SecretSource for NamedSecrets {
    async fn read_secret(&self, reference: &SecretRef) -> Result<SecretString, ReadSecretError> {
        if !reference.source.starts_with("aws-") {
            return Secrets::open().read_secret(reference).await;
        }
        let failed = |source| ReadSecretError::Failed { reference: reference.clone(), source };
        let secrets = &self.elsewhere.aws().await.map_err(failed)?.secrets;
        match self.freshness {
            Freshness::Kept => secrets.read_secret(reference).await,
            Freshness::New => secrets.again().read_secret(reference).await,
        }
    }
}

struct Signer(Elsewhere);

#[async_trait]
impl RemoteSigner for Signer {
    async fn public_key(&self, name: &str) -> Result<RemotePublicKey, BoxError> {
        KmsSigner::new(self.0.aws_clients().await?).public_key(name).await
    }

    async fn sign_digest(
        &self,
        name: &str,
        algorithm: Algorithm,
        digest: [u8; 32],
    ) -> Result<Vec<u8>, BoxError> {
        KmsSigner::new(self.0.aws_clients().await?).sign_digest(name, algorithm, digest).await
    }
}
