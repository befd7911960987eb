use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::task::JoinError;

use super::AbortOnDrop;
use crate::error::ParseKeyError;
use crate::key::VerifyingKey;
use crate::key_set::KeySet;
use crate::shared_secret::SharedSecret;

/// How old the secrets get before they are read again.
const MAX_AGE_SECONDS: i64 = 60;

/// How long a reading may take, whatever it reads.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(3);

/// Whatever stands behind an error that is not ours.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Reads the secrets as they are now, from one place where they are kept.
pub(super) type SecretReader = Box<
    dyn Fn() -> Pin<Box<dyn Future<Output = Result<Vec<SharedSecret>, BoxError>> + Send>>
        + Send
        + Sync,
>;

/// The secrets that are shared with the issuer, followed where they are kept.
///
/// The two sides read a new secret at different times, so one that is there no more verifies for a
/// while: the issuer may still sign with it.
pub(super) struct SharedSecrets {
    readers: Arc<[SecretReader]>,
    grace_seconds: i64,
    held: Vec<Held>,
}

struct Held {
    key: VerifyingKey,
    /// When it stops to verify; `None` while it is where it is kept.
    leaves_at: Option<i64>,
}

/// Why the secrets could not be had.
#[derive(Debug, Error)]
pub(super) enum ReadSecretsError {
    #[error("a shared secret cannot be read")]
    Read(#[source] BoxError),
    #[error("the shared secrets are not read within {TOTAL_TIMEOUT:?}")]
    TooSlow,
    #[error("the reading of the shared secrets does not end well")]
    Broken(#[source] JoinError),
    #[error("there is no shared secret")]
    Nothing,
    #[error("a shared secret cannot be used")]
    Unusable(#[from] ParseKeyError),
}

impl SharedSecrets {
    pub(super) fn new(readers: Vec<SecretReader>, grace: Duration) -> Self {
        let grace_seconds = i64::try_from(grace.as_secs()).unwrap_or(i64::MAX);
        Self { readers: readers.into(), grace_seconds, held: Vec::new() }
    }

    /// Reads the secrets again; returns their greatest age in seconds.
    ///
    /// Without success all that is known stays, but for what has been gone long enough.
    pub(super) async fn load(&mut self, now: i64) -> Result<i64, ReadSecretsError> {
        let read = read_keys(&self.readers).await;
        let outcome = read.map(|keys| {
            self.hold(keys, now);
            MAX_AGE_SECONDS
        });
        self.held.retain(|held| held.leaves_at.is_none_or(|leaves_at| now < leaves_at));
        outcome
    }

    /// All that verify now.
    pub(super) fn keys(&self) -> KeySet {
        self.held.iter().map(|held| held.key.clone()).collect()
    }

    fn hold(&mut self, keys: Vec<VerifyingKey>, now: i64) {
        let leaves_at = now.saturating_add(self.grace_seconds);
        self.held.retain_mut(|held| {
            held.leaves_at = Some(held.leaves_at.unwrap_or(leaves_at));
            keys.iter().all(|key| key.kid() != held.key.kid())
        });
        self.held.extend(keys.into_iter().map(|key| Held { key, leaves_at: None }));
    }
}

/// In a task of its own: one that blocks its thread, or panics, must not take us with it.
async fn read_keys(readers: &Arc<[SecretReader]>) -> Result<Vec<VerifyingKey>, ReadSecretsError> {
    let mut task = tokio::spawn(read_all(Arc::clone(readers)));
    let _end = AbortOnDrop(task.abort_handle());
    let secrets = tokio::time::timeout(TOTAL_TIMEOUT, &mut task)
        .await
        .map_err(|_| ReadSecretsError::TooSlow)?
        .map_err(ReadSecretsError::Broken)?
        .map_err(ReadSecretsError::Read)?;
    // A place that has lost its secrets is not one that wants nobody let in.
    if secrets.is_empty() {
        return Err(ReadSecretsError::Nothing);
    }
    let keys = secrets.iter().map(|secret| VerifyingKey::from_shared_secret(secret.as_bytes()));
    Ok(keys.collect::<Result<_, _>>()?)
}

async fn read_all(readers: Arc<[SecretReader]>) -> Result<Vec<SharedSecret>, BoxError> {
    let mut secrets = Vec::new();
    for read in readers.iter() {
        secrets.extend(read().await?);
    }
    Ok(secrets)
}
