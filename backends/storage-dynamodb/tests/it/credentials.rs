//! Credentials that take their time.

use std::time::Duration;

use aws_credential_types::provider::future;
use aws_sdk_dynamodb::config::{Credentials, ProvideCredentials, SharedCredentialsProvider};
use contracts::Probe;
use storage_dynamodb::DynamoStorage;

use crate::place::Place;

/// Longer than an attempt of a request may take.
const SLOW: Duration = Duration::from_millis(1300);

/// A service that is asked for credentials.
#[derive(Debug)]
struct Slow;

impl ProvideCredentials for Slow {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            tokio::time::sleep(SLOW).await;
            Ok(Credentials::new("test", "test", None, None, "tests"))
        })
    }
}

#[tokio::test]
async fn credentials_that_take_longer_than_a_request_open_the_store() {
    let place = Place::with_table().await;
    let slow = SharedCredentialsProvider::new(Slow);
    let config = place.config.to_builder().credentials_provider(slow).build();
    let store = DynamoStorage::open(&place.table, &config).await.unwrap();
    store.check().await.unwrap();
}
