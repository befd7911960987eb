use async_trait::async_trait;
use contracts::{
    MailOutboxStore, MailState, OutboxMail, QueuedMail, Replaced, Resealed, StoreError,
};
use domain::{EmailAddress, MailId, MailTemplate, Timestamp, UserId};

use crate::SqlStorage;
use crate::dialect::{DELETE_MAILS_OF, claim_mails};
use crate::outcomes::replaced;
use crate::rows::{known, parsed};
use crate::statement::{RowReader, Sql, Statement};

/// The columns of a mail, in the order that [`to_mail`] reads them.
macro_rules! mail_columns {
    () => {
        "id, user_id, template, recipient, sealed_values, created_at_ms, expires_at_ms, state,
         attempts, due_at_ms, last_error"
    };
}

const CLAIM_MAILS: Sql = claim_mails!(mail_columns!());

const FIND_MAIL: &str = concat!("SELECT ", mail_columns!(), " FROM mails WHERE id = $1");

const LIST_MAILS: &str =
    concat!("SELECT ", mail_columns!(), " FROM mails WHERE id > $1 ORDER BY id LIMIT $2");

const REPLACE_MAIL: &str = "
    UPDATE mails
       SET sealed_values = $1, state = $2, attempts = $3, due_at_ms = $4, last_error = $5
     WHERE id = $6 AND due_at_ms = $7";

const REPLACE_MAIL_VALUES: &str =
    "UPDATE mails SET sealed_values = $1 WHERE id = $2 AND sealed_values = $3";

const DELETE_MAIL: &str = "DELETE FROM mails WHERE id = $1";

const DELETE_ALL_MAILS_OF: &str = "DELETE FROM mails WHERE user_id = $1";

#[cfg(test)]
pub(crate) const STATEMENTS: &[&str] =
    &[FIND_MAIL, LIST_MAILS, REPLACE_MAIL, REPLACE_MAIL_VALUES, DELETE_MAIL, DELETE_ALL_MAILS_OF];

#[cfg(test)]
pub(crate) const DIALECT: &[Sql] = &[CLAIM_MAILS];

#[async_trait]
impl MailOutboxStore for SqlStorage {
    async fn claim_mails(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxMail>, StoreError> {
        let parameters = [lease_until.into(), now.into(), limit.into()];
        let statement = Statement::new(CLAIM_MAILS, parameters);
        self.engine.write_returning(statement, to_mail).await
    }

    async fn find_mail(&self, id: MailId) -> Result<Option<OutboxMail>, StoreError> {
        let statement = Statement::new(FIND_MAIL, [id.to_string().into()]);
        self.engine
            .read(&statement, None, |found, row| {
                *found = Some(to_mail(row)?);
                Ok(())
            })
            .await
    }

    async fn list_mails(
        &self,
        after: Option<MailId>,
        limit: usize,
    ) -> Result<Vec<OutboxMail>, StoreError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let statement = Statement::new(LIST_MAILS, [after.into(), limit.into()]);
        self.engine
            .read(&statement, Vec::new(), |mails, row| {
                mails.push(to_mail(row)?);
                Ok(())
            })
            .await
    }

    async fn replace_mail(
        &self,
        mail: &OutboxMail,
        due_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let parameters = [
            mail.mail.sealed_values.as_ref().into(),
            mail.state.name().into(),
            u64::from(mail.attempts).into(),
            mail.due_at.into(),
            mail.last_error.as_deref().into(),
            mail.mail.id.to_string().into(),
            due_at.into(),
        ];
        let statement = Statement::new(REPLACE_MAIL, parameters).guard();
        replaced(&self.engine.write(vec![statement]).await?)
    }

    async fn replace_mail_values(
        &self,
        id: MailId,
        values: &Resealed,
    ) -> Result<Replaced, StoreError> {
        let parameters =
            [values.new.as_ref().into(), id.to_string().into(), values.old.as_ref().into()];
        let statement = Statement::new(REPLACE_MAIL_VALUES, parameters).guard();
        replaced(&self.engine.write(vec![statement]).await?)
    }

    async fn delete_mail(&self, id: MailId) -> Result<(), StoreError> {
        self.write_all(vec![Statement::new(DELETE_MAIL, [id.to_string().into()])]).await
    }

    async fn delete_mails_of(&self, user: &UserId, limit: usize) -> Result<usize, StoreError> {
        let statement = Statement::new(DELETE_MAILS_OF, [user.as_str().into(), limit.into()]);
        self.engine.delete(statement).await
    }
}

/// The statement that removes all mails of a user, as part of an operation.
pub(crate) fn delete_all_mails_of(user: &UserId) -> Statement {
    Statement::new(DELETE_ALL_MAILS_OF, [user.as_str().into()])
}

fn to_mail(row: &mut RowReader<'_>) -> Result<OutboxMail, StoreError> {
    let mail = QueuedMail {
        id: parsed("mail id", MailId::parse(row.text("mail id")?))?,
        user: row
            .optional_text("user of a mail")?
            .map(|text| parsed("user of a mail", UserId::parse(text)))
            .transpose()?,
        template: known("mail template", MailTemplate::parse(row.text("mail template")?))?,
        recipient: parsed("recipient", EmailAddress::parse(row.text("recipient")?))?,
        sealed_values: row.bytes("values of a mail")?,
        created_at: row.moment("creation time")?,
        expires_at: row.moment("expiry of a mail")?,
    };
    Ok(OutboxMail {
        mail,
        state: known("state of a mail", MailState::parse(row.text("state of a mail")?))?,
        attempts: parsed("attempts", u32::try_from(row.counter("attempts")?))?,
        due_at: row.moment("due time")?,
        last_error: row.optional_text("last error")?.map(str::to_owned),
    })
}
