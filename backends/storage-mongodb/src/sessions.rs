use async_trait::async_trait;
use contracts::{
    Advance, Advanced, EndSession, Ended, Forgive, InsertSession, KnownDevice, NewSession,
    OutboxEvent, Reauthenticate, Replaced, Resealed, SealedKey, SessionStore, SignedIn, StoreError,
};
use domain::{Account, DeviceDigest, Session, SessionId, Timestamp, User, UserId, UserStatus};
use futures_util::future::try_join3;
use mongodb::bson::{Document, doc};
use tokio::time::Instant;

use crate::MongoStorage;
use crate::attempts::{in_time, in_time_since};
use crate::collections::{DEVICES, SESSIONS, USERS};
use crate::documents::{Fields, binary, counter};
use crate::notices::{insert_events, insert_notices};
use crate::operation::{Guard, Operation, Step, Written};
use crate::outcomes::{advanced, replaced, unexpected};
use crate::reads::Page;
use crate::revocations::insert_revocation;
use crate::session_documents::{
    device_document, device_key, method_names, session_document, to_sealed_key, to_session,
};
use crate::trusted_devices::insert_trusted_device;
use crate::user_documents::to_account;
use crate::users::all_roles;

#[async_trait]
impl SessionStore for MongoStorage {
    async fn insert_session(&self, new: &NewSession) -> Result<InsertSession, StoreError> {
        let (began, session) = (Instant::now(), &new.session);
        let mut operation = Operation::traced(SESSIONS, session.id.to_string());
        // Only read: a session whose epoch is passed while it begins is dead when it is used, and
        // sign-ins of one user do not meet in a transaction.
        operation.push(Step::Check {
            of: USERS,
            filter: active(&session.user_id, session.epoch),
            guard: Guard::Record,
        });
        let document = session_document(session, operation.id);
        operation.push(Step::Insert { into: SESSIONS, documents: vec![document] });
        operation.extend(new.devices.iter().map(|device| Step::Put {
            into: DEVICES,
            filter: doc! { "_id": device_key(&session.user_id, device.digest) },
            document: device_document(&session.user_id, device),
        }));
        operation.extend(new.trusts.as_ref().map(insert_trusted_device));
        operation.extend(insert_notices(&new.notices));
        match self.write(operation).await? {
            Written::Done => {
                // The session has begun, whatever becomes of the time of the last sign-in.
                if let Err(error) = in_time_since(began, self.write(note_sign_in(session))).await {
                    let cause = contracts::chain(&error);
                    tracing::warn!(cause, "the time of a sign-in was not noted");
                }
                Ok(InsertSession::Yes)
            }
            Written::Unmet(_) => Ok(InsertSession::EpochPassed),
            refused @ Written::Duplicate => Err(unexpected(refused)),
        }
    }

    async fn find_device(
        &self,
        user: &UserId,
        device: DeviceDigest,
        now: Timestamp,
    ) -> Result<Option<KnownDevice>, StoreError> {
        let filter =
            doc! { "_id": device_key(user, device), "expires_at": { "$gt": now.unix_ms() } };
        let Some(found) = self.find_one(DEVICES, filter).await? else { return Ok(None) };
        Ok(Some(KnownDevice { digest: device, expires_at: Fields(&found).moment("expires_at")? }))
    }

    async fn find_session(
        &self,
        user: &UserId,
        session: SessionId,
    ) -> Result<Option<SignedIn>, StoreError> {
        in_time(Box::pin(self.signed_in(user, session))).await
    }

    async fn list_sessions(
        &self,
        user: &UserId,
        now: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<Session>, StoreError> {
        in_time(async {
            // The user first: a session that is kept in a new epoch meanwhile is then of a later
            // one, and alive, not of an earlier.
            let Some(epoch) = self.epoch_of(user).await? else { return Ok(Vec::new()) };
            let after = after.map(|id| id.to_string()).unwrap_or_default();
            let filter = doc! {
                "user_id": user.as_str(),
                "_id": { "$gt": after },
                "epoch": { "$gte": counter(epoch) },
                "ended_at": { "$exists": false },
                "idle_expires_at": { "$gt": now.unix_ms() },
                "expires_at": { "$gt": now.unix_ms() },
            };
            // By the whole index, so that it gives the order.
            let order = doc! { "user_id": 1, "_id": 1 };
            let found = self.list(Page { of: SESSIONS, filter, order, limit }).await?;
            found.iter().map(to_session).collect()
        })
        .await
    }

    async fn advance_generation(&self, advance: &Advance) -> Result<Advanced, StoreError> {
        let guards = doc! { "generation": counter(advance.from) };
        let mut fields = doc! {
            "generation": counter(advance.to),
            "rotated_at": advance.at.unix_ms(),
            "last_used_at": advance.at.unix_ms(),
            "idle_expires_at": advance.idle_expires_at.unix_ms(),
        };
        let absent = match advance.by.as_deref() {
            Some(agent) => {
                fields.insert("rotated_by", agent);
                None
            }
            None => Some("rotated_by"),
        };
        if let Some(key) = &advance.resealed {
            fields.insert("sealed_refresh_key", binary(&key.new));
        }
        self.compare_and_set((&advance.user, advance.session), guards, fields, absent).await
    }

    async fn advance_forgiven(&self, forgive: &Forgive) -> Result<Advanced, StoreError> {
        let guards = doc! {
            "generation": counter(forgive.generation),
            "forgiven_generation": counter(forgive.forgiven),
        };
        let fields = doc! { "forgiven_generation": counter(forgive.generation) };
        self.compare_and_set((&forgive.user, forgive.session), guards, fields, None).await
    }

    async fn advance_authentication(
        &self,
        renewal: &Reauthenticate,
    ) -> Result<Advanced, StoreError> {
        in_time(self.renew_authentication(renewal)).await
    }

    async fn end_session(
        &self,
        end: &EndSession,
        events: &[OutboxEvent],
    ) -> Result<Ended, StoreError> {
        let mut operation = Operation::traced(SESSIONS, end.session.to_string());
        let fields = doc! {
            "ended_at": end.end.at.unix_ms(),
            "end_reason": end.end.reason.name(),
            "operation": operation.id,
        };
        operation.push(Step::Update {
            of: SESSIONS,
            filter: not_ended(&end.user, end.session),
            change: doc! { "$set": fields },
            guard: Some(Guard::Record),
        });
        operation.extend(insert_events(events));
        operation.extend(insert_revocation(&end.revocation));
        match self.write(operation).await? {
            Written::Done => Ok(Ended::Yes),
            Written::Unmet(_) => Ok(Ended::Already),
            refused @ Written::Duplicate => Err(unexpected(refused)),
        }
    }

    async fn list_sealed_keys(
        &self,
        after: Option<&SealedKey>,
        limit: usize,
    ) -> Result<Vec<SealedKey>, StoreError> {
        let after = after.map(|key| key.session.to_string()).unwrap_or_default();
        let filter = doc! { "_id": { "$gt": after } };
        let page = Page { of: SESSIONS, filter, order: doc! { "_id": 1 }, limit };
        self.list(page).await?.iter().map(to_sealed_key).collect()
    }

    async fn replace_sealed_key(
        &self,
        user: &UserId,
        session: SessionId,
        key: &Resealed,
    ) -> Result<Replaced, StoreError> {
        let id = session.to_string();
        let mut operation = Operation::traced(SESSIONS, id.as_str()).traced_by("resealed_by");
        let fields = doc! { "sealed_refresh_key": binary(&key.new), "resealed_by": operation.id };
        operation.push(Step::Update {
            of: SESSIONS,
            filter: doc! {
                "_id": id,
                "user_id": user.as_str(),
                "sealed_refresh_key": binary(&key.old),
            },
            change: doc! { "$set": fields },
            guard: Some(Guard::Record),
        });
        replaced(self.write(operation).await?)
    }
}

impl MongoStorage {
    /// Three reads at one moment. Where session and user are of different epochs, a change may have
    /// come between them, or the session is dead: read again, the user first, a session is never
    /// older than its user, so that one which was kept does not look dead.
    async fn signed_in(
        &self,
        user: &UserId,
        session: SessionId,
    ) -> Result<Option<SignedIn>, StoreError> {
        let find_user = || self.find_one(USERS, doc! { "_id": user.as_str() });
        let filter = doc! { "_id": session.to_string(), "user_id": user.as_str() };
        let find_session = || self.find_one(SESSIONS, filter.clone());
        let read = try_join3(find_session(), find_user(), self.list(all_roles()));
        let (found, owner, roles) = read.await?;
        let Some(mut signed_in) = joined(found.as_ref(), owner.as_ref(), &roles)? else {
            return Ok(None);
        };
        if signed_in.session.epoch < signed_in.account.user.session_epoch {
            let found = find_session().await?;
            match joined(found.as_ref(), owner.as_ref(), &roles)? {
                Some(again) => signed_in = again,
                None => return Ok(None),
            }
        }
        if signed_in.session.epoch > signed_in.account.user.session_epoch {
            let owner = find_user().await?;
            let Some(account) = to_account(owner.as_ref(), &roles)? else { return Ok(None) };
            signed_in.account = account;
        }
        Ok(Some(signed_in))
    }

    async fn epoch_of(&self, user: &UserId) -> Result<Option<u64>, StoreError> {
        let filter = doc! { "_id": user.as_str(), "session_epoch": { "$exists": true } };
        let found = self.find_one(USERS, filter).await?;
        found.map(|user| Fields(&user).counter("session_epoch")).transpose()
    }

    /// The user is read before the session is changed. If the user is changed between, the renewal
    /// counts as done before that: a session of the old epoch is dead with what was renewed of it,
    /// and one that was kept has the new epoch and is not renewed.
    async fn renew_authentication(&self, renewal: &Reauthenticate) -> Result<Advanced, StoreError> {
        let owner = self.find_one(USERS, active(&renewal.user, renewal.epoch)).await?;
        if owner.is_none() {
            return Ok(Advanced::Stale);
        }
        let (at, epoch) = (renewal.at.unix_ms(), counter(renewal.epoch));
        let guards = doc! { "epoch": epoch, "authenticated_at": { "$lte": at } };
        let fields = doc! { "authenticated_at": at, "methods": method_names(&renewal.methods) };
        let place = (&renewal.user, renewal.session);
        if self.compare_and_set(place, guards, fields, None).await? == Advanced::Yes {
            return Ok(Advanced::Yes);
        }
        // What was proved later stays, if it was written first.
        let mut renewed = not_ended(&renewal.user, renewal.session);
        renewed.extend(doc! { "epoch": epoch, "authenticated_at": { "$gt": at } });
        let found = self.find_one(SESSIONS, renewed).await?;
        Ok(if found.is_some() { Advanced::Yes } else { Advanced::Stale })
    }

    /// Changes a session that has not ended.
    async fn compare_and_set(
        &self,
        (user, session): (&UserId, SessionId),
        guards: Document,
        mut fields: Document,
        absent: Option<&str>,
    ) -> Result<Advanced, StoreError> {
        let mut operation = Operation::traced(SESSIONS, session.to_string());
        fields.insert("operation", operation.id);
        let mut change = doc! { "$set": fields };
        if let Some(absent) = absent {
            change.insert("$unset", doc! { absent: "" });
        }
        let mut filter = not_ended(user, session);
        filter.extend(guards);
        operation.push(Step::Update { of: SESSIONS, filter, change, guard: Some(Guard::Record) });
        advanced(self.write(operation).await?)
    }
}

/// The step that takes a session along to the user's new epoch, as part of an operation. A session
/// that is dead by an older epoch, or has ended, stays dead.
pub(crate) fn keep_session(user: &User, session: SessionId) -> Step {
    let epoch = counter(user.session_epoch);
    let mut filter = not_ended(&user.id, session);
    filter.insert("epoch", epoch - 1);
    let change = doc! { "$set": { "epoch": epoch } };
    Step::Update { of: SESSIONS, filter, change, guard: None }
}

fn not_ended(user: &UserId, session: SessionId) -> Document {
    doc! {
        "_id": session.to_string(),
        "user_id": user.as_str(),
        "ended_at": { "$exists": false },
    }
}

/// Sets the user's sign-in time: apart from the transaction, since sign-ins of one user meet here
/// and the server has one wait for the other. Twice is as good as once, so it leaves no trace.
fn note_sign_in(session: &Session) -> Operation {
    let mut operation = Operation::traced(USERS, session.user_id.as_str());
    operation.push(Step::Update {
        of: USERS,
        filter: active(&session.user_id, session.epoch),
        change: doc! { "$set": { "last_login_at": session.created_at.unix_ms() } },
        guard: None,
    });
    operation
}

fn active(user: &UserId, epoch: u64) -> Document {
    let status = UserStatus::Active.name();
    doc! { "_id": user.as_str(), "session_epoch": counter(epoch), "status": status }
}

fn joined(
    session: Option<&Document>,
    user: Option<&Document>,
    roles: &[Document],
) -> Result<Option<SignedIn>, StoreError> {
    let account: Option<Account> = to_account(user, roles)?;
    let (Some(session), Some(account)) = (session, account) else { return Ok(None) };
    Ok(Some(SignedIn { session: to_session(session)?, account }))
}
