use async_trait::async_trait;
use contracts::{CodePut, OneTimeCodeStore, PutCode, SpendCode, StoreError};
use domain::{ChallengeId, CodeKind, EmailAddress, OneTimeCode, Timestamp, UserId};

use crate::SqlStorage;
use crate::notices::insert_notices;
use crate::outcomes::unexpected;
use crate::rows::{known, parsed};
use crate::statement::{Guard, RowReader, Statement, Written};

const PUT_CODE: &str = "
    INSERT INTO one_time_codes AS old
           (user_id, kind, challenge, secret_digest, short_code_mac, tries, email,
            created_at_ms, short_code_expires_at_ms, expires_at_ms)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (user_id, kind) DO UPDATE
       SET challenge = excluded.challenge, secret_digest = excluded.secret_digest,
           short_code_mac = excluded.short_code_mac, tries = excluded.tries,
           email = excluded.email, created_at_ms = excluded.created_at_ms,
           short_code_expires_at_ms = excluded.short_code_expires_at_ms,
           expires_at_ms = excluded.expires_at_ms
     WHERE old.created_at_ms <= $11";

/// The columns of a code, in the order that [`to_code`] reads them.
macro_rules! code_columns {
    () => {
        "user_id, kind, challenge, secret_digest, short_code_mac, tries, email,
         created_at_ms, short_code_expires_at_ms, expires_at_ms"
    };
}

const FIND_CODE: &str = concat!(
    "SELECT ",
    code_columns!(),
    "  FROM one_time_codes WHERE user_id = $1 AND kind = $2 AND expires_at_ms > $3"
);

const FIND_CHALLENGE: &str =
    "SELECT challenge FROM one_time_codes WHERE user_id = $1 AND kind = $2";

const ADVANCE_TRIES: &str = concat!(
    "UPDATE one_time_codes SET tries = tries + 1
      WHERE challenge = $1 AND tries < $2 AND short_code_expires_at_ms > $3
     RETURNING ",
    code_columns!()
);

const SPEND_CODE: &str = "
    DELETE FROM one_time_codes
     WHERE user_id = $1 AND kind = $2 AND secret_digest = $3 AND expires_at_ms > $4";

const DELETE_CODES: &str = "DELETE FROM one_time_codes WHERE user_id = $1";

#[cfg(test)]
pub(crate) const STATEMENTS: &[&str] =
    &[PUT_CODE, FIND_CODE, FIND_CHALLENGE, ADVANCE_TRIES, SPEND_CODE, DELETE_CODES];

/// The end of time: a code that replaces whatever stood there.
const ALWAYS: Timestamp = Timestamp::from_unix_ms(i64::MAX);

#[async_trait]
impl OneTimeCodeStore for SqlStorage {
    async fn put_code(&self, put: &PutCode) -> Result<CodePut, StoreError> {
        let mut statements = vec![put_code_unless(&put.code, put.unless_made_after)];
        statements.extend(insert_notices(&put.notices));
        match self.engine.write(statements).await? {
            Written::Done => Ok(CodePut::Yes),
            Written::Unmet(_) => self.standing_challenge(&put.code).await.map(CodePut::TooSoon),
            refused @ Written::Conflict(_) => Err(unexpected(&refused)),
        }
    }

    async fn find_code(
        &self,
        user: &UserId,
        kind: CodeKind,
        now: Timestamp,
    ) -> Result<Option<OneTimeCode>, StoreError> {
        let parameters = [user.as_str().into(), kind.name().into(), now.into()];
        self.engine
            .read(&Statement::new(FIND_CODE, parameters), None, |found, row| {
                *found = Some(to_code(row)?);
                Ok(())
            })
            .await
    }

    async fn advance_tries(
        &self,
        challenge: ChallengeId,
        tries_max: u32,
        now: Timestamp,
    ) -> Result<Option<OneTimeCode>, StoreError> {
        let parameters = [challenge.to_string().into(), u64::from(tries_max).into(), now.into()];
        let statement = Statement::new(ADVANCE_TRIES, parameters);
        Ok(self.engine.write_returning(statement, to_code).await?.pop())
    }
}

impl SqlStorage {
    /// The challenge of the code that was too young to be replaced. It can be gone again only if it
    /// was spent at this moment, and then the one that was not put is as good as any.
    async fn standing_challenge(&self, refused: &OneTimeCode) -> Result<ChallengeId, StoreError> {
        let parameters = [refused.user.as_str().into(), refused.kind.name().into()];
        let statement = Statement::new(FIND_CHALLENGE, parameters);
        self.engine
            .read(&statement, refused.challenge, |challenge, row| {
                *challenge = parsed("challenge", ChallengeId::parse(row.text("challenge")?))?;
                Ok(())
            })
            .await
    }
}

/// The statement that puts a code in the place of any older one, as part of an operation.
pub(crate) fn put_code(code: &OneTimeCode) -> Statement {
    put_code_unless(code, ALWAYS)
}

fn put_code_unless(code: &OneTimeCode, made_after: Timestamp) -> Statement {
    let parameters = [
        code.user.as_str().into(),
        code.kind.name().into(),
        code.challenge.to_string().into(),
        code.secret_digest.as_slice().into(),
        code.short_code_mac.as_slice().into(),
        u64::from(code.tries).into(),
        code.email.as_ref().map(EmailAddress::as_typed).into(),
        code.created_at.into(),
        code.short_code_expires_at.into(),
        code.expires_at.into(),
        made_after.into(),
    ];
    Statement::new(PUT_CODE, parameters).guard_of(Guard::Code)
}

/// The statement that takes a code along, as the guard of an operation.
pub(crate) fn spend_code(spent: &SpendCode) -> Statement {
    let parameters = [
        spent.user.as_str().into(),
        spent.kind.name().into(),
        spent.secret_digest.as_slice().into(),
        spent.now.into(),
    ];
    Statement::new(SPEND_CODE, parameters).guard_of(Guard::Code)
}

/// The statement that removes all codes of a user, as part of an operation.
pub(crate) fn delete_codes(user: &UserId) -> Statement {
    Statement::new(DELETE_CODES, [user.as_str().into()])
}

fn to_code(row: &mut RowReader<'_>) -> Result<OneTimeCode, StoreError> {
    Ok(OneTimeCode {
        user: parsed("user of a code", UserId::parse(row.text("user of a code")?))?,
        kind: known("kind of a code", CodeKind::parse(row.text("kind of a code")?))?,
        challenge: parsed("challenge", ChallengeId::parse(row.text("challenge")?))?,
        secret_digest: row.array("digest of a code")?,
        short_code_mac: row.array("MAC of a code")?,
        tries: parsed("tries of a code", u32::try_from(row.counter("tries of a code")?))?,
        email: row
            .optional_text("address of a code")?
            .map(|text| parsed("address of a code", EmailAddress::parse(text)))
            .transpose()?,
        created_at: row.moment("creation time")?,
        short_code_expires_at: row.moment("expiry of a short code")?,
        expires_at: row.moment("expiry of a code")?,
    })
}
