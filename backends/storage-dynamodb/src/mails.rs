use async_trait::async_trait;
use contracts::{
    MailOutboxStore, MailState, OutboxMail, QueuedMail, Replaced, Resealed, StoreError,
};
use domain::{EmailAddress, MailId, MailTemplate, Timestamp, UserId};
use tokio::time::Instant;

use crate::DynamoStorage;
use crate::claim::Lease;
use crate::fields::{Fields, bytes, counter, moment, text};
use crate::operation::within;
use crate::query::{Range, key_of};
use crate::row::{Item, Row, known, parsed};
use crate::sweep::PATIENCE;
use crate::table::{Key, Kind, mail_partition, owner_list};
use crate::write::{Action, Written};

#[async_trait]
impl MailOutboxStore for DynamoStorage {
    async fn claim_mails(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxMail>, StoreError> {
        let claimed = within(self.claim_longest_due(now, lease_until, limit)).await?;
        claimed.iter().map(to_mail).collect()
    }

    async fn find_mail(&self, id: MailId) -> Result<Option<OutboxMail>, StoreError> {
        within(self.find(&Key::mail(id))).await?.as_ref().map(to_mail).transpose()
    }

    async fn list_mails(
        &self,
        after: Option<MailId>,
        limit: usize,
    ) -> Result<Vec<OutboxMail>, StoreError> {
        let after = after.map(|id| id.to_string());
        let range = |shard| Range::of(mail_partition(shard)).after(after.as_deref());
        let items = within(self.list_shards(range, limit)).await?;
        let mut mails = items.iter().map(to_mail).collect::<Result<Vec<_>, _>>()?;
        mails.sort_by_key(|mail| mail.mail.id);
        mails.truncate(limit);
        Ok(mails)
    }

    async fn replace_mail(
        &self,
        mail: &OutboxMail,
        due_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let fields = due(mail.due_at)
            .with("sealed_values", bytes(&mail.mail.sealed_values))
            .with("state", text(mail.state.name()))
            .with("attempts", counter(mail.attempts.into()))
            .maybe("last_error", mail.last_error.as_deref().map(text));
        let action = Action::update(Key::mail(mail.mail.id), fields)
            .when("#due_at_ms = :due_at")
            .value(":due_at", moment(due_at));
        match within(self.write(action)).await? {
            Written::Done(_) => Ok(Replaced::Yes),
            Written::Unmet(_) => Ok(Replaced::Stale),
        }
    }

    async fn replace_mail_values(
        &self,
        id: MailId,
        values: &Resealed,
    ) -> Result<Replaced, StoreError> {
        let fields = Fields::default().with("sealed_values", bytes(&values.new));
        let action = Action::update(Key::mail(id), fields)
            .when("#sealed_values = :old")
            .value(":old", bytes(&values.old));
        match within(self.write(action)).await? {
            Written::Done(_) => Ok(Replaced::Yes),
            Written::Unmet(_) => Ok(Replaced::Stale),
        }
    }

    async fn delete_mail(&self, id: MailId) -> Result<(), StoreError> {
        within(self.write(Action::delete(Key::mail(id)))).await.map(|_| ())
    }

    async fn delete_mails_of(&self, user: &UserId, limit: usize) -> Result<usize, StoreError> {
        within(self.delete_of(user, limit)).await
    }
}

impl DynamoStorage {
    async fn claim_longest_due(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let lease = Lease { fields: due(lease_until), condition: "#due_at_ms <= :now", now };
        let due = |limit| async move {
            let due = self.list_due(Kind::Mail, now, limit).await?;
            Ok(due.into_iter().map(|(_, key)| key).collect())
        };
        self.claim(limit, lease, due).await
    }

    async fn delete_of(&self, user: &UserId, limit: usize) -> Result<usize, StoreError> {
        let mails = self.list(&Range::listed(owner_list(user), None), limit).await?;
        let mut actions = Vec::new();
        for mail in &mails {
            actions.push(Action::delete(key_of(mail)?));
        }
        self.delete_each(actions, Instant::now() + PATIENCE).await
    }
}

/// When a mail is due, for the index too: its shard stays what it was.
fn due(at: Timestamp) -> Fields {
    Fields::default().with("due_at_ms", moment(at)).with("GSI1SK", moment(at))
}

fn to_mail(item: &Item) -> Result<OutboxMail, StoreError> {
    let row = Row(item);
    let mail = QueuedMail {
        id: parsed("mail id", MailId::parse(row.text("id")?))?,
        user: row.optional_user("user")?,
        template: known("mail template", MailTemplate::parse(row.text("template")?))?,
        recipient: parsed("recipient", EmailAddress::parse(row.text("recipient")?))?,
        sealed_values: row.bytes("sealed_values")?,
        created_at: row.moment("created_at_ms")?,
        expires_at: row.moment("expires_at_ms")?,
    };
    Ok(OutboxMail {
        mail,
        state: known("state of a mail", MailState::parse(row.text("state")?))?,
        attempts: row.small_counter("attempts")?,
        due_at: row.moment("due_at_ms")?,
        last_error: row.optional_text("last_error")?.map(str::to_owned),
    })
}
