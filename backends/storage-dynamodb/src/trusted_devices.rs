use async_trait::async_trait;
use contracts::{Advanced, StoreError, TrustedDeviceStore, TrustedDeviceUse};
use domain::{Timestamp, TrustedDevice, TrustedDeviceId, UserId};

use crate::DynamoStorage;
use crate::fields::{Fields, counter, moment, text};
use crate::operation::within;
use crate::query::Range;
use crate::row::{Item, Row, parsed};
use crate::rows::{client_fields, to_client, to_session_id};
use crate::table::{KEPT_AFTER_EXPIRY, Key, Kind, TRUSTED_DEVICES, user_partition};
use crate::write::Action;

#[async_trait]
impl TrustedDeviceStore for DynamoStorage {
    async fn find_trusted_device(
        &self,
        user: &UserId,
        device: TrustedDeviceId,
        now: Timestamp,
    ) -> Result<Option<TrustedDevice>, StoreError> {
        let item = within(self.find(&Key::trusted_device(user, device))).await?;
        let device = item.as_ref().map(to_trusted_device).transpose()?;
        Ok(device.filter(|device| device.expires_at > now))
    }

    async fn list_trusted_devices(
        &self,
        user: &UserId,
        now: Timestamp,
        after: Option<TrustedDeviceId>,
        limit: usize,
    ) -> Result<Vec<TrustedDevice>, StoreError> {
        let range = Range::of(user_partition(user))
            .starting(TRUSTED_DEVICES)
            .starting_after(after.map(|id| Key::trusted_device(user, id).item()))
            .filter("#expires_at_ms > :now")
            .value(":now", moment(now));
        within(self.list(&range, limit)).await?.iter().map(to_trusted_device).collect()
    }

    async fn advance_trusted_device(
        &self,
        used: &TrustedDeviceUse,
    ) -> Result<Advanced, StoreError> {
        let fields = Fields::default()
            .with("session", text(used.session.to_string()))
            .with("last_used_at_ms", moment(used.at));
        let action = Action::update(Key::trusted_device(&used.user, used.device), fields)
            .when("#epoch = :epoch AND #expires_at_ms > :at")
            .value(":epoch", counter(used.epoch))
            .value(":at", moment(used.at));
        self.compare_and_set(action).await
    }

    async fn delete_trusted_device(
        &self,
        user: &UserId,
        device: TrustedDeviceId,
    ) -> Result<(), StoreError> {
        let action = Action::delete(Key::trusted_device(user, device));
        within(self.write(action)).await.map(|_| ())
    }
}

/// Writes a device that is trusted from now on.
pub(crate) fn insert_trusted_device(device: &TrustedDevice) -> Action {
    let id = device.id.to_string();
    let fields = Fields::default()
        .due(Kind::TrustedDevice, &id, device.expires_at)
        .expiring(device.expires_at, KEPT_AFTER_EXPIRY)
        .with("id", text(id))
        .with("user", text(device.user.as_str()))
        .with("epoch", counter(device.epoch))
        .with("session", text(device.session.to_string()))
        .and(client_fields(&device.client))
        .with("created_at_ms", moment(device.created_at))
        .with("last_used_at_ms", moment(device.last_used_at));
    Action::insert(&Key::trusted_device(&device.user, device.id), fields)
}

fn to_trusted_device(item: &Item) -> Result<TrustedDevice, StoreError> {
    let row = Row(item);
    Ok(TrustedDevice {
        id: parsed("trusted device", TrustedDeviceId::parse(row.text("id")?))?,
        user: row.user("user")?,
        epoch: row.counter("epoch")?,
        session: to_session_id(row.text("session")?)?,
        client: to_client(row)?,
        created_at: row.moment("created_at_ms")?,
        last_used_at: row.moment("last_used_at_ms")?,
        expires_at: row.moment("expires_at_ms")?,
    })
}
