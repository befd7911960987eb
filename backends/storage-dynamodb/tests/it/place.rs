//! Where tests keep their tables.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_dynamodb::types::{AttributeValue, TimeToLiveSpecification};
use storage_dynamodb::{DynamoStorage, migrate};
use uuid::Uuid;

/// A table's name of one's own. Whatever stands under it is removed in the end.
pub(crate) struct Place {
    pub(crate) table: String,
    pub(crate) config: SdkConfig,
}

impl Place {
    /// A name, and no table.
    pub(crate) fn new() -> Self {
        #[allow(clippy::disallowed_methods, reason = "tests on one server must not meet")]
        let table = format!("doorward-test-{}", Uuid::new_v4());
        Self { table, config: config(&server()) }
    }

    /// A new table. Its time to live is off: the present of the tests is long ago, and the server
    /// would remove what expires in it.
    pub(crate) async fn with_table() -> Self {
        let place = Self::new();
        migrate(&place.table, &place.config).await.unwrap();
        let off = TimeToLiveSpecification::builder().attribute_name("ttl").enabled(false).build();
        let client = place.client();
        let request = client.update_time_to_live().table_name(&place.table);
        request.time_to_live_specification(off.unwrap()).send().await.unwrap();
        place
    }

    pub(crate) async fn open(&self) -> DynamoStorage {
        DynamoStorage::open(&self.table, &self.config).await.unwrap()
    }

    /// What another program uses.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.config)
    }

    /// Every item of the table.
    pub(crate) async fn items(&self) -> Vec<std::collections::HashMap<String, AttributeValue>> {
        let scan = self.client().scan().table_name(&self.table).consistent_read(true);
        scan.into_paginator().items().send().collect::<Result<_, _>>().await.unwrap()
    }
}

impl Drop for Place {
    /// In a thread and runtime of its own: the test's may be over.
    fn drop(&mut self) {
        let (client, table) = (self.client(), self.table.clone());
        let removed = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let request = client.delete_table().table_name(table).send();
            runtime.unwrap().block_on(async {
                let _ = tokio::time::timeout(Duration::from_secs(5), request).await;
            });
        });
        let _ = removed.join();
    }
}

/// The endpoint of the shared server.
pub(crate) fn server() -> String {
    #[allow(clippy::disallowed_methods, reason = "the server of the tests is named there")]
    let endpoint = std::env::var("TEST_DYNAMODB_ENDPOINT");
    endpoint.expect("TEST_DYNAMODB_ENDPOINT names a server of DynamoDB; `cargo xtask test` sets it")
}

/// How to reach the server at an endpoint.
pub(crate) fn config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "tests");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .build()
}
