use async_trait::async_trait;
use contracts::{Advanced, PendingSignInStore, StoreError, TrustedDeviceStore, TrustedDeviceUse};
use domain::{PendingSignIn, Timestamp, TrustedDevice, TrustedDeviceId, UserId};

use crate::ObservedStore;

#[async_trait]
impl PendingSignInStore for ObservedStore {
    async fn insert_pending_sign_in(&self, pending: &PendingSignIn) -> Result<(), StoreError> {
        self.calls.enter("insert_pending_sign_in").await?;
        self.inner.insert_pending_sign_in(pending).await
    }

    async fn find_pending_sign_in(
        &self,
        user: &UserId,
        secret_digest: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        self.calls.enter("find_pending_sign_in").await?;
        self.inner.find_pending_sign_in(user, secret_digest, now).await
    }

    async fn advance_pending_tries(
        &self,
        user: &UserId,
        secret_digest: [u8; 32],
        tries_max: u32,
        now: Timestamp,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        self.calls.enter("advance_pending_tries").await?;
        self.inner.advance_pending_tries(user, secret_digest, tries_max, now).await
    }

    async fn take_pending_sign_in(
        &self,
        user: &UserId,
        secret_digest: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        self.calls.enter("take_pending_sign_in").await?;
        self.inner.take_pending_sign_in(user, secret_digest, now).await
    }
}

#[async_trait]
impl TrustedDeviceStore for ObservedStore {
    async fn find_trusted_device(
        &self,
        user: &UserId,
        device: TrustedDeviceId,
        now: Timestamp,
    ) -> Result<Option<TrustedDevice>, StoreError> {
        self.calls.enter("find_trusted_device").await?;
        self.inner.find_trusted_device(user, device, now).await
    }

    async fn list_trusted_devices(
        &self,
        user: &UserId,
        now: Timestamp,
        after: Option<TrustedDeviceId>,
        limit: usize,
    ) -> Result<Vec<TrustedDevice>, StoreError> {
        self.calls.enter("list_trusted_devices").await?;
        self.inner.list_trusted_devices(user, now, after, limit).await
    }

    async fn advance_trusted_device(
        &self,
        used: &TrustedDeviceUse,
    ) -> Result<Advanced, StoreError> {
        self.calls.enter("advance_trusted_device").await?;
        self.inner.advance_trusted_device(used).await
    }

    async fn delete_trusted_device(
        &self,
        user: &UserId,
        device: TrustedDeviceId,
    ) -> Result<(), StoreError> {
        self.calls.enter("delete_trusted_device").await?;
        self.inner.delete_trusted_device(user, device).await
    }
}
