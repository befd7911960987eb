//! What is left of those who left.

use contracts::{EraseUser, Replaced, StoreError};
use domain::Timestamp;

use crate::SqlStorage;
use crate::codes::delete_codes;
use crate::dialect::{
    DELETE_CODES_OF_NOBODY, DELETE_DEVICES_OF_NOBODY, DELETE_MAILS_TO_NOBODY,
    DELETE_PENDING_SIGN_INS_OF_NOBODY, DELETE_SESSIONS_OF_NOBODY, DELETE_TRUSTED_DEVICES_OF_NOBODY,
    SETTLE,
};
use crate::mails::delete_all_mails_of;
use crate::notices::insert_notices;
use crate::outcomes::replaced;
use crate::revocations::insert_revocation;
use crate::statement::{Sql, Statement};

const DELETE_USER: &str = "DELETE FROM users WHERE id = $1 AND version = $2";

const INSERT_TOMBSTONE: &str = "
    INSERT INTO erased_users (id, erased_at_ms, session_epoch, has_remains)
    VALUES ($1, $2, $3, TRUE)";

const DELETIONS: [Sql; 6] = [
    DELETE_SESSIONS_OF_NOBODY,
    DELETE_DEVICES_OF_NOBODY,
    DELETE_TRUSTED_DEVICES_OF_NOBODY,
    DELETE_PENDING_SIGN_INS_OF_NOBODY,
    DELETE_CODES_OF_NOBODY,
    DELETE_MAILS_TO_NOBODY,
];

#[cfg(test)]
pub(crate) const STATEMENTS: &[&str] = &[DELETE_USER, INSERT_TOMBSTONE];

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
            deleted += self.engine.delete(Statement::new(sql, [limit.into()])).await?;
        }
        self.write_all(vec![Statement::new(SETTLE, [settled.into()])]).await?;
        Ok(deleted)
    }
}
