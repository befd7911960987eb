use async_trait::async_trait;
use domain::{PendingSignIn, Timestamp, UserId};

use crate::StoreError;

/// Keeps sign-ins that want another step, by user and by the digest of their token's secret.
#[async_trait]
pub trait PendingSignInStore: Send + Sync {
    /// Keeps a sign-in. No two have one digest: a second one is a failure, and the first stays, so
    /// that nobody gets tries back.
    async fn insert_pending_sign_in(&self, pending: &PendingSignIn) -> Result<(), StoreError>;

    /// The sign-in, if it expires after `now`, however often it was tried.
    async fn find_pending_sign_in(
        &self,
        user: &UserId,
        secret_digest: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<PendingSignIn>, StoreError>;

    /// Counts a try and returns the sign-in as it is then, if there were fewer than `tries_max`
    /// tries and it expires after `now`. Counted before anybody compares, so that guesses at one
    /// moment cannot share a try.
    async fn advance_pending_tries(
        &self,
        user: &UserId,
        secret_digest: [u8; 32],
        tries_max: u32,
        now: Timestamp,
    ) -> Result<Option<PendingSignIn>, StoreError>;

    /// Removes the sign-in and returns it, if it expires after `now`. Of several callers, one gets
    /// it.
    async fn take_pending_sign_in(
        &self,
        user: &UserId,
        secret_digest: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<PendingSignIn>, StoreError>;
}
