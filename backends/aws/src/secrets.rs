use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use contracts::{Clock, Entropy, ReadSecretError, SecretRef, SecretSource};
use secrecy::SecretString;

use crate::cache::{Cache, Wanted};
use crate::clients::AwsClients;
use crate::fetch::Place;
use crate::text;

/// Opens `aws-sm:NAME` (Secrets Manager; a name or an ARN) and `aws-ssm:/PATH` (Parameter Store),
/// each with an optional `#key` into a JSON object.
///
/// - What was read is answered for about five minutes, then read again; readers at once share one
///   request.
/// - While it cannot be read again, what was read last is answered, for up to an hour. What is gone
///   is gone at once.
/// - Nothing is longer than 64 KiB, and all of it is text. With a key, the whole is a JSON object
///   and the member a text.
#[derive(Clone)]
pub struct AwsSecrets {
    cache: Arc<Cache>,
}

/// The same secrets for whoever was just refused with one of them: each is read again, however
/// fresh it is, though at most once a second.
#[derive(Clone)]
pub struct AwsSecretsAgain {
    cache: Arc<Cache>,
}

impl AwsSecrets {
    /// An empty cache. `entropy` spreads the times at which instances ask.
    pub fn new(clients: AwsClients, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { cache: Arc::new(Cache::new(clients, clock, entropy)) }
    }

    /// To read with after a secret was refused. What it reads is kept here, too.
    pub fn again(&self) -> AwsSecretsAgain {
        AwsSecretsAgain { cache: Arc::clone(&self.cache) }
    }
}

#[async_trait]
impl SecretSource for AwsSecrets {
    async fn read_secret(&self, reference: &SecretRef) -> Result<SecretString, ReadSecretError> {
        read(&self.cache, reference, Wanted::Kept).await
    }
}

#[async_trait]
impl SecretSource for AwsSecretsAgain {
    async fn read_secret(&self, reference: &SecretRef) -> Result<SecretString, ReadSecretError> {
        read(&self.cache, reference, Wanted::New).await
    }
}

async fn read(
    cache: &Arc<Cache>,
    reference: &SecretRef,
    wanted: Wanted,
) -> Result<SecretString, ReadSecretError> {
    let name = reference.name.clone();
    let place = match reference.source.as_str() {
        "aws-sm" => Place::Secret(name),
        "aws-ssm" => Place::Parameter(name),
        _ => return Err(ReadSecretError::UnknownSource(reference.clone())),
    };
    let failed = |source| ReadSecretError::Failed { reference: reference.clone(), source };
    let found = cache.read(&place, wanted).await.map_err(|failure| failed(failure.into()))?;
    let missing = || ReadSecretError::Missing(reference.clone());
    let part = text::part(found.ok_or_else(missing)?, reference.json_key.as_deref());
    part.map_err(|error| failed(error.into()))?.ok_or_else(missing)
}

/// What is kept is not shown.
impl fmt::Debug for AwsSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsSecrets").finish_non_exhaustive()
    }
}

/// What is kept is not shown.
impl fmt::Debug for AwsSecretsAgain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsSecretsAgain").finish_non_exhaustive()
    }
}
