use async_trait::async_trait;
use contracts::{Inserted, OutboxEvent, Record, RecordStore, Replaced, StoreError};

use crate::DynamoStorage;
use crate::fields::{Fields, bytes, counter, number};
use crate::notices::insert_event;
use crate::operation::within;
use crate::query::Range;
use crate::row::{Item, Row};
use crate::table::{Key, RECORD_LIST};
use crate::transaction::{Guard, Transacted, Transaction};
use crate::write::{Action, Written};

#[async_trait]
impl RecordStore for DynamoStorage {
    async fn find_record(&self, name: &str) -> Result<Option<Record>, StoreError> {
        let Some(item) = within(self.find(&Key::record(name))).await? else { return Ok(None) };
        to_record(&item).map(Some)
    }

    async fn list_records(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Record)>, StoreError> {
        within(self.list_named(after, limit)).await
    }

    async fn insert_record(
        &self,
        name: &str,
        content: &[u8],
        events: &[OutboxEvent],
    ) -> Result<Inserted, StoreError> {
        let fields = content_fields(name, content).with("version", number(1));
        let action = Action::insert(&Key::record(name), fields);
        let is_inserted = within(self.write_telling(action, events)).await?;
        Ok(if is_inserted { Inserted::Yes } else { Inserted::Exists })
    }

    async fn replace_record(
        &self,
        name: &str,
        version: u64,
        content: &[u8],
        events: &[OutboxEvent],
    ) -> Result<Replaced, StoreError> {
        let action = Action::update(Key::record(name), content_fields(name, content))
            .add("version", number(1))
            .when("#version = :version")
            .value(":version", counter(version));
        let is_replaced = within(self.write_telling(action, events)).await?;
        Ok(if is_replaced { Replaced::Yes } else { Replaced::Stale })
    }
}

fn content_fields(name: &str, content: &[u8]) -> Fields {
    Fields::default().with("content", bytes(content)).listed(RECORD_LIST.to_owned(), name)
}

fn to_record(item: &Item) -> Result<Record, StoreError> {
    let row = Row(item);
    Ok(Record { version: row.counter("version")?, content: row.bytes("content")? })
}

impl DynamoStorage {
    /// The index says which there are, and the table what they hold.
    async fn list_named(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Record)>, StoreError> {
        let mut records = Vec::new();
        for listed in self.list(&Range::listed(RECORD_LIST, after), limit).await? {
            let name = Row(&listed).text("GSI2SK")?;
            if let Some(item) = self.find(&Key::record(name)).await? {
                records.push((name.to_owned(), to_record(&item)?));
            }
        }
        Ok(records)
    }

    /// Makes a change with its events. Returns whether its condition held.
    async fn write_telling(
        &self,
        action: Action,
        events: &[OutboxEvent],
    ) -> Result<bool, StoreError> {
        if events.is_empty() {
            return Ok(matches!(self.write(action).await?, Written::Done(_)));
        }
        let transaction = Transaction::default()
            .guarded(Guard::Record, action)
            .all(events.iter().map(insert_event));
        match self.transact(transaction).await? {
            Transacted::Done => Ok(true),
            Transacted::Refused(refusals) if refusals.has(Guard::Record) => Ok(false),
            Transacted::Refused(refusals) => Err(refusals.unexpected()),
        }
    }
}
