use async_trait::async_trait;
use contracts::{Inserted, Record, RecordStore, Replaced, StoreError};
use mongodb::bson::doc;

use crate::MongoStorage;
use crate::collections::RECORDS;
use crate::documents::{Fields, binary, counter};
use crate::operation::{Guard, Operation, Step, Written};
use crate::outcomes::{replaced, unexpected};

#[async_trait]
impl RecordStore for MongoStorage {
    async fn find_record(&self, name: &str) -> Result<Option<Record>, StoreError> {
        let Some(found) = self.find_one(RECORDS, doc! { "_id": name }).await? else {
            return Ok(None);
        };
        let fields = Fields(&found);
        let (version, content) = (fields.counter("version")?, fields.bytes("content")?.into());
        Ok(Some(Record { version, content }))
    }

    async fn insert_record(&self, name: &str, content: &[u8]) -> Result<Inserted, StoreError> {
        let mut operation = Operation::traced(RECORDS, name);
        let record = doc! {
            "_id": name,
            "version": 1_i64,
            "content": binary(content),
            "operation": operation.id,
        };
        operation.push(Step::Insert { into: RECORDS, documents: vec![record] });
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
        replaced(self.write(operation).await?)
    }
}
