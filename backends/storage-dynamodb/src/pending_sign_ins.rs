use async_trait::async_trait;
use contracts::{PendingSignInStore, StoreError};
use domain::{PendingSignIn, PendingStep, Timestamp, UserId};

use crate::DynamoStorage;
use crate::failure::{malformed, unavailable};
use crate::fields::{Fields, bytes, counter, moment, number, text};
use crate::operation::{TURNS_MAX, wait, within};
use crate::row::{Item, Row, known};
use crate::rows::{method_names, to_methods};
use crate::table::{KEPT_AFTER_EXPIRY, Key, Kind};
use crate::transaction::{Guard, Transacted, Transaction};
use crate::write::{Action, Written};

#[async_trait]
impl PendingSignInStore for DynamoStorage {
    async fn insert_pending_sign_in(&self, pending: &PendingSignIn) -> Result<(), StoreError> {
        match within(self.write(insert_pending(pending))).await? {
            Written::Done(_) => Ok(()),
            Written::Unmet(_) => Err(malformed("pending sign-in", "another one has its digest")),
        }
    }

    async fn find_pending_sign_in(
        &self,
        user: &UserId,
        secret_digest: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        within(self.find_pending(&Key::pending_sign_in(user, secret_digest), now)).await
    }

    async fn advance_pending_tries(
        &self,
        user: &UserId,
        secret_digest: [u8; 32],
        tries_max: u32,
        now: Timestamp,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        let key = Key::pending_sign_in(user, secret_digest);
        let action = Action::update(key, Fields::default())
            .add("tries", number(1))
            .when("#tries < :tries_max AND #expires_at_ms > :now")
            .value(":tries_max", counter(tries_max.into()))
            .value(":now", moment(now));
        match within(self.write(action)).await? {
            Written::Done(item) => to_pending(&item).map(Some),
            Written::Unmet(_) => Ok(None),
        }
    }

    async fn take_pending_sign_in(
        &self,
        user: &UserId,
        secret_digest: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        within(self.take_pending(Key::pending_sign_in(user, secret_digest), now)).await
    }
}

impl DynamoStorage {
    async fn find_pending(
        &self,
        key: &Key,
        now: Timestamp,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        let item = self.find(key).await?;
        let pending = item.as_ref().map(to_pending).transpose()?;
        Ok(pending.filter(|pending| pending.expires_at > now))
    }

    /// A deletion that returns what it removes would find nothing when it is repeated, and whoever
    /// took the sign-in would be told that there is none. A transaction is known again, but returns
    /// nothing: so it removes what was read, if nothing of that has changed.
    async fn take_pending(
        &self,
        key: Key,
        now: Timestamp,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        for turn in 1..=TURNS_MAX {
            let Some(found) = self.find_pending(&key, now).await? else { return Ok(None) };
            let delete = Action::delete(key.clone())
                .when("#tries = :tries")
                .value(":tries", counter(found.tries.into()));
            let transaction = Transaction::default().guarded(Guard::Record, delete);
            match self.transact(transaction).await? {
                Transacted::Done => return Ok(Some(found)),
                // Somebody else took it, or tried a code meanwhile: the next look tells which.
                Transacted::Refused(_) => wait(&key.sk, turn).await,
            }
        }
        Err(unavailable("a pending sign-in was tried again and again"))
    }
}

fn insert_pending(pending: &PendingSignIn) -> Action {
    let key = Key::pending_sign_in(&pending.user, pending.secret_digest);
    let fields = Fields::default()
        .due(Kind::PendingSignIn, &key.sk, pending.expires_at)
        .expiring(pending.expires_at, KEPT_AFTER_EXPIRY)
        .with("user", text(pending.user.as_str()))
        .with("secret_digest", bytes(&pending.secret_digest))
        .with("epoch", counter(pending.epoch))
        .with("step", text(pending.step.name()))
        .with("methods", method_names(&pending.methods))
        .with("tries", counter(pending.tries.into()))
        .with("created_at_ms", moment(pending.created_at));
    Action::insert(&key, fields)
}

fn to_pending(item: &Item) -> Result<PendingSignIn, StoreError> {
    let row = Row(item);
    Ok(PendingSignIn {
        user: row.user("user")?,
        secret_digest: row.array("secret_digest")?,
        epoch: row.counter("epoch")?,
        step: known("step of a sign-in", PendingStep::parse(row.text("step")?))?,
        methods: to_methods(row)?,
        tries: row.small_counter("tries")?,
        created_at: row.moment("created_at_ms")?,
        expires_at: row.moment("expires_at_ms")?,
    })
}
