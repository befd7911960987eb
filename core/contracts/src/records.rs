use async_trait::async_trait;

use crate::{OutboxEvent, Replaced, StoreError};

/// A small named record of the deployment itself, such as the key ring. Its content is sealed by
/// the service: a store sees bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Starts at 1 and grows with every replacement.
    pub version: u64,
    /// What is kept.
    pub content: Box<[u8]>,
}

/// Whether a record was inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It was not there before.
    Yes,
    /// Another replica was first; read what it wrote.
    Exists,
}

/// Keeps the deployment's own records.
#[async_trait]
pub trait RecordStore: Send + Sync {
    /// The record of that name.
    async fn find_record(&self, name: &str) -> Result<Option<Record>, StoreError>;

    /// Records with their names, by name, after `after`.
    async fn list_records(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Record)>, StoreError>;

    /// Keeps a new record as version 1, with the events. Of several callers at once, exactly one
    /// inserts.
    async fn insert_record(
        &self,
        name: &str,
        content: &[u8],
        events: &[OutboxEvent],
    ) -> Result<Inserted, StoreError>;

    /// Replaces the record if it still has `version`, which then grows by one, and writes the
    /// events.
    async fn replace_record(
        &self,
        name: &str,
        version: u64,
        content: &[u8],
        events: &[OutboxEvent],
    ) -> Result<Replaced, StoreError>;
}
