//! DynamoDB, as a single table.
//!
//! [`table`] describes the table, for whoever makes it by infrastructure code. `operation.rs` says
//! how an operation stays one operation although its requests are repeated.

mod claim;
mod client;
mod codes;
mod erasure;
mod failure;
mod fields;
mod limits;
mod logins;
mod mails;
mod notices;
mod operation;
mod outbox;
mod pending_sign_ins;
mod query;
mod read;
mod records;
mod remains;
mod replacement;
mod revocations;
mod roles;
mod row;
mod rows;
mod schema;
mod sealed_keys;
mod sessions;
mod sweep;
pub mod table;
mod totp;
mod transaction;
mod trusted_devices;
mod users;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use contracts::{Probe, StoreError};

use operation::{Operations, within};
use remains::Walk;
use roles::RecentRoles;
pub use schema::{migrate, pending};
use table::Key;

/// The main store in a `DynamoDB` table.
#[derive(Clone)]
pub struct DynamoStorage {
    client: Client,
    table: Arc<str>,
    operations: Arc<Operations>,
    roles: Arc<RecentRoles>,
    walk: Arc<Walk>,
}

impl DynamoStorage {
    /// Opens the table of that name, which must be there and have the shape that [`table`]
    /// describes. Time-outs and retries are this store's own, whatever `config` says of them; its
    /// credentials must not be fetched within a request, which ends them with its attempt.
    pub async fn open(table: &str, config: &SdkConfig) -> Result<Self, StoreError> {
        let client = client::of(config);
        let operations = Arc::new(within(schema::enter(&client, table)).await?);
        let (roles, walk) = (Arc::default(), Arc::default());
        Ok(Self { client, table: table.into(), operations, roles, walk })
    }
}

#[async_trait]
impl Probe for DynamoStorage {
    fn name(&self) -> &'static str {
        "storage"
    }

    async fn check(&self) -> Result<(), StoreError> {
        within(self.find(&Key::probe())).await.map(|_| ())
    }
}
