//! How clients are set up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws::{AwsClients, AwsSecrets, KmsSigner, lasting};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use contracts::{RemoteSigner as _, SecretSource as _};
use tokio::time::timeout;

use crate::fixtures::{Always, TestClock, config, secret, server, shown};
use crate::secrets::{manager, read};

/// Credentials that expire at once, so that every request fetches new ones.
#[derive(Debug, Default)]
struct Source {
    fetched: AtomicUsize,
    /// How long it takes from the second time on.
    delay: Duration,
    /// How long it takes the first time.
    first_delay: Duration,
}

impl Source {
    async fn fetch(&self) -> provider::Result {
        let is_first = self.fetched.fetch_add(1, Ordering::SeqCst) == 0;
        tokio::time::sleep(if is_first { self.first_delay } else { self.delay }).await;
        #[allow(clippy::disallowed_methods, reason = "the SDK compares with the time as it is")]
        let now = std::time::SystemTime::now();
        Ok(Credentials::new("test", "s3cr3t", None, Some(now), "tests"))
    }
}

impl ProvideCredentials for Source {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.fetch())
    }
}

/// There are none.
#[derive(Debug)]
struct Nobody;

impl ProvideCredentials for Nobody {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("nobody knows us")))
    }
}

async fn open(source: impl ProvideCredentials + 'static) -> Result<AwsClients, String> {
    let source = SharedCredentialsProvider::new(source);
    let config = config(&server()).into_builder().credentials_provider(source).build();
    let config = lasting(config).await.map_err(|error| shown(&*error))?;
    Ok(AwsClients::new(&config))
}

/// Lets time pass.
async fn beyond_what_opening_fetched() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(5)).await;
    tokio::time::resume();
}

fn secrets(clients: AwsClients) -> AwsSecrets {
    AwsSecrets::new(clients, Arc::new(TestClock::new()), Arc::new(Always(0)))
}

#[tokio::test]
async fn without_credentials_nothing_is_opened_and_the_reason_is_told() {
    let error = open(Nobody).await.unwrap_err();
    assert!(error.contains("nobody knows us"), "{error}");
}

#[tokio::test]
async fn credentials_may_take_longer_than_an_attempt() {
    let delay = Duration::from_millis(1500);
    let clients = open(Source { delay, ..Source::default() }).await.unwrap();
    let text = format!("{clients:?} {:?}", KmsSigner::new(&clients));
    assert!(!text.contains("s3cr3t"), "{text}");
    let reference = manager(&secret("s3cr3t").await);
    beyond_what_opening_fetched().await;
    assert_eq!(read(&secrets(clients), &reference).await, "s3cr3t");
}

#[tokio::test]
async fn the_first_credentials_may_take_longer_than_an_attempt() {
    let first_delay = Duration::from_millis(1300);
    let clients = open(Source { first_delay, ..Source::default() }).await.unwrap();
    let reference = manager(&secret("s3cr3t").await);
    assert_eq!(read(&secrets(clients), &reference).await, "s3cr3t");
}

#[tokio::test]
async fn credentials_that_do_not_come_are_a_failure_in_time() {
    let clients =
        open(Source { delay: Duration::from_mins(1), ..Source::default() }).await.unwrap();
    beyond_what_opening_fetched().await;
    let (secrets, signer) = (secrets(clients.clone()), KmsSigner::new(&clients));
    let reference = manager("any");
    let (secret, key) = tokio::join!(
        timeout(Duration::from_millis(2500), secrets.read_secret(&reference)),
        timeout(Duration::from_millis(2500), signer.public_key("any")),
    );
    shown(&secret.unwrap().unwrap_err());
    shown(&*key.unwrap().unwrap_err());
}

#[tokio::test]
async fn a_region_that_was_forgotten_is_named() {
    let config = config(&server()).into_builder().region(None).build();
    let clients = AwsClients::new(&config);
    let error = secrets(clients).read_secret(&manager("any")).await.unwrap_err();
    let words = shown(&error).to_lowercase();
    assert!(words.contains("region"), "{words}");
}
