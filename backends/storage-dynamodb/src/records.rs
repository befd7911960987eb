use async_trait::async_trait;
use contracts::{Inserted, Record, RecordStore, Replaced, StoreError};

use crate::DynamoStorage;
use crate::fields::{Fields, bytes, counter, number};
use crate::operation::within;
use crate::row::Row;
use crate::table::Key;
use crate::write::{Action, Written};

#[async_trait]
impl RecordStore for DynamoStorage {
    async fn find_record(&self, name: &str) -> Result<Option<Record>, StoreError> {
        let Some(item) = within(self.find(&Key::record(name))).await? else { return Ok(None) };
        let row = Row(&item);
        Ok(Some(Record { version: row.counter("version")?, content: row.bytes("content")? }))
    }

    async fn insert_record(&self, name: &str, content: &[u8]) -> Result<Inserted, StoreError> {
        let fields = Fields::default().with("version", number(1)).with("content", bytes(content));
        match within(self.write(Action::insert(&Key::record(name), fields))).await? {
            Written::Done(_) => Ok(Inserted::Yes),
            Written::Unmet(_) => Ok(Inserted::Exists),
        }
    }

    async fn replace_record(
        &self,
        name: &str,
        version: u64,
        content: &[u8],
    ) -> Result<Replaced, StoreError> {
        let action =
            Action::update(Key::record(name), Fields::default().with("content", bytes(content)))
                .add("version", number(1))
                .when("#version = :version")
                .value(":version", counter(version));
        match within(self.write(action)).await? {
            Written::Done(_) => Ok(Replaced::Yes),
            Written::Unmet(_) => Ok(Replaced::Stale),
        }
    }
}
