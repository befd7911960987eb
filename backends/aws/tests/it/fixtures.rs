//! Clients, clocks and names as most tests want them.

use std::error::Error;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws::AwsClients;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use contracts::{BoxError, Clock, Entropy, OutboxEvent, OutboxStore, SecretRotation, StoreError};
use domain::{EventId, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use servers::AwsProxy;
use uuid::Uuid;

pub(crate) const NOW: Timestamp = Timestamp::from_unix_ms(1_795_332_900_000);

/// Part of every secret of these tests, so that it can be looked for.
pub(crate) const HIDDEN: &str = "s3cr3t";

/// The endpoint of the shared emulator.
pub(crate) fn server() -> String {
    #[allow(clippy::disallowed_methods, reason = "the server of the tests is named there")]
    let endpoint = std::env::var("TEST_DYNAMODB_ENDPOINT");
    endpoint.expect("TEST_DYNAMODB_ENDPOINT names the emulator of AWS; `cargo xtask test` sets it")
}

/// How to reach the emulator at an endpoint.
pub(crate) fn config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "tests");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .build()
}

pub(crate) fn clients(proxy: &AwsProxy) -> AwsClients {
    AwsClients::new(&config(&proxy.endpoint()))
}

/// What another program uses on Secrets Manager.
pub(crate) fn other() -> aws_sdk_secretsmanager::Client {
    aws_sdk_secretsmanager::Client::new(&config(&server()))
}

/// A name that no other test has.
pub(crate) fn name() -> String {
    #[allow(clippy::disallowed_methods, reason = "tests on one server must not meet")]
    let id = Uuid::new_v4().simple();
    format!("doorward-test-{id}")
}

/// Makes a secret with that text.
pub(crate) async fn secret(text: &str) -> String {
    let name = name();
    other().create_secret().name(&name).secret_string(text).send().await.unwrap();
    name
}

/// Another program puts that text.
pub(crate) async fn put(name: &str, text: &str) {
    other().put_secret_value().secret_id(name).secret_string(text).send().await.unwrap();
}

pub(crate) async fn current(name: &str) -> String {
    let read = other().get_secret_value().secret_id(name).send().await.unwrap();
    read.secret_string.unwrap()
}

/// The version with that label.
pub(crate) async fn holder(name: &str, label: &str) -> Option<String> {
    let described = other().describe_secret().secret_id(name).send().await.unwrap();
    let labels = described.version_ids_to_stages.unwrap();
    labels.into_iter().find(|(_, on)| on.iter().any(|one| one == label)).map(|(id, _)| id)
}

/// A clock that stands still until it is moved.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(NOW.unix_ms())))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_millis().try_into().unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn set_back(&self, by: Duration) {
        self.0.fetch_sub(by.as_millis().try_into().unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.load(Ordering::SeqCst))
    }
}

/// Every byte is this one.
pub(crate) struct Always(pub(crate) u8);

impl Entropy for Always {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

/// Other bytes at each call.
pub(crate) struct Different;

impl Entropy for Different {
    fn fill(&self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(16) {
            #[allow(clippy::disallowed_methods, reason = "tests on one server must not meet")]
            let drawn = Uuid::new_v4();
            part.copy_from_slice(&drawn.as_bytes()[..part.len()]);
        }
    }
}

/// An outbox that keeps what is inserted, unless it fails.
#[derive(Default)]
pub(crate) struct Outbox {
    pub(crate) events: Mutex<Vec<OutboxEvent>>,
    pub(crate) is_failing: bool,
}

#[async_trait]
impl OutboxStore for Outbox {
    async fn insert_events(&self, events: &[OutboxEvent]) -> Result<(), StoreError> {
        if self.is_failing {
            return Err(StoreError::Unavailable("the outbox is away".into()));
        }
        self.events.lock().unwrap().extend_from_slice(events);
        Ok(())
    }

    async fn claim_events(
        &self,
        _now: Timestamp,
        _lease_until: Timestamp,
        _limit: usize,
    ) -> Result<Vec<OutboxEvent>, StoreError> {
        Ok(Vec::new())
    }

    async fn delete_events(&self, _ids: &[EventId]) -> Result<(), StoreError> {
        Ok(())
    }
}

pub(crate) fn event(number: u8) -> OutboxEvent {
    OutboxEvent {
        id: EventId::new(NOW, [number; 10]),
        name: "key.rotated".to_owned(),
        subject: None,
        at: NOW,
        envelope: "{}".to_owned(),
    }
}

/// A value is followed by itself and one more mark; nothing else may follow it.
pub(crate) struct Marks;

#[async_trait]
impl SecretRotation for Marks {
    async fn next_value(&self, current: &SecretString) -> Result<SecretString, BoxError> {
        Ok(format!("{}+", current.expose_secret()).into())
    }

    async fn test_value(
        &self,
        current: &SecretString,
        pending: &SecretString,
    ) -> Result<(), BoxError> {
        let wanted = self.next_value(current).await?;
        let fits = pending.expose_secret() == wanted.expose_secret();
        if fits { Ok(()) } else { Err("it does not follow".into()) }
    }
}

/// The error and its causes, as a log shows them, which hold no secret.
pub(crate) fn shown(error: &(dyn Error + 'static)) -> String {
    let text = format!("{}; {error:?}", contracts::chain(error));
    assert!(!text.contains(HIDDEN), "{text}");
    text
}
