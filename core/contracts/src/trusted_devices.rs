use async_trait::async_trait;
use domain::{SessionId, Timestamp, TrustedDevice, TrustedDeviceId, UserId};

use crate::{Advanced, StoreError};

/// That a session begins on a trusted device.
#[derive(Clone, Debug)]
pub struct TrustedDeviceUse {
    /// Whose device.
    pub user: UserId,
    /// Which device.
    pub device: TrustedDeviceId,
    /// The epoch that the record must have: the user's.
    pub epoch: u64,
    /// The session, which is about to begin.
    pub session: SessionId,
    /// When.
    pub at: Timestamp,
}

/// Keeps trusted devices. They are inserted by [`crate::SessionStore::insert_session`], never
/// alone.
#[async_trait]
pub trait TrustedDeviceStore: Send + Sync {
    /// The device, if its trust ends after `now`.
    async fn find_trusted_device(
        &self,
        user: &UserId,
        device: TrustedDeviceId,
        now: Timestamp,
    ) -> Result<Option<TrustedDevice>, StoreError>;

    /// Devices of a user whose trust ends after `now`, by id, after `after`.
    async fn list_trusted_devices(
        &self,
        user: &UserId,
        now: Timestamp,
        after: Option<TrustedDeviceId>,
        limit: usize,
    ) -> Result<Vec<TrustedDevice>, StoreError>;

    /// Notes the session and the time of its use, of several at one moment the last, if the trust
    /// has that epoch and ends after that time. Never brings back a device whose trust was ended:
    /// then it is [`Advanced::Stale`].
    async fn advance_trusted_device(&self, used: &TrustedDeviceUse)
    -> Result<Advanced, StoreError>;

    /// Ends the trust; already gone is success.
    async fn delete_trusted_device(
        &self,
        user: &UserId,
        device: TrustedDeviceId,
    ) -> Result<(), StoreError>;
}
