use async_trait::async_trait;
use contracts::{Inserted, OutboxEvent, Record, RecordStore, Replaced, StoreError};
use mongodb::bson::doc;

use crate::MongoStorage;
use crate::collections::RECORDS;
use crate::documents::{Fields, binary, counter};
use crate::notices::insert_events;
use crate::operation::{Guard, Operation, Step, Written};
use crate::outcomes::{replaced, unexpected};
use crate::reads::Page;

#[async_trait]
impl RecordStore for MongoStorage {
    async fn find_record(&self, name: &str) -> Result<Option<Record>, StoreError> {
        let Some(found) = self.find_one(RECORDS, doc! { "_id": name }).await? else {
            return Ok(None);
        };
        to_record(&Fields(&found)).map(Some)
    }

    async fn list_records(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Record)>, StoreError> {
        let filter = doc! { "_id": { "$gt": after.unwrap_or_default() } };
        let page = Page { of: RECORDS, filter, order: doc! { "_id": 1 }, limit };
        let mut records = Vec::new();
        for found in self.list(page).await? {
            let fields = Fields(&found);
            records.push((fields.text("_id")?.to_owned(), to_record(&fields)?));
        }
        Ok(records)
    }

    async fn insert_record(
        &self,
        name: &str,
        content: &[u8],
        events: &[OutboxEvent],
    ) -> Result<Inserted, StoreError> {
        let mut operation = Operation::traced(RECORDS, name);
        let record = doc! {
            "_id": name,
            "version": 1_i64,
            "content": binary(content),
            "operation": operation.id,
        };
        operation.push(Step::Insert { into: RECORDS, documents: vec![record] });
        operation.extend(insert_events(events));
        match self.write(operation).await? {
            Written::Done => Ok(Inserted::Yes),
            Written::Duplicate => Ok(Inserted::Exists),
            unmet @ Written::Unmet(_) => Err(unexpected(unmet)),
        }
    }

    async fn replace_record(
        &self,
        name: &str,
        version: u64,
        content: &[u8],
        events: &[OutboxEvent],
    ) -> Result<Replaced, StoreError> {
        let mut operation = Operation::traced(RECORDS, name);
        let change = doc! {
            "$inc": { "version": 1_i64 },
            "$set": { "content": binary(content), "operation": operation.id },
        };
        operation.push(Step::Update {
            of: RECORDS,
            filter: doc! { "_id": name, "version": counter(version) },
            change,
            guard: Some(Guard::Record),
        });
        operation.extend(insert_events(events));
        replaced(self.write(operation).await?)
    }
}

fn to_record(fields: &Fields<'_>) -> Result<Record, StoreError> {
    let (version, content) = (fields.counter("version")?, fields.bytes("content")?.into());
    Ok(Record { version, content })
}
