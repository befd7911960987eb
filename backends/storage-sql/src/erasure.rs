//! What is left of those who left.

use contracts::{EraseUser, Replaced, StoreError};
use domain::Timestamp;

use crate::SqlStorage;
use crate::codes::delete_codes;
use crate::mails::delete_all_mails_of;
use crate::notices::insert_notices;
use crate::outcomes::replaced;
use crate::revocations::insert_revocation;
use crate::statement::Statement;

const DELETE_USER: &str = "DELETE FROM users WHERE id = $1 AND version = $2";

const INSERT_TOMBSTONE: &str = "
    INSERT INTO erased_users (id, erased_at_ms, session_epoch, has_remains)
    VALUES ($1, $2, $3, 1)";

const DELETE_SESSIONS_OF_NOBODY: &str = "
    DELETE FROM sessions WHERE id IN
        (SELECT s.id FROM erased_users e JOIN sessions s ON s.user_id = e.id
          WHERE e.has_remains = 1 LIMIT $1)
    RETURNING 1";

const DELETE_DEVICES_OF_NOBODY: &str = "
    DELETE FROM devices WHERE (user_id, digest) IN
        (SELECT d.user_id, d.digest FROM erased_users e JOIN devices d ON d.user_id = e.id
          WHERE e.has_remains = 1 LIMIT $1)
    RETURNING 1";

/// Codes that somebody asked for while the user was being erased.
const DELETE_CODES_OF_NOBODY: &str = "
    DELETE FROM one_time_codes WHERE (user_id, kind) IN
        (SELECT c.user_id, c.kind FROM erased_users e JOIN one_time_codes c ON c.user_id = e.id
          WHERE e.has_remains = 1 LIMIT $1)
    RETURNING 1";

/// Mails that were queued while the user was being erased.
const DELETE_MAILS_TO_NOBODY: &str = "
    DELETE FROM mails WHERE id IN
        (SELECT m.id FROM erased_users e JOIN mails m ON m.user_id = e.id
          WHERE e.has_remains = 1 LIMIT $1)
    RETURNING 1";

const SETTLE: &str = "
    UPDATE erased_users SET has_remains = 0
     WHERE has_remains = 1 AND erased_at_ms <= $1
       AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = erased_users.id)
       AND NOT EXISTS (SELECT 1 FROM devices d WHERE d.user_id = erased_users.id)
       AND NOT EXISTS (SELECT 1 FROM one_time_codes c WHERE c.user_id = erased_users.id)
       AND NOT EXISTS (SELECT 1 FROM mails m WHERE m.user_id = erased_users.id)";

const DELETIONS: [&str; 4] = [
    DELETE_SESSIONS_OF_NOBODY,
    DELETE_DEVICES_OF_NOBODY,
    DELETE_CODES_OF_NOBODY,
    DELETE_MAILS_TO_NOBODY,
];

#[cfg(test)]
pub(crate) const STATEMENTS: &[&str] = &[
    DELETE_USER,
    INSERT_TOMBSTONE,
    DELETE_SESSIONS_OF_NOBODY,
    DELETE_DEVICES_OF_NOBODY,
    DELETE_CODES_OF_NOBODY,
    DELETE_MAILS_TO_NOBODY,
    SETTLE,
];

impl SqlStorage {
    pub(crate) async fn erase(&self, erasure: &EraseUser) -> Result<Replaced, StoreError> {
        let user = erasure.user.as_str();
        let tombstone = [user.into(), erasure.at.into(), erasure.epoch.into()];
        let mut statements = vec![
            Statement::new(DELETE_USER, [user.into(), erasure.version.into()]).guard(),
            Statement::new(INSERT_TOMBSTONE, tombstone),
            delete_codes(&erasure.user),
            delete_all_mails_of(&erasure.user),
        ];
        statements.extend(insert_revocation(&erasure.revocation));
        statements.extend(insert_notices(&erasure.notices));
        replaced(&self.engine.write(statements).await?)
    }

    pub(crate) async fn purge(
        &self,
        settled: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let mut deleted = 0;
        for sql in DELETIONS {
            let statement = Statement::new(sql, [limit.into()]);
            deleted += self.engine.write_returning(statement, |_| Ok(())).await?.len();
        }
        self.write_all(vec![Statement::new(SETTLE, [settled.into()])]).await?;
        Ok(deleted)
    }
}
