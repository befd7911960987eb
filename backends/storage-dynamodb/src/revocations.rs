use async_trait::async_trait;
use contracts::{Expiry, RevocationStore, Revocations, StoreError};
use domain::{Revocation, RevocationScope, Timestamp};

use crate::DynamoStorage;
use crate::failure::malformed;
use crate::fields::{Fields, counter, moment, number, text};
use crate::operation::within;
use crate::query::{Range, key_of};
use crate::row::{Item, Row};
use crate::rows::to_session_id;
use crate::table::{
    COUNTER_PARTITION, COUNTERS, KEPT_AFTER_EXPIRY, Key, Kind, revocation_partition,
};
use crate::write::Action;

#[async_trait]
impl RevocationStore for DynamoStorage {
    async fn list_revocations(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Revocations, StoreError> {
        within(self.list_newest(now, limit)).await
    }

    async fn delete_expired(&self, expiry: Expiry, limit: usize) -> Result<usize, StoreError> {
        within(self.sweep(expiry, limit)).await
    }
}

impl DynamoStorage {
    /// The sequence first: a revocation that is counted in it is then among the rows.
    async fn list_newest(&self, now: Timestamp, limit: usize) -> Result<Revocations, StoreError> {
        let sequence = self.sequence().await?;
        let range = |shard| {
            Range::of(revocation_partition(shard))
                .backward()
                .filter("#expires_at_ms > :now")
                .value(":now", moment(now))
        };
        let mut found = Vec::new();
        for item in self.list_shards(range, limit).await? {
            found.push((key_of(&item)?.sk, to_revocation(&item)?));
        }
        found.sort_by(|(one, _), (other, _)| other.cmp(one));
        found.truncate(limit);
        Ok(Revocations { sequence, rows: found.into_iter().map(|(_, row)| row).collect() })
    }

    async fn sequence(&self) -> Result<u64, StoreError> {
        let parts = usize::try_from(COUNTERS).unwrap_or(usize::MAX);
        let mut sequence = 0;
        for part in self.list(&Range::of(COUNTER_PARTITION), parts).await? {
            sequence += Row(&part).counter("count")?;
        }
        Ok(sequence)
    }

    /// The actions that write a revocation as part of an operation.
    ///
    /// Its place among the others is the sequence as read before it: whoever comes later reads a
    /// higher one, and those of one moment may stand in any order.
    pub(crate) async fn revoke(&self, revocation: &Revocation) -> Result<[Action; 2], StoreError> {
        let order = self.sequence().await? + 1;
        let name = self.operations.begin();
        let count = Action::update(Key::counter(&name), Fields::default()).add("count", number(1));
        let fields = scope_fields(&revocation.scope)
            .due(Kind::Revocation, &name, revocation.expires_at)
            .expiring(revocation.expires_at, KEPT_AFTER_EXPIRY)
            .with("ended_at_ms", moment(revocation.ended_at));
        Ok([count, Action::put(&Key::revocation(order, &name), fields)])
    }
}

fn scope_fields(scope: &RevocationScope) -> Fields {
    match scope {
        RevocationScope::Session(session) => {
            Fields::default().with("session", text(session.to_string()))
        }
        RevocationScope::User { user, epoch_below, except } => Fields::default()
            .with("user", text(user.as_str()))
            .with("epoch_below", counter(*epoch_below))
            .maybe("except", except.map(|session| text(session.to_string()))),
    }
}

fn to_revocation(item: &Item) -> Result<Revocation, StoreError> {
    let row = Row(item);
    let scope = match (row.optional_text("session")?, row.optional_text("user")?) {
        (Some(session), None) => RevocationScope::Session(to_session_id(session)?),
        (None, Some(_)) => RevocationScope::User {
            user: row.user("user")?,
            epoch_below: row.counter("epoch_below")?,
            except: row.optional_text("except")?.map(to_session_id).transpose()?,
        },
        _ => return Err(malformed("revocation", "it revokes nothing, or two things")),
    };
    let (ended_at, expires_at) = (row.moment("ended_at_ms")?, row.moment("expires_at_ms")?);
    Ok(Revocation { scope, ended_at, expires_at })
}
