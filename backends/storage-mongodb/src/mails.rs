use async_trait::async_trait;
use contracts::{
    MailOutboxStore, MailState, OutboxMail, QueuedMail, Replaced, Resealed, StoreError,
};
use domain::{EmailAddress, MailId, MailTemplate, Timestamp, UserId};
use mongodb::bson::{Document, doc};

use crate::MongoStorage;
use crate::attempts::in_time;
use crate::collections::MAILS;
use crate::documents::{Fields, binary, known, parsed};
use crate::operation::{Guard, Operation, Step};
use crate::outbox::Claim;
use crate::outcomes::replaced;
use crate::reads::Page;

#[async_trait]
impl MailOutboxStore for MongoStorage {
    async fn claim_mails(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxMail>, StoreError> {
        let claim = Claim {
            of: MAILS,
            due: "due_at",
            order: doc! { "due_at": 1 },
            now,
            until: lease_until,
            limit,
        };
        self.claim(&claim).await?.iter().map(to_mail).collect()
    }

    async fn find_mail(&self, id: MailId) -> Result<Option<OutboxMail>, StoreError> {
        let found = self.find_one(MAILS, doc! { "_id": id.to_string() }).await?;
        found.as_ref().map(to_mail).transpose()
    }

    async fn list_mails(
        &self,
        after: Option<MailId>,
        limit: usize,
    ) -> Result<Vec<OutboxMail>, StoreError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let filter = doc! { "_id": { "$gt": after } };
        let page = Page { of: MAILS, filter, order: doc! { "_id": 1 }, limit };
        self.list(page).await?.iter().map(to_mail).collect()
    }

    async fn replace_mail(
        &self,
        mail: &OutboxMail,
        due_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let id = mail.mail.id.to_string();
        let mut operation = Operation::traced(MAILS, id.as_str());
        let mut fields = doc! {
            "sealed_values": binary(&mail.mail.sealed_values),
            "state": mail.state.name(),
            "attempts": i64::from(mail.attempts),
            "due_at": mail.due_at.unix_ms(),
            "operation": operation.id,
        };
        let change = if let Some(error) = &mail.last_error {
            fields.insert("last_error", error);
            doc! { "$set": fields }
        } else {
            doc! { "$set": fields, "$unset": { "last_error": "" } }
        };
        operation.push(Step::Update {
            of: MAILS,
            filter: doc! { "_id": id, "due_at": due_at.unix_ms() },
            change,
            guard: Some(Guard::Record),
        });
        replaced(self.write(operation).await?)
    }

    async fn replace_mail_values(
        &self,
        id: MailId,
        values: &Resealed,
    ) -> Result<Replaced, StoreError> {
        let id = id.to_string();
        // Whoever claims mails finds them by `operation`.
        let mut operation = Operation::traced(MAILS, id.as_str()).traced_by("resealed_by");
        let fields = doc! { "sealed_values": binary(&values.new), "resealed_by": operation.id };
        operation.push(Step::Update {
            of: MAILS,
            filter: doc! { "_id": id, "sealed_values": binary(&values.old) },
            change: doc! { "$set": fields },
            guard: Some(Guard::Record),
        });
        replaced(self.write(operation).await?)
    }

    async fn delete_mail(&self, id: MailId) -> Result<(), StoreError> {
        self.delete(MAILS, doc! { "_id": id.to_string() }).await.map(|_| ())
    }

    async fn delete_mails_of(&self, user: &UserId, limit: usize) -> Result<usize, StoreError> {
        let filter = doc! { "user_id": user.as_str() };
        let page = Page { of: MAILS, filter, order: doc! { "user_id": 1 }, limit };
        in_time(self.sweep_page(page)).await.map(|swept| swept.deleted)
    }
}

fn to_mail(document: &Document) -> Result<OutboxMail, StoreError> {
    let fields = Fields(document);
    let mail = QueuedMail {
        id: parsed("mail id", MailId::parse(fields.text("_id")?))?,
        user: fields.optional_user("user_id")?,
        template: known("mail template", MailTemplate::parse(fields.text("template")?))?,
        recipient: parsed("recipient", EmailAddress::parse(fields.text("recipient")?))?,
        sealed_values: fields.bytes("sealed_values")?.into(),
        created_at: fields.moment("created_at")?,
        expires_at: fields.moment("expires_at")?,
    };
    Ok(OutboxMail {
        mail,
        state: known("state of a mail", MailState::parse(fields.text("state")?))?,
        attempts: fields.small_counter("attempts")?,
        due_at: fields.moment("due_at")?,
        last_error: fields.optional_text("last_error")?.map(str::to_owned),
    })
}
