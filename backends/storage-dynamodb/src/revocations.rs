//! Telling of what has ended.
//!
//! A number of the sequence must never be told without what it counts: whoever has seen it asks for
//! nothing older. But a query beside a transaction that is being carried out may see some of its
//! items as they were before: the raised sequence, and not yet the row.
//!
//! So each part of the sequence names the last [`NAMED_MAX`] rows that it counts. A part is raised
//! only from what was read of it, so that none is left out. Of what the parts name, all must be
//! there; else everything is read again, and at last there is no answer, which is better than a
//! wrong one. A row is not waited for
//!
//! - once it has expired, or a sweep has gone as far as that (the item `SWEPT` says so, before the
//!   sweep removes anything);
//! - once it is older than [`COMING_MAX`]: whatever became of it, it is not about to come.

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use contracts::{Expiry, RevocationStore, Revocations, StoreError};
use domain::{Revocation, RevocationScope, Timestamp};

use crate::DynamoStorage;
use crate::failure::{malformed, unavailable};
use crate::fields::{Fields, counter, moment, text};
use crate::operation::{wait, within};
use crate::query::{Range, key_of};
use crate::row::{Item, Row};
use crate::rows::to_session_id;
use crate::table::{
    COUNTER_PARTITION, COUNTERS, KEPT_AFTER_EXPIRY, Key, Kind, revocation_partition,
};
use crate::write::Action;

/// The rows that a part of the sequence names: more than can be on their way at once.
const NAMED_MAX: usize = 8;
/// How old a row is that is no longer waited for.
const COMING_MAX: Duration = Duration::from_mins(1);
/// How often rows that are named, but are not there, are looked for.
const LOOKS_MAX: u32 = 7;

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

/// The sequence as it was read.
struct Sequence {
    parts: Vec<Item>,
    swept_until: Option<Timestamp>,
}

impl Sequence {
    fn count(&self) -> Result<u64, StoreError> {
        let mut count = 0;
        for part in &self.parts {
            count += Row(part).counter("count")?;
        }
        Ok(count)
    }

    /// The rows that must be there.
    fn named(&self, now: Timestamp) -> Result<Vec<Key>, StoreError> {
        let over_at = self.swept_until.map_or(now, |swept| swept.max(now));
        let mut keys = Vec::new();
        for part in &self.parts {
            for named in Row(part).items("named")? {
                let row = Row(named);
                let is_coming = row.moment("ended_at_ms")?.plus(COMING_MAX) > now;
                if is_coming && row.moment("expires_at_ms")? > over_at {
                    keys.push(Key::revocation_named(row.text("name")?)?);
                }
            }
        }
        Ok(keys)
    }

    /// Raises a part by a row, if it is still as it was read.
    fn raise(&self, key: Key, row: &Key, revocation: &Revocation) -> Result<Action, StoreError> {
        let newest = Fields::default()
            .with("name", text(&row.sk))
            .with("ended_at_ms", moment(revocation.ended_at))
            .with("expires_at_ms", moment(revocation.expires_at));
        let mut rows = vec![AttributeValue::M(newest.item(Item::new()))];
        let mut count = None;
        for part in &self.parts {
            if Row(part).text("SK")? == key.sk {
                count = Some(Row(part).counter("count")?);
                let older = Row(part).items("named")?.into_iter().take(NAMED_MAX - 1);
                rows.extend(older.map(|item| AttributeValue::M(item.clone())));
            }
        }
        let fields = Fields::default()
            .with("count", counter(count.unwrap_or(0) + 1))
            .with("named", AttributeValue::L(rows));
        let raise = Action::update(key, fields);
        Ok(match count {
            Some(count) => raise.when("#count = :count").value(":count", counter(count)),
            None => raise.when("attribute_not_exists(#count)"),
        })
    }
}

impl DynamoStorage {
    /// The sequence first: a revocation that is counted in it is then among the rows, or named.
    async fn list_newest(&self, now: Timestamp, limit: usize) -> Result<Revocations, StoreError> {
        let search = self.operations.begin();
        for look in 1..=LOOKS_MAX {
            let sequence = self.sequence().await?;
            let mut rows = self.list_alive_rows(now, limit).await?;
            let found: HashSet<&Key> = rows.iter().map(|(key, _)| key).collect();
            let mut missing = sequence.named(now)?;
            missing.retain(|key| !found.contains(key));
            let late = self.find_all(&missing).await?;
            if late.len() == missing.len() {
                for item in &late {
                    rows.push((key_of(item)?, to_revocation(item)?));
                }
                rows.sort_by(|(one, _), (other, _)| other.sk.cmp(&one.sk));
                rows.truncate(limit);
                let rows = rows.into_iter().map(|(_, row)| row).collect();
                return Ok(Revocations { sequence: sequence.count()?, rows });
            }
            wait(&search, look).await;
        }
        Err(unavailable("a revocation is counted that cannot be read yet"))
    }

    async fn list_alive_rows(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Key, Revocation)>, StoreError> {
        let range = |shard| {
            Range::of(revocation_partition(shard))
                .backward()
                .filter("#expires_at_ms > :now")
                .value(":now", moment(now))
        };
        let mut rows = Vec::new();
        for item in self.list_shards(range, limit).await? {
            rows.push((key_of(&item)?, to_revocation(&item)?));
        }
        Ok(rows)
    }

    async fn sequence(&self) -> Result<Sequence, StoreError> {
        let items_max = usize::try_from(COUNTERS + 1).unwrap_or(usize::MAX);
        let mut parts = self.list(&Range::of(COUNTER_PARTITION), items_max).await?;
        let mut swept_until = None;
        for part in &parts {
            swept_until = swept_until.or(Row(part).optional_moment("swept_until_ms")?);
        }
        parts.retain(|part| !part.contains_key("swept_until_ms"));
        Ok(Sequence { parts, swept_until })
    }

    /// The actions that write a revocation as part of an operation, the raise of the sequence
    /// first.
    ///
    /// Its place among the others is the sequence as read before it: whoever comes later reads a
    /// higher one, and those of one moment may stand in any order.
    pub(crate) async fn revoke(
        &self,
        revocation: &Revocation,
        operation: &str,
    ) -> Result<[Action; 2], StoreError> {
        let sequence = self.sequence().await?;
        let key = Key::revocation(sequence.count()? + 1, operation);
        let raise = sequence.raise(Key::counter(operation), &key, revocation)?;
        let fields = scope_fields(&revocation.scope)
            .due(Kind::Revocation, operation, revocation.expires_at)
            .expiring(revocation.expires_at, KEPT_AFTER_EXPIRY)
            .with("ended_at_ms", moment(revocation.ended_at));
        Ok([raise, Action::put(&key, fields)])
    }

    /// From now on nobody waits for rows that expired by then.
    pub(crate) async fn note_sweep(&self, over_at: Timestamp) -> Result<(), StoreError> {
        let fields = Fields::default().with("swept_until_ms", moment(over_at));
        let action = Action::update(Key::swept(), fields)
            .when("attribute_not_exists(#swept_until_ms) OR #swept_until_ms < :over_at")
            .value(":over_at", moment(over_at));
        self.write(action).await.map(|_| ())
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
