use async_trait::async_trait;
use contracts::{Advanced, StoreError, TrustedDeviceStore, TrustedDeviceUse};
use domain::{Timestamp, TrustedDevice, TrustedDeviceId, UserId};

use crate::SqlStorage;
use crate::rows::{parsed, to_client, to_session_id};
use crate::statement::{RowReader, Statement};

/// The columns of a device, in the order that [`to_trusted_device`] reads them.
macro_rules! trusted_columns {
    () => {
        "user_id, id, epoch, session_id, address, user_agent, created_at_ms, last_used_at_ms,
         expires_at_ms"
    };
}

const INSERT_TRUSTED_DEVICE: &str = concat!(
    "INSERT INTO trusted_devices (",
    trusted_columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
);

const FIND_TRUSTED_DEVICE: &str = concat!(
    "SELECT ",
    trusted_columns!(),
    "  FROM trusted_devices WHERE user_id = $1 AND id = $2 AND expires_at_ms > $3"
);

const LIST_TRUSTED_DEVICES: &str = concat!(
    "SELECT ",
    trusted_columns!(),
    "  FROM trusted_devices
      WHERE user_id = $1 AND id > $2 AND expires_at_ms > $3 ORDER BY id LIMIT $4"
);

const ADVANCE_TRUSTED_DEVICE: &str = "
    UPDATE trusted_devices SET session_id = $1, last_used_at_ms = $2
     WHERE user_id = $3 AND id = $4 AND epoch = $5 AND expires_at_ms > $2";

const DELETE_TRUSTED_DEVICE: &str = "DELETE FROM trusted_devices WHERE user_id = $1 AND id = $2";

#[cfg(test)]
pub(crate) const STATEMENTS: &[&str] = &[
    INSERT_TRUSTED_DEVICE,
    FIND_TRUSTED_DEVICE,
    LIST_TRUSTED_DEVICES,
    ADVANCE_TRUSTED_DEVICE,
    DELETE_TRUSTED_DEVICE,
];

#[async_trait]
impl TrustedDeviceStore for SqlStorage {
    async fn find_trusted_device(
        &self,
        user: &UserId,
        device: TrustedDeviceId,
        now: Timestamp,
    ) -> Result<Option<TrustedDevice>, StoreError> {
        let parameters = [user.as_str().into(), device.to_string().into(), now.into()];
        self.engine
            .read(&Statement::new(FIND_TRUSTED_DEVICE, parameters), None, |found, row| {
                *found = Some(to_trusted_device(row)?);
                Ok(())
            })
            .await
    }

    async fn list_trusted_devices(
        &self,
        user: &UserId,
        now: Timestamp,
        after: Option<TrustedDeviceId>,
        limit: usize,
    ) -> Result<Vec<TrustedDevice>, StoreError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let parameters = [user.as_str().into(), after.into(), now.into(), limit.into()];
        let statement = Statement::new(LIST_TRUSTED_DEVICES, parameters);
        self.engine
            .read(&statement, Vec::new(), |devices, row| {
                devices.push(to_trusted_device(row)?);
                Ok(())
            })
            .await
    }

    async fn advance_trusted_device(
        &self,
        used: &TrustedDeviceUse,
    ) -> Result<Advanced, StoreError> {
        let parameters = [
            used.session.to_string().into(),
            used.at.into(),
            used.user.as_str().into(),
            used.device.to_string().into(),
            used.epoch.into(),
        ];
        self.compare_and_set(Statement::new(ADVANCE_TRUSTED_DEVICE, parameters)).await
    }

    async fn delete_trusted_device(
        &self,
        user: &UserId,
        device: TrustedDeviceId,
    ) -> Result<(), StoreError> {
        let parameters = [user.as_str().into(), device.to_string().into()];
        self.write_all(vec![Statement::new(DELETE_TRUSTED_DEVICE, parameters)]).await
    }
}

/// The statement that trusts a device from now on, as part of an operation.
pub(crate) fn insert_trusted_device(device: &TrustedDevice) -> Statement {
    let parameters = [
        device.user.as_str().into(),
        device.id.to_string().into(),
        device.epoch.into(),
        device.session.to_string().into(),
        device.client.address.map(|address| address.to_string()).into(),
        device.client.user_agent.as_deref().into(),
        device.created_at.into(),
        device.last_used_at.into(),
        device.expires_at.into(),
    ];
    Statement::new(INSERT_TRUSTED_DEVICE, parameters)
}

fn to_trusted_device(row: &mut RowReader<'_>) -> Result<TrustedDevice, StoreError> {
    let what = "trusted device";
    Ok(TrustedDevice {
        user: parsed("user of a device", UserId::parse(row.text("user of a device")?))?,
        id: parsed(what, TrustedDeviceId::parse(row.text(what)?))?,
        epoch: row.counter("epoch of a device")?,
        session: to_session_id(row.text("session of a device")?)?,
        client: to_client(row)?,
        created_at: row.moment("creation time")?,
        last_used_at: row.moment("use time")?,
        expires_at: row.moment("expiry of a device")?,
    })
}
