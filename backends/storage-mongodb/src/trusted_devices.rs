use async_trait::async_trait;
use contracts::{Advanced, StoreError, TrustedDeviceStore, TrustedDeviceUse};
use domain::{SessionId, Timestamp, TrustedDevice, TrustedDeviceId, UserId};
use mongodb::bson::{Document, doc};

use crate::MongoStorage;
use crate::collections::TRUSTED_DEVICES;
use crate::documents::{Fields, counter, malformed, parsed};
use crate::operation::{Guard, Operation, Step};
use crate::outcomes::advanced;
use crate::reads::Page;
use crate::session_documents::{put_client, to_client};

#[async_trait]
impl TrustedDeviceStore for MongoStorage {
    async fn find_trusted_device(
        &self,
        user: &UserId,
        device: TrustedDeviceId,
        now: Timestamp,
    ) -> Result<Option<TrustedDevice>, StoreError> {
        let filter = doc! { "_id": key(user, device), "expires_at": { "$gt": now.unix_ms() } };
        let found = self.find_one(TRUSTED_DEVICES, filter).await?;
        found.as_ref().map(to_trusted_device).transpose()
    }

    async fn list_trusted_devices(
        &self,
        user: &UserId,
        now: Timestamp,
        after: Option<TrustedDeviceId>,
        limit: usize,
    ) -> Result<Vec<TrustedDevice>, StoreError> {
        let after = after.map(|id| key(user, id)).unwrap_or_default();
        let filter = doc! {
            "user_id": user.as_str(),
            "_id": { "$gt": after },
            "expires_at": { "$gt": now.unix_ms() },
        };
        // By the whole index, so that it gives the order.
        let order = doc! { "user_id": 1, "_id": 1 };
        let found = self.list(Page { of: TRUSTED_DEVICES, filter, order, limit }).await?;
        found.iter().map(to_trusted_device).collect()
    }

    async fn advance_trusted_device(
        &self,
        used: &TrustedDeviceUse,
    ) -> Result<Advanced, StoreError> {
        let key = key(&used.user, used.device);
        let mut operation = Operation::traced(TRUSTED_DEVICES, key.as_str());
        let fields = doc! {
            "session_id": used.session.to_string(),
            "last_used_at": used.at.unix_ms(),
            "operation": operation.id,
        };
        operation.push(Step::Update {
            of: TRUSTED_DEVICES,
            filter: doc! {
                "_id": key,
                "epoch": counter(used.epoch),
                "expires_at": { "$gt": used.at.unix_ms() },
            },
            change: doc! { "$set": fields },
            guard: Some(Guard::Record),
        });
        advanced(self.write(operation).await?)
    }

    async fn delete_trusted_device(
        &self,
        user: &UserId,
        device: TrustedDeviceId,
    ) -> Result<(), StoreError> {
        self.delete(TRUSTED_DEVICES, doc! { "_id": key(user, device) }).await.map(|_| ())
    }
}

/// The step that keeps a trusted device, as part of an operation.
pub(crate) fn insert_trusted_device(device: &TrustedDevice) -> Step {
    let mut document = doc! {
        "_id": key(&device.user, device.id),
        "user_id": device.user.as_str(),
        "epoch": counter(device.epoch),
        "session_id": device.session.to_string(),
        "created_at": device.created_at.unix_ms(),
        "last_used_at": device.last_used_at.unix_ms(),
        "expires_at": device.expires_at.unix_ms(),
    };
    put_client(&mut document, &device.client);
    Step::Insert { into: TRUSTED_DEVICES, documents: vec![document] }
}

/// The id first, because it is of one length and has no slash: so keys of one user sort as ids do.
fn key(user: &UserId, device: TrustedDeviceId) -> String {
    format!("{device}/{user}")
}

fn to_trusted_device(document: &Document) -> Result<TrustedDevice, StoreError> {
    let fields = Fields(document);
    let key = fields.text("_id")?.split_once('/');
    let (id, _) = key.ok_or_else(|| malformed("trusted device", "a key of no user"))?;
    Ok(TrustedDevice {
        id: parsed("trusted device", TrustedDeviceId::parse(id))?,
        user: fields.user("user_id")?,
        epoch: fields.counter("epoch")?,
        session: parsed("session id", SessionId::parse(fields.text("session_id")?))?,
        client: to_client(&fields)?,
        created_at: fields.moment("created_at")?,
        last_used_at: fields.moment("last_used_at")?,
        expires_at: fields.moment("expires_at")?,
    })
}
