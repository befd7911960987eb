use async_trait::async_trait;
use domain::{Revocation, Timestamp};

use crate::StoreError;

/// The ends that tokens in circulation may not know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocations {
    /// Grows with every revocation and never falls, not even when all rows have expired.
    pub sequence: u64,
    /// The newest first.
    pub rows: Vec<Revocation>,
}

/// Lists revocations. They are written by the operations that end things, never alone.
#[async_trait]
pub trait RevocationStore: Send + Sync {
    /// The newest `limit` revocations that expire after `now`, with the sequence as of that read.
    async fn list_revocations(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Revocations, StoreError>;

    /// Removes at most `limit` of each kind of row that serves no one any more: revocations that
    /// expired before `now`, sessions past their absolute limit. Returns how many went.
    async fn delete_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError>;
}
