use async_trait::async_trait;
use contracts::{PendingSignInStore, StoreError};
use domain::{PendingSignIn, PendingStep, Timestamp, UserId};

use crate::SqlStorage;
use crate::outcomes::unexpected;
use crate::rows::{known, methods_text, parsed, to_methods};
use crate::statement::{RowReader, Statement, Written};

/// The columns of a sign-in, in the order that [`to_pending_sign_in`] reads them.
macro_rules! pending_columns {
    () => {
        "user_id, secret_digest, epoch, step, methods, tries, created_at_ms, expires_at_ms"
    };
}

const INSERT_PENDING_SIGN_IN: &str = concat!(
    "INSERT INTO pending_sign_ins (",
    pending_columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
);

const FIND_PENDING_SIGN_IN: &str = concat!(
    "SELECT ",
    pending_columns!(),
    "  FROM pending_sign_ins
      WHERE user_id = $1 AND secret_digest = $2 AND expires_at_ms > $3"
);

const ADVANCE_PENDING_TRIES: &str = concat!(
    "UPDATE pending_sign_ins SET tries = tries + 1
      WHERE user_id = $1 AND secret_digest = $2 AND tries < $3 AND expires_at_ms > $4
     RETURNING ",
    pending_columns!()
);

const TAKE_PENDING_SIGN_IN: &str = concat!(
    "DELETE FROM pending_sign_ins
      WHERE user_id = $1 AND secret_digest = $2 AND expires_at_ms > $3
     RETURNING ",
    pending_columns!()
);

#[cfg(test)]
pub(crate) const STATEMENTS: &[&str] =
    &[INSERT_PENDING_SIGN_IN, FIND_PENDING_SIGN_IN, ADVANCE_PENDING_TRIES, TAKE_PENDING_SIGN_IN];

#[async_trait]
impl PendingSignInStore for SqlStorage {
    async fn insert_pending_sign_in(&self, pending: &PendingSignIn) -> Result<(), StoreError> {
        let parameters = [
            pending.user.as_str().into(),
            pending.secret_digest.as_slice().into(),
            pending.epoch.into(),
            pending.step.name().into(),
            methods_text(&pending.methods).into(),
            u64::from(pending.tries).into(),
            pending.created_at.into(),
            pending.expires_at.into(),
        ];
        let statement = Statement::new(INSERT_PENDING_SIGN_IN, parameters);
        match self.engine.write(vec![statement]).await? {
            Written::Done => Ok(()),
            refused => Err(unexpected(&refused)),
        }
    }

    async fn find_pending_sign_in(
        &self,
        user: &UserId,
        secret_digest: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        let parameters = [user.as_str().into(), secret_digest.as_slice().into(), now.into()];
        self.engine
            .read(&Statement::new(FIND_PENDING_SIGN_IN, parameters), None, |found, row| {
                *found = Some(to_pending_sign_in(row)?);
                Ok(())
            })
            .await
    }

    async fn advance_pending_tries(
        &self,
        user: &UserId,
        secret_digest: [u8; 32],
        tries_max: u32,
        now: Timestamp,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        let parameters = [
            user.as_str().into(),
            secret_digest.as_slice().into(),
            u64::from(tries_max).into(),
            now.into(),
        ];
        let statement = Statement::new(ADVANCE_PENDING_TRIES, parameters);
        Ok(self.engine.write_returning(statement, to_pending_sign_in).await?.pop())
    }

    async fn take_pending_sign_in(
        &self,
        user: &UserId,
        secret_digest: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        let parameters = [user.as_str().into(), secret_digest.as_slice().into(), now.into()];
        let statement = Statement::new(TAKE_PENDING_SIGN_IN, parameters);
        Ok(self.engine.write_returning(statement, to_pending_sign_in).await?.pop())
    }
}

fn to_pending_sign_in(row: &mut RowReader<'_>) -> Result<PendingSignIn, StoreError> {
    Ok(PendingSignIn {
        user: parsed("user of a sign-in", UserId::parse(row.text("user of a sign-in")?))?,
        secret_digest: row.array("digest of a sign-in")?,
        epoch: row.counter("epoch of a sign-in")?,
        step: known("step of a sign-in", PendingStep::parse(row.text("step of a sign-in")?))?,
        methods: to_methods(row)?,
        tries: parsed("tries of a sign-in", u32::try_from(row.counter("tries of a sign-in")?))?,
        created_at: row.moment("creation time")?,
        expires_at: row.moment("expiry of a sign-in")?,
    })
}
