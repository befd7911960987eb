use async_trait::async_trait;
use contracts::{Inserted, OutboxEvent, Record, RecordStore, Replaced, StoreError};

use crate::SqlStorage;
use crate::notices::insert_event;
use crate::outcomes::{replaced, unexpected};
use crate::statement::{RowReader, Statement, Written};

const FIND_RECORD: &str = "SELECT version, content FROM records WHERE name = $1";

const LIST_RECORDS: &str =
    "SELECT name, version, content FROM records WHERE name > $1 ORDER BY name LIMIT $2";

const INSERT_RECORD: &str = "
    INSERT INTO records (name, version, content) VALUES ($1, 1, $2) ON CONFLICT DO NOTHING";

const REPLACE_RECORD: &str = "
    UPDATE records SET version = version + 1, content = $1 WHERE name = $2 AND version = $3";

#[cfg(test)]
pub(crate) const STATEMENTS: &[&str] = &[FIND_RECORD, LIST_RECORDS, INSERT_RECORD, REPLACE_RECORD];

#[async_trait]
impl RecordStore for SqlStorage {
    async fn find_record(&self, name: &str) -> Result<Option<Record>, StoreError> {
        let statement = Statement::new(FIND_RECORD, [name.into()]);
        self.engine
            .read(&statement, None, |record, row| {
                *record = Some(to_record(row)?);
                Ok(())
            })
            .await
    }

    async fn list_records(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Record)>, StoreError> {
        let parameters = [after.unwrap_or_default().into(), limit.into()];
        let statement = Statement::new(LIST_RECORDS, parameters);
        self.engine
            .read(&statement, Vec::new(), |records, row| {
                records.push((row.text("name of a record")?.to_owned(), to_record(row)?));
                Ok(())
            })
            .await
    }

    async fn insert_record(
        &self,
        name: &str,
        content: &[u8],
        events: &[OutboxEvent],
    ) -> Result<Inserted, StoreError> {
        let insert = Statement::new(INSERT_RECORD, [name.into(), content.into()]).guard();
        match self.engine.write(with_events(insert, events)).await? {
            Written::Done => Ok(Inserted::Yes),
            Written::Unmet(_) => Ok(Inserted::Exists),
            refused @ Written::Conflict(_) => Err(unexpected(&refused)),
        }
    }

    async fn replace_record(
        &self,
        name: &str,
        version: u64,
        content: &[u8],
        events: &[OutboxEvent],
    ) -> Result<Replaced, StoreError> {
        let parameters = [content.into(), name.into(), version.into()];
        let replace = Statement::new(REPLACE_RECORD, parameters).guard();
        replaced(&self.engine.write(with_events(replace, events)).await?)
    }
}

fn to_record(row: &mut RowReader<'_>) -> Result<Record, StoreError> {
    Ok(Record { version: row.counter("version")?, content: row.bytes("content")? })
}

fn with_events(change: Statement, events: &[OutboxEvent]) -> Vec<Statement> {
    std::iter::once(change).chain(events.iter().map(insert_event)).collect()
}
