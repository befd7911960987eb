use async_trait::async_trait;
use contracts::{
    Advance, Advanced, EndSession, Ended, Forgive, InsertSession, KnownDevice, NewSession,
    OutboxEvent, Reauthenticate, Replaced, Resealed, SealedKey, SessionStore, SignedIn, StoreError,
};
use domain::{DeviceDigest, Session, SessionId, Timestamp, UserId, UserStatus};
use tokio::time::{Instant, timeout_at};

use crate::DynamoStorage;
use crate::fields::{Fields, bytes, counter, moment, text};
use crate::notices::{insert_event, insert_notices};
use crate::operation::{OPERATION_MAX, within};
use crate::query::Range;
use crate::row::Row;
use crate::rows::{ERASED, method_names, session_fields, to_session, to_user};
use crate::table::{KEPT_AFTER_EXPIRY, Key, Kind, user_partition};
use crate::transaction::{Guard, Transacted, Transaction};
use crate::trusted_devices::insert_trusted_device;
use crate::write::{Action, Written};

/// The sort keys of sessions begin so, and are the last in their partition.
const SESSIONS: &str = "SESS#";

#[async_trait]
impl SessionStore for DynamoStorage {
    async fn insert_session(&self, new: &NewSession) -> Result<InsertSession, StoreError> {
        let until = Instant::now() + OPERATION_MAX;
        let begun = within(self.begin_session(new)).await?;
        if begun == InsertSession::Yes {
            self.note_sign_in(&new.session, until).await;
        }
        Ok(begun)
    }

    async fn find_device(
        &self,
        user: &UserId,
        device: DeviceDigest,
        now: Timestamp,
    ) -> Result<Option<KnownDevice>, StoreError> {
        let Some(item) = within(self.find(&Key::device(user, device))).await? else {
            return Ok(None);
        };
        let expires_at = Row(&item).moment("expires_at_ms")?;
        Ok((expires_at > now).then_some(KnownDevice { digest: device, expires_at }))
    }

    async fn find_session(
        &self,
        user: &UserId,
        session: SessionId,
    ) -> Result<Option<SignedIn>, StoreError> {
        within(self.find_signed_in(user, session)).await
    }

    async fn list_sessions(
        &self,
        user: &UserId,
        now: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<Session>, StoreError> {
        within(self.list_alive(user, now, after, limit)).await
    }

    async fn advance_generation(&self, advance: &Advance) -> Result<Advanced, StoreError> {
        let mut fields = Fields::default()
            .with("generation", counter(advance.to))
            .with("rotated_at_ms", moment(advance.at))
            .with("last_used_at_ms", moment(advance.at))
            .maybe("rotated_by", advance.by.as_deref().map(text))
            .with("idle_expires_at_ms", moment(advance.idle_expires_at));
        if let Some(key) = &advance.resealed {
            fields = fields.with("sealed_refresh_key", bytes(&key.new));
        }
        let action = Action::update(Key::session(&advance.user, advance.session), fields)
            .when("#generation = :from AND attribute_not_exists(#ended_at_ms)")
            .value(":from", counter(advance.from));
        self.compare_and_set(action).await
    }

    async fn advance_forgiven(&self, forgive: &Forgive) -> Result<Advanced, StoreError> {
        let fields = Fields::default().with("forgiven_generation", counter(forgive.generation));
        let action = Action::update(Key::session(&forgive.user, forgive.session), fields)
            .when("#generation = :generation AND #forgiven_generation = :forgiven")
            .when("attribute_not_exists(#ended_at_ms)")
            .value(":generation", counter(forgive.generation))
            .value(":forgiven", counter(forgive.forgiven));
        self.compare_and_set(action).await
    }

    async fn advance_authentication(
        &self,
        renewal: &Reauthenticate,
    ) -> Result<Advanced, StoreError> {
        within(self.renew(renewal)).await
    }

    async fn end_session(
        &self,
        end: &EndSession,
        events: &[OutboxEvent],
    ) -> Result<Ended, StoreError> {
        within(self.end(end, events)).await
    }

    async fn list_sealed_keys(
        &self,
        after: Option<&SealedKey>,
        limit: usize,
    ) -> Result<Vec<SealedKey>, StoreError> {
        within(self.list_keys(after, limit)).await
    }

    async fn replace_sealed_key(
        &self,
        user: &UserId,
        session: SessionId,
        key: &Resealed,
    ) -> Result<Replaced, StoreError> {
        within(self.replace_key(user, session, key)).await
    }
}

impl DynamoStorage {
    pub(crate) async fn compare_and_set(&self, action: Action) -> Result<Advanced, StoreError> {
        match within(self.write(action)).await? {
            Written::Done(_) => Ok(Advanced::Yes),
            Written::Unmet(_) => Ok(Advanced::Stale),
        }
    }

    /// The user is read before the transaction, and no part of it: not even a look at them, since
    /// sign-ins of one user would be in each other's way. A session whose epoch is passed meanwhile
    /// is dead wherever it is used, as one that had begun a moment earlier; beside a tombstone it
    /// is found by nobody, and purged.
    async fn begin_session(&self, new: &NewSession) -> Result<InsertSession, StoreError> {
        let session = &new.session;
        let user = &session.user_id;
        let found = self.find(&Key::user(user)).await?;
        let found = found.as_ref().map(to_user).transpose()?.flatten();
        let may_begin = found.is_some_and(|found| {
            found.status == UserStatus::Active && found.session_epoch == session.epoch
        });
        if !may_begin {
            return Ok(InsertSession::EpochPassed);
        }
        let insert = Action::insert(&Key::session(user, session.id), session_fields(session));
        let transaction = Transaction::default()
            .guarded(Guard::Session, insert)
            .all(new.devices.iter().map(|device| put_device(user, device)))
            .all(new.trusts.as_ref().map(insert_trusted_device))
            .all(insert_notices(&new.notices));
        self.transact_all(transaction).await.map(|()| InsertSession::Yes)
    }

    /// Sets the user's sign-in time, unless there is a later one. The session has begun, whatever
    /// becomes of this.
    async fn note_sign_in(&self, session: &Session, until: Instant) {
        let at = moment(session.created_at);
        let fields = Fields::default().with("last_login_at_ms", at.clone());
        let note = Action::update(Key::user(&session.user_id), fields)
            .when("attribute_exists(#PK) AND #status <> :erased")
            .when("attribute_not_exists(#last_login_at_ms) OR #last_login_at_ms < :at")
            .value(":erased", text(ERASED))
            .value(":at", at);
        match timeout_at(until, Box::pin(self.write(note))).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                let cause = contracts::chain(&error);
                tracing::warn!(cause, "the time of a sign-in was not noted");
            }
            Err(_) => tracing::warn!("the time of a sign-in was not noted in time"),
        }
    }

    /// Session and user are of one moment. Two reads, whichever came first, would show a session
    /// that a password change kept as ended, or one that began after a change beside the user from
    /// before it.
    async fn find_signed_in(
        &self,
        user: &UserId,
        session: SessionId,
    ) -> Result<Option<SignedIn>, StoreError> {
        let keys = [&Key::session(user, session), &Key::user(user)];
        let ([session, user], roles) = tokio::try_join!(self.find_both(keys), self.recent_roles())?;
        let user = user.as_ref().map(to_user).transpose()?.flatten();
        let (Some(session), Some(user)) = (session, user) else { return Ok(None) };
        Ok(Some(SignedIn { session: to_session(&session)?, account: roles.account(user) }))
    }

    /// The epoch first: a session that a change of it keeps is then never missed.
    async fn list_alive(
        &self,
        user: &UserId,
        now: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<Session>, StoreError> {
        let found = self.find(&Key::user(user)).await?;
        let found = found.as_ref().map(to_user).transpose()?.flatten();
        let Some(found) = found else { return Ok(Vec::new()) };
        let after = after.map_or(SESSIONS.to_owned(), |id| format!("{SESSIONS}{id}"));
        let range = Range::of(user_partition(user))
            .after(Some(&after))
            .filter(
                "#epoch >= :epoch AND attribute_not_exists(#ended_at_ms)
                 AND #idle_expires_at_ms > :now AND #expires_at_ms > :now",
            )
            .value(":epoch", counter(found.session_epoch))
            .value(":now", moment(now));
        self.list(&range, limit).await?.iter().map(to_session).collect()
    }

    async fn renew(&self, renewal: &Reauthenticate) -> Result<Advanced, StoreError> {
        let fields = Fields::default()
            .with("authenticated_at_ms", moment(renewal.at))
            .with("methods", method_names(&renewal.methods));
        let key = Key::session(&renewal.user, renewal.session);
        let update = Action::update(key, fields)
            .when("#epoch = :epoch AND attribute_not_exists(#ended_at_ms)")
            .when("#authenticated_at_ms <= :at")
            .value(":epoch", counter(renewal.epoch))
            .value(":at", moment(renewal.at));
        let transaction = Transaction::default()
            .guarded(
                Guard::Record,
                in_epoch(Action::check(Key::user(&renewal.user)), renewal.epoch),
            )
            .guarded(Guard::Session, update);
        let refusals = match self.transact(transaction).await? {
            Transacted::Done => return Ok(Advanced::Yes),
            Transacted::Refused(refusals) => refusals,
        };
        let Some(session) = refusals.of(Guard::Session).filter(|item| !item.is_empty()) else {
            return Ok(Advanced::Stale);
        };
        // What was proved later stays, if it was written first.
        let session = to_session(session)?;
        let is_renewed = !refusals.has(Guard::Record)
            && session.end.is_none()
            && session.epoch == renewal.epoch
            && session.authenticated_at > renewal.at;
        Ok(if is_renewed { Advanced::Yes } else { Advanced::Stale })
    }

    async fn end(&self, end: &EndSession, events: &[OutboxEvent]) -> Result<Ended, StoreError> {
        let fields = Fields::default()
            .with("ended_at_ms", moment(end.end.at))
            .with("end_reason", text(end.end.reason.name()));
        let update = Action::update(Key::session(&end.user, end.session), fields)
            .when("attribute_exists(#PK) AND attribute_not_exists(#ended_at_ms)");
        let transaction = Transaction::default()
            .guarded(Guard::Session, update)
            .revoking(&end.revocation)
            .all(events.iter().map(insert_event));
        match self.transact(transaction).await? {
            Transacted::Done => Ok(Ended::Yes),
            Transacted::Refused(refusals) if refusals.has(Guard::Session) => Ok(Ended::Already),
            Transacted::Refused(refusals) => Err(refusals.unexpected()),
        }
    }
}

/// Only if the user is active and has that epoch.
fn in_epoch(action: Action, epoch: u64) -> Action {
    action
        .when("#session_epoch = :epoch AND #status = :active")
        .value(":epoch", counter(epoch))
        .value(":active", text(UserStatus::Active.name()))
}

fn put_device(user: &UserId, device: &KnownDevice) -> Action {
    let key = Key::device(user, device.digest);
    let fields = Fields::default()
        .due(Kind::Device, &key.sk, device.expires_at)
        .expiring(device.expires_at, KEPT_AFTER_EXPIRY);
    Action::put(&key, fields)
}
