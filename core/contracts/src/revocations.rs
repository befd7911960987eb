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

/// How far back rows are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// Revocations, codes, devices, trusted devices and pending sign-ins that expired by then go.
    pub now: Timestamp,
    /// Sessions whose absolute limit was reached by then go: earlier than now, so that their tokens
    /// are still told apart from unknown ones for a while.
    pub sessions: Timestamp,
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

    /// Removes at most `limit` of each kind of row that serves no one any more. Returns how many
    /// went.
    async fn delete_expired(&self, expiry: Expiry, limit: usize) -> Result<usize, StoreError>;
}
