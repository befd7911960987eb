use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use contracts::{
    Advance, Advanced, EndSession, Ended, EpochRaise, EraseUser, Expiry, Forgive, InsertSession,
    InsertUser, InsertUserError, Inserted, KnownDevice, NewSession, OutboxEvent, OutboxStore,
    Probe, PutCode, Reauthenticate, Record, RecordStore, ReplaceUser, Replaced, Resealed,
    RevocationStore, Revocations, SealedKey, SessionStore, SignedIn, StoreError, UserReplaced,
    UserStore,
};
use domain::{
    Account, DeviceDigest, EventId, Login, PasswordHash, RoleName, Session, SessionId, Timestamp,
    User, UserId, UserStatus,
};
use service::Stores;
use storage_sql::SqlStorage;

use crate::store_calls::{Calls, Paused};

/// The real store behind a glass: a test sees which calls are made, and can fail them, hold them
/// up, or have a user read as disabled.
pub struct ObservedStore {
    pub(crate) inner: SqlStorage,
    pub(crate) calls: Calls,
}

impl ObservedStore {
    pub(crate) fn new(inner: SqlStorage) -> Self {
        Self { inner, calls: Calls::default() }
    }

    /// The store itself, to look into it or change it without being seen.
    pub const fn inner(&self) -> &SqlStorage {
        &self.inner
    }

    /// The calls since the last time, by the names of the contracts' methods.
    pub fn take_calls(&self) -> Vec<&'static str> {
        self.calls.take_made()
    }

    /// From now on every call fails, as when the database is unreachable.
    pub fn go_down(&self) {
        self.calls.set_down(true);
    }

    /// Undoes [`ObservedStore::go_down`].
    pub fn come_up(&self) {
        self.calls.set_down(false);
    }

    /// From now on that call fails.
    pub fn fail(&self, call: &'static str) {
        self.calls.fail(call);
    }

    /// Holds up the next call of that name.
    pub fn pause(&self, call: &'static str) -> Paused {
        self.calls.pause(call)
    }

    /// From now on the user reads as disabled.
    pub fn disable(&self, user: &UserId) {
        self.calls.disable(user);
    }

    pub(crate) fn stores(self: &Arc<Self>) -> Stores {
        Stores {
            users: self.clone(),
            sessions: self.clone(),
            revocations: self.clone(),
            codes: self.clone(),
            pending_sign_ins: self.clone(),
            trusted_devices: self.clone(),
            mails: self.clone(),
            outbox: self.clone(),
            records: self.clone(),
            limiter: self.clone(),
            probes: vec![self.clone()],
        }
    }

    fn seen(&self, mut account: Account) -> Account {
        if self.calls.is_disabled(&account.user.id) {
            account.user.status = UserStatus::Disabled;
        }
        account
    }
}

#[async_trait]
impl Probe for ObservedStore {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.calls.enter("check").await?;
        self.inner.check().await
    }
}

#[async_trait]
impl UserStore for ObservedStore {
    async fn insert_user(
        &self,
        new: &InsertUser,
        if_taken: Option<&PutCode>,
    ) -> Result<(), InsertUserError> {
        self.calls.enter("insert_user").await?;
        self.inner.insert_user(new, if_taken).await
    }

    async fn find_user(&self, id: &UserId) -> Result<Option<Account>, StoreError> {
        self.calls.enter("find_user").await?;
        Ok(self.inner.find_user(id).await?.map(|account| self.seen(account)))
    }

    async fn find_user_by_login(&self, login: &Login) -> Result<Option<Account>, StoreError> {
        self.calls.enter("find_user_by_login").await?;
        Ok(self.inner.find_user_by_login(login).await?.map(|account| self.seen(account)))
    }

    async fn list_users(
        &self,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<User>, StoreError> {
        self.calls.enter("list_users").await?;
        self.inner.list_users(after, limit).await
    }

    async fn replace_user(&self, change: &ReplaceUser) -> Result<UserReplaced, StoreError> {
        self.calls.enter("replace_user").await?;
        self.inner.replace_user(change).await
    }

    async fn replace_password_hash(
        &self,
        user: &UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<Replaced, StoreError> {
        self.calls.enter("replace_password_hash").await?;
        self.inner.replace_password_hash(user, old, new).await
    }

    async fn advance_session_epoch(
        &self,
        raise: &EpochRaise,
        events: &[OutboxEvent],
    ) -> Result<Replaced, StoreError> {
        self.calls.enter("advance_session_epoch").await?;
        self.inner.advance_session_epoch(raise, events).await
    }

    async fn erase_user(&self, erasure: &EraseUser) -> Result<Replaced, StoreError> {
        self.calls.enter("erase_user").await?;
        self.inner.erase_user(erasure).await
    }

    async fn delete_remains(&self, settled: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.calls.enter("delete_remains").await?;
        self.inner.delete_remains(settled, limit).await
    }

    async fn list_roles(&self) -> Result<BTreeSet<RoleName>, StoreError> {
        self.calls.enter("list_roles").await?;
        self.inner.list_roles().await
    }
}

#[async_trait]
impl SessionStore for ObservedStore {
    async fn insert_session(&self, new: &NewSession) -> Result<InsertSession, StoreError> {
        self.calls.enter("insert_session").await?;
        self.inner.insert_session(new).await
    }

    async fn find_device(
        &self,
        user: &UserId,
        device: DeviceDigest,
        now: Timestamp,
    ) -> Result<Option<KnownDevice>, StoreError> {
        self.calls.enter("find_device").await?;
        self.inner.find_device(user, device, now).await
    }

    async fn advance_authentication(
        &self,
        renewal: &Reauthenticate,
    ) -> Result<Advanced, StoreError> {
        self.calls.enter("advance_authentication").await?;
        self.inner.advance_authentication(renewal).await
    }

    async fn find_session(
        &self,
        user: &UserId,
        session: SessionId,
    ) -> Result<Option<SignedIn>, StoreError> {
        self.calls.enter("find_session").await?;
        let found = self.inner.find_session(user, session).await?;
        Ok(found.map(|found| SignedIn { account: self.seen(found.account), ..found }))
    }

    async fn list_sessions(
        &self,
        user: &UserId,
        now: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<Session>, StoreError> {
        self.calls.enter("list_sessions").await?;
        self.inner.list_sessions(user, now, after, limit).await
    }

    async fn advance_generation(&self, advance: &Advance) -> Result<Advanced, StoreError> {
        self.calls.enter("advance_generation").await?;
        self.inner.advance_generation(advance).await
    }

    async fn advance_forgiven(&self, forgive: &Forgive) -> Result<Advanced, StoreError> {
        self.calls.enter("advance_forgiven").await?;
        self.inner.advance_forgiven(forgive).await
    }

    async fn end_session(
        &self,
        end: &EndSession,
        events: &[OutboxEvent],
    ) -> Result<Ended, StoreError> {
        self.calls.enter("end_session").await?;
        self.inner.end_session(end, events).await
    }

    async fn list_sealed_keys(
        &self,
        after: Option<&SealedKey>,
        limit: usize,
    ) -> Result<Vec<SealedKey>, StoreError> {
        self.calls.enter("list_sealed_keys").await?;
        self.inner.list_sealed_keys(after, limit).await
    }

    async fn replace_sealed_key(
        &self,
        user: &UserId,
        session: SessionId,
        key: &Resealed,
    ) -> Result<Replaced, StoreError> {
        self.calls.enter("replace_sealed_key").await?;
        self.inner.replace_sealed_key(user, session, key).await
    }
}

#[async_trait]
impl RevocationStore for ObservedStore {
    async fn list_revocations(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Revocations, StoreError> {
        self.calls.enter("list_revocations").await?;
        self.inner.list_revocations(now, limit).await
    }

    async fn delete_expired(&self, expiry: Expiry, limit: usize) -> Result<usize, StoreError> {
        self.calls.enter("delete_expired").await?;
        self.inner.delete_expired(expiry, limit).await
    }
}

#[async_trait]
impl OutboxStore for ObservedStore {
    async fn insert_events(&self, events: &[OutboxEvent]) -> Result<(), StoreError> {
        self.calls.enter("insert_events").await?;
        self.inner.insert_events(events).await
    }

    async fn claim_events(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxEvent>, StoreError> {
        self.calls.enter("claim_events").await?;
        self.inner.claim_events(now, lease_until, limit).await
    }

    async fn delete_events(&self, ids: &[EventId]) -> Result<(), StoreError> {
        self.calls.enter("delete_events").await?;
        self.inner.delete_events(ids).await
    }
}

#[async_trait]
impl RecordStore for ObservedStore {
    async fn find_record(&self, name: &str) -> Result<Option<Record>, StoreError> {
        self.calls.enter("find_record").await?;
        self.inner.find_record(name).await
    }

    async fn list_records(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Record)>, StoreError> {
        self.calls.enter("list_records").await?;
        self.inner.list_records(after, limit).await
    }

    async fn insert_record(
        &self,
        name: &str,
        content: &[u8],
        events: &[OutboxEvent],
    ) -> Result<Inserted, StoreError> {
        self.calls.enter("insert_record").await?;
        self.inner.insert_record(name, content, events).await
    }

    async fn replace_record(
        &self,
        name: &str,
        version: u64,
        content: &[u8],
        events: &[OutboxEvent],
    ) -> Result<Replaced, StoreError> {
        self.calls.enter("replace_record").await?;
        self.inner.replace_record(name, version, content, events).await
    }
}
