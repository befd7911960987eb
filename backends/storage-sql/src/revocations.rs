use async_trait::async_trait;
use contracts::{Expiry, RevocationStore, Revocations, StoreError};
use domain::{Revocation, RevocationScope, Timestamp, UserId};

use crate::SqlStorage;
use crate::dialect::{
    DELETE_CODES, DELETE_DEVICES, DELETE_LIMITS, DELETE_PENDING_SIGN_INS, DELETE_REVOCATIONS,
    DELETE_SESSIONS, DELETE_TRUSTED_DEVICES,
};
use crate::rows::{parsed, to_session_id};
use crate::statement::{RowReader, Statement, Value};

const NEXT_SEQUENCE: &str = "UPDATE counters SET value = value + 1 WHERE name = 'revocations'";

const INSERT_REVOCATION: &str = "
    INSERT INTO revocations (sequence, session_id, user_id, epoch_below, except_session_id,
                             ended_at_ms, expires_at_ms)
    SELECT value, $1, $2, $3, $4, $5, $6 FROM counters WHERE name = 'revocations'";

/// Walks the sequence from its end; the plus sign keeps the planner from sorting by expiry first.
const LIST_REVOCATIONS: &str = "
    SELECT c.value, r.sequence, r.session_id, r.user_id, r.epoch_below, r.except_session_id,
           r.ended_at_ms, r.expires_at_ms
      FROM counters c
      LEFT JOIN (SELECT * FROM revocations WHERE +expires_at_ms > $1
                  ORDER BY sequence DESC LIMIT $2) r ON TRUE
     WHERE c.name = 'revocations'
     ORDER BY r.sequence DESC";

#[cfg(test)]
pub(crate) const STATEMENTS: &[&str] = &[NEXT_SEQUENCE, INSERT_REVOCATION, LIST_REVOCATIONS];

#[async_trait]
impl RevocationStore for SqlStorage {
    async fn list_revocations(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Revocations, StoreError> {
        let statement = Statement::new(LIST_REVOCATIONS, [now.into(), limit.into()]);
        let empty = Revocations { sequence: 0, rows: Vec::new() };
        self.engine
            .read(&statement, empty, |list, row| {
                list.sequence = row.counter("revocation sequence")?;
                if row.optional_integer("revocation")?.is_some() {
                    list.rows.push(to_revocation(row)?);
                }
                Ok(())
            })
            .await
    }

    async fn delete_expired(&self, expiry: Expiry, limit: usize) -> Result<usize, StoreError> {
        let deletions = [
            (DELETE_REVOCATIONS, expiry.now),
            (DELETE_SESSIONS, expiry.sessions),
            (DELETE_CODES, expiry.now),
            (DELETE_DEVICES, expiry.now),
            (DELETE_TRUSTED_DEVICES, expiry.now),
            (DELETE_PENDING_SIGN_INS, expiry.now),
            (DELETE_LIMITS, expiry.now),
        ];
        let mut deleted = 0;
        for (sql, until) in deletions {
            deleted +=
                self.engine.delete(Statement::new(sql, [until.into(), limit.into()])).await?;
        }
        Ok(deleted)
    }
}

/// The statements that write a revocation as part of an operation.
pub(crate) fn insert_revocation(revocation: &Revocation) -> [Statement; 2] {
    let scope: [Value; 4] = match &revocation.scope {
        RevocationScope::Session(session) => {
            [session.to_string().into(), Value::Null, Value::Null, Value::Null]
        }
        RevocationScope::User { user, epoch_below, except } => [
            Value::Null,
            user.as_str().into(),
            (*epoch_below).into(),
            except.map(|session| session.to_string()).into(),
        ],
    };
    let [session, user, epoch, except] = scope;
    let times: [Value; 2] = [revocation.ended_at.into(), revocation.expires_at.into()];
    let [ended_at, expires_at] = times;
    [
        Statement::new(NEXT_SEQUENCE, []),
        Statement::new(INSERT_REVOCATION, [session, user, epoch, except, ended_at, expires_at]),
    ]
}

fn to_revocation(row: &mut RowReader<'_>) -> Result<Revocation, StoreError> {
    let session = row.optional_text("revoked session")?;
    let user = row.optional_text("revoked user")?;
    let epoch_below = row.optional_integer("revoked epoch")?;
    let except = row.optional_text("spared session")?.map(to_session_id).transpose()?;
    let scope = match (session, user, epoch_below) {
        (Some(session), _, _) => RevocationScope::Session(to_session_id(session)?),
        (None, Some(user), Some(epoch)) => RevocationScope::User {
            user: parsed("revoked user", UserId::parse(user))?,
            epoch_below: parsed("revoked epoch", u64::try_from(epoch))?,
            except,
        },
        _ => {
            return Err(StoreError::Malformed {
                what: "revocation",
                source: "it revokes nothing".into(),
            });
        }
    };
    let (ended_at, expires_at) = (row.moment("end time")?, row.moment("expiry")?);
    Ok(Revocation { scope, ended_at, expires_at })
}
