//! `MongoDB` (as a replica set) and Amazon DocumentDB 5.0 (instance-based clusters).
//!
//! Only commands, operators and indexes that DocumentDB 5.0 has are used; the tests hold a list. An
//! operation is data: the documents that change together, some of them guarded. How often it is
//! tried, and what is known of a try that had no answer, is said in one place: `attempts.rs`.

mod attempts;
mod ca_bundle;
mod changes;
mod codes;
mod collections;
mod connection;
mod connection_url;
mod documents;
mod erasure;
mod limits;
mod mails;
mod notices;
mod operation;
mod outbox;
mod outcomes;
mod pending_sign_ins;
mod reads;
mod records;
mod revocations;
mod schema;
mod session_documents;
mod sessions;
mod settings;
mod transaction;
mod trusted_devices;
mod user_documents;
mod users;

use async_trait::async_trait;
use contracts::{Probe, StoreError};
use mongodb::bson::doc;

pub use settings::MongoSettings;

use collections::SCHEMA;
use connection::Connection;

/// The main store on a `MongoDB` or DocumentDB server.
pub struct MongoStorage {
    connection: Connection,
}

impl MongoStorage {
    /// Connects, takes all pending steps of the schema, and makes sure that the server has
    /// transactions.
    pub async fn open(settings: &MongoSettings) -> Result<Self, StoreError> {
        let storage = Self { connection: Connection::open(settings).await? };
        schema::migrate(&storage.connection).await?;
        transaction::require_transactions(&storage.connection).await?;
        Ok(storage)
    }
}

/// Takes the pending steps of the schema. Returns the names of the steps.
pub async fn migrate(settings: &MongoSettings) -> Result<Vec<&'static str>, StoreError> {
    schema::migrate(&Connection::open(settings).await?).await
}

/// Names of the steps that the database has yet to see. Changes nothing.
pub async fn pending(settings: &MongoSettings) -> Result<Vec<&'static str>, StoreError> {
    schema::pending(&Connection::open(settings).await?).await
}

#[async_trait]
impl Probe for MongoStorage {
    fn name(&self) -> &'static str {
        "storage"
    }

    async fn check(&self) -> Result<(), StoreError> {
        // Read from the primary: if there is none, nothing can be written either.
        self.find_one(SCHEMA, doc! {}).await.map(|_| ())
    }
}
