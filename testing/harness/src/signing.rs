use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use contracts::{BoxError, Freshness, RemotePublicKey, RemoteSigner, SharedSecrets};
use doorward_claims::Algorithm;
use secrecy::SecretSlice;

/// Shared secrets as an operator keeps them: to be replaced while instances run.
#[derive(Clone, Default)]
pub struct TestSecrets(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    secrets: Vec<Vec<u8>>,
    is_out_of_reach: bool,
}

impl TestSecrets {
    /// These secrets, the first to sign.
    pub fn of(secrets: &[&[u8]]) -> Self {
        let kept = Self::default();
        kept.replace(secrets);
        kept
    }

    /// Puts these secrets in place of the others.
    pub fn replace(&self, secrets: &[&[u8]]) {
        for text in secrets.iter().filter_map(|secret| str::from_utf8(secret).ok()) {
            used_secrets::remember(text);
        }
        self.kept().secrets = secrets.iter().map(|secret| secret.to_vec()).collect();
    }

    /// Whether they can be read from now on.
    pub fn set_out_of_reach(&self, is_out_of_reach: bool) {
        self.kept().is_out_of_reach = is_out_of_reach;
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SharedSecrets for TestSecrets {
    async fn read_shared_secrets(&self, _: Freshness) -> Result<Vec<SecretSlice<u8>>, BoxError> {
        let kept = self.kept();
        if kept.is_out_of_reach {
            return Err("the secrets are out of reach".into());
        }
        Ok(kept.secrets.iter().map(|secret| SecretSlice::from(secret.clone())).collect())
    }
}

/// Keeps no keys.
pub(crate) struct NoRemoteSigner;

#[async_trait]
impl RemoteSigner for NoRemoteSigner {
    async fn public_key(&self, _: &str) -> Result<RemotePublicKey, BoxError> {
        Err("no keys are kept elsewhere".into())
    }

    async fn sign_digest(&self, _: &str, _: Algorithm, _: [u8; 32]) -> Result<Vec<u8>, BoxError> {
        Err("no keys are kept elsewhere".into())
    }
}
