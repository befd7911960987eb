use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use contracts::{
    Entropy, KeptRing, KeyRingStore, OutboxEvent, OutboxStore, RingReplaced, RingVersion,
    StoreError,
};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use tokio::time::timeout;

use crate::clients::AwsClients;
use crate::failure::Failure;
use crate::versions::{
    CURRENT, PENDING, Value, Version, describe, move_label, read_current, remove_label,
};

/// On a version that shall become current; put without a label, it would be so at once. The draft
/// of another may take it away, which does no harm: a version without labels is deleted much later.
const DRAFT: &str = "doorward-draft";
/// For a replacement, which is several requests.
const REPLACE_MAX: Duration = Duration::from_millis(2400);

/// Keeps the key ring in one secret of Secrets Manager, as the text of its current version.
///
/// The secret may be made beforehand, also without a value, and then needs no permission to create
/// it. A change becomes current by moving `AWSCURRENT` from the version that was seen, which AWS
/// refuses if it is elsewhere. No change is made while a rotation is under way.
///
/// Events go to the outbox after the ring was replaced. A crash between the two loses them, and so
/// does an AWS that is away before it could be asked who won. An outbox that fails is reported, and
/// the ring has changed all the same.
#[derive(Clone)]
pub struct SecretsManagerRing {
    client: Client,
    secret: Arc<str>,
    outbox: Arc<dyn OutboxStore>,
    entropy: Arc<dyn Entropy>,
}

impl SecretsManagerRing {
    /// The ring in the secret of that name or ARN. `entropy` makes the names of versions.
    pub fn new(
        clients: &AwsClients,
        secret: &str,
        outbox: Arc<dyn OutboxStore>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { client: clients.secrets.clone(), secret: secret.into(), outbox, entropy }
    }

    async fn replace(&self, change: Change) -> Result<RingReplaced, StoreError> {
        let replaced = match &change.seen {
            Some(seen) => self.succeed(Some(seen), &change).await?,
            None => self.begin(&change).await?,
        };
        if replaced == RingReplaced::Yes && !change.events.is_empty() {
            self.outbox.insert_events(&change.events).await?;
        }
        Ok(replaced)
    }

    /// Keeps the first ring. Whoever made the secret beforehand need not let us create one.
    async fn begin(&self, change: &Change) -> Result<RingReplaced, Failure> {
        if describe(&self.client, &self.secret).await?.is_none() {
            let request = self.client.create_secret().name(&*self.secret);
            let request = request.client_request_token(&change.draft);
            match request.secret_string(change.content.expose_secret()).send().await {
                Ok(_) => return Ok(RingReplaced::Yes),
                Err(error) => match error.as_service_error() {
                    Some(known) if known.is_resource_exists_exception() => {}
                    _ => return Err(Failure::without_words(&error)),
                },
            }
        }
        match read_current(&self.client, &self.secret).await? {
            // Ours, by a request whose answer was lost.
            Some(Version { id, .. }) if id == change.draft => Ok(RingReplaced::Yes),
            Some(Version { value: Value::Text(_) | Value::Binary, .. }) => Ok(RingReplaced::Stale),
            // A secret without a value has no version on AWS; emulators give it an empty one.
            Some(Version { id, value: Value::None }) => self.succeed(Some(&id), change).await,
            None => self.succeed(None, change).await,
        }
    }

    /// Makes the draft current in place of `seen`.
    async fn succeed(&self, seen: Option<&str>, change: &Change) -> Result<RingReplaced, Failure> {
        let Some(described) = describe(&self.client, &self.secret).await? else {
            return Ok(RingReplaced::Stale);
        };
        if described.holder(CURRENT) != seen {
            return Ok(RingReplaced::Stale);
        }
        match described.holder(PENDING) {
            // A rotation is under way, and made its value from the one that is current.
            Some(pending) if Some(pending) != seen => return Ok(RingReplaced::RotationUnderWay),
            // A rotation that is over left it. It would seem to be under way once the other label
            // has moved on.
            Some(pending) => {
                remove_label(&self.client, &self.secret, PENDING, pending).await?;
            }
            None => {}
        }
        self.put_draft(change).await?;
        let moved = move_label(&self.client, &self.secret, CURRENT, seen, &change.draft).await;
        let replaced = match moved {
            Ok(()) => Ok(RingReplaced::Yes),
            Err(failure) => self.outcome(seen, &change.draft, failure).await,
        };
        // The next draft takes the label from this one, should it stay here.
        if let Err(failure) = remove_label(&self.client, &self.secret, DRAFT, &change.draft).await {
            tracing::debug!(error = %failure, "the label of a draft stays on it");
        }
        replaced
    }

    async fn put_draft(&self, change: &Change) -> Result<(), Failure> {
        let request = self.client.put_secret_value().secret_id(&*self.secret);
        let request = request.client_request_token(&change.draft).version_stages(DRAFT);
        let put = request.secret_string(change.content.expose_secret()).send().await;
        put.map(|_| ()).map_err(|error| Failure::without_words(&error))
    }

    /// What became of a move that seems to have failed. An answer may have been lost, and then the
    /// repeated request was refused.
    async fn outcome(
        &self,
        seen: Option<&str>,
        draft: &str,
        failure: Failure,
    ) -> Result<RingReplaced, Failure> {
        let described = describe(&self.client, &self.secret).await?;
        match described.as_ref().and_then(|described| described.holder(CURRENT)) {
            Some(current) if current == draft => Ok(RingReplaced::Yes),
            current if current == seen => Err(failure),
            _ => Ok(RingReplaced::Stale),
        }
    }

    /// A name for a version that no other bears: 32 characters, the least that AWS takes.
    fn new_version(&self) -> String {
        let bytes: [u8; 16] = self.entropy.bytes();
        bytes.iter().fold(String::with_capacity(32), |mut name, byte| {
            let _ = write!(name, "{byte:02x}");
            name
        })
    }
}

/// A ring as it shall be.
struct Change {
    seen: Option<String>,
    draft: String,
    content: SecretString,
    events: Vec<OutboxEvent>,
}

#[async_trait]
impl KeyRingStore for SecretsManagerRing {
    async fn find_ring(&self) -> Result<Option<KeptRing>, StoreError> {
        let Some(found) = read_current(&self.client, &self.secret).await? else {
            return Ok(None);
        };
        let text = match found.value {
            Value::Text(text) => text,
            Value::Binary => return Err(not_text()),
            Value::None => return Ok(None),
        };
        let content = text.expose_secret().as_bytes().to_vec().into();
        Ok(Some(KeptRing { version: RingVersion(found.id.into()), content }))
    }

    async fn replace_ring(
        &self,
        seen: Option<&RingVersion>,
        content: &SecretSlice<u8>,
        events: &[OutboxEvent],
    ) -> Result<RingReplaced, StoreError> {
        // A secret is a text, and so is every ring that we make.
        let content = str::from_utf8(content.expose_secret()).map_err(|_| not_text())?;
        let change = Change {
            seen: seen.map(|version| version.0.to_string()),
            draft: self.new_version(),
            content: content.into(),
            events: events.to_vec(),
        };
        let this = self.clone();
        // It goes on although the caller gives up, so that no draft and no event is left behind.
        let replacing = tokio::spawn(async move { this.replace(change).await });
        match timeout(REPLACE_MAX, replacing).await {
            Ok(Ok(replaced)) => replaced,
            Ok(Err(_)) => Err(Failure::new("the replacement ended early").into()),
            Err(_) => Err(Failure::new("the replacement did not end in time").into()),
        }
    }
}

fn not_text() -> StoreError {
    StoreError::Malformed { what: "key ring", source: "it is not a text".into() }
}

/// There is nothing to show but where it is.
impl fmt::Debug for SecretsManagerRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretsManagerRing").field("secret", &self.secret).finish_non_exhaustive()
    }
}
