use async_trait::async_trait;
use contracts::{Expiry, RevocationStore, Revocations, StoreError};
use domain::{Revocation, RevocationScope, SessionId, Timestamp};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};

use crate::MongoStorage;
use crate::attempts::in_time;
use crate::collections::{
    CODES, COUNTER_SHARDS, COUNTERS, DEVICES, LIMITS, PENDING_SIGN_INS, REVOCATIONS, SESSIONS,
    TRUSTED_DEVICES,
};
use crate::documents::{Fields, counter, malformed, parsed, put_some};
use crate::operation::{Step, shard};
use crate::reads::Page;

/// The name of the counter of revocations.
pub(crate) const SEQUENCE: &str = "revocations";

#[async_trait]
impl RevocationStore for MongoStorage {
    async fn list_revocations(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Revocations, StoreError> {
        in_time(async {
            // Before the rows: a row that is not counted yet is told again, one that was counted
            // and not told would be told never.
            let sequence = self.sequence().await?;
            let filter = doc! { "expires_at": { "$gt": now.unix_ms() } };
            let page = Page { of: REVOCATIONS, filter, order: doc! { "_id": -1 }, limit };
            let rows = self.list(page).await?;
            let rows = rows.iter().map(to_revocation).collect::<Result<_, _>>()?;
            Ok(Revocations { sequence, rows })
        })
        .await
    }

    async fn delete_expired(&self, expiry: Expiry, limit: usize) -> Result<usize, StoreError> {
        in_time(async {
            let mut deleted = 0;
            for (collection, field, until) in [
                (REVOCATIONS, "expires_at", expiry.now),
                (SESSIONS, "expires_at", expiry.sessions),
                (CODES, "expires_at", expiry.now),
                (DEVICES, "expires_at", expiry.now),
                (TRUSTED_DEVICES, "expires_at", expiry.now),
                (PENDING_SIGN_INS, "expires_at", expiry.now),
                (LIMITS, "whole_at", expiry.now),
            ] {
                let filter = doc! { field: { "$lte": until.unix_ms() } };
                let page = Page { of: collection, filter, order: doc! { field: 1 }, limit };
                deleted += self.sweep_page(page).await?.deleted;
            }
            Ok(deleted)
        })
        .await
    }
}

impl MongoStorage {
    /// The sum of the counter's parts. Each part only grows, so of two sums one after the other the
    /// later is never less, and it is more if a revocation was written between.
    async fn sequence(&self) -> Result<u64, StoreError> {
        let shards: Vec<String> = (0..COUNTER_SHARDS).map(|part| shard(SEQUENCE, part)).collect();
        let (limit, filter) = (shards.len(), doc! { "_id": { "$in": shards } });
        let page = Page { of: COUNTERS, filter, order: doc! { "_id": 1 }, limit };
        let parts = self.list(page).await?;
        parts.iter().map(|part| Fields(part).counter("value")).sum()
    }
}

/// The steps that write a revocation as part of an operation. The last ones: what they lock, others
/// want too.
pub(crate) fn insert_revocation(revocation: &Revocation) -> [Step; 2] {
    let mut document = doc! {
        "_id": ObjectId::new(),
        "ended_at": revocation.ended_at.unix_ms(),
        "expires_at": revocation.expires_at.unix_ms(),
    };
    match &revocation.scope {
        RevocationScope::Session(session) => {
            document.insert("session_id", session.to_string());
        }
        RevocationScope::User { user, epoch_below, except } => {
            document.insert("user_id", user.as_str());
            document.insert("epoch_below", counter(*epoch_below));
            put_some(&mut document, "except_session_id", except.map(|except| except.to_string()));
        }
    }
    [
        Step::Insert { into: REVOCATIONS, documents: vec![document] },
        Step::Count { counter: SEQUENCE },
    ]
}

fn to_revocation(document: &Document) -> Result<Revocation, StoreError> {
    let fields = Fields(document);
    let session = |name| -> Result<SessionId, StoreError> {
        parsed(name, SessionId::parse(fields.text(name)?))
    };
    let scope = if fields.has("session_id") {
        RevocationScope::Session(session("session_id")?)
    } else if fields.has("user_id") {
        let except = fields.has("except_session_id").then(|| session("except_session_id"));
        RevocationScope::User {
            user: fields.user("user_id")?,
            epoch_below: fields.counter("epoch_below")?,
            except: except.transpose()?,
        }
    } else {
        return Err(malformed("revocation", "it revokes nothing"));
    };
    let (ended_at, expires_at) = (fields.moment("ended_at")?, fields.moment("expires_at")?);
    Ok(Revocation { scope, ended_at, expires_at })
}
