use async_trait::async_trait;
use contracts::{Inserted, Record, RecordStore, Replaced, StoreError};

use crate::SqlStorage;
use crate::outcomes::unexpected;
use crate::statement::{Statement, Written};

const FIND_RECORD: &str = "SELECT version, content FROM records WHERE name = $1";

const INSERT_RECORD: &str = "
    INSERT INTO records (name, version, content) VALUES ($1, 1, $2) ON CONFLICT DO NOTHING";

const REPLACE_RECORD: &str = "
    UPDATE records SET version = version + 1, content = $1 WHERE name = $2 AND version = $3";

#[cfg(test)]
pub(crate) const STATEMENTS: &[&str] = &[FIND_RECORD, INSERT_RECORD, REPLACE_RECORD];

#[async_trait]
impl RecordStore for SqlStorage {
    async fn find_record(&self, name: &str) -> Result<Option<Record>, StoreError> {
        let statement = Statement::new(FIND_RECORD, [name.into()]);
        self.engine
            .read(&statement, None, |record, row| {
                *record = Some(Record {
                    version: row.counter("version")?,
                    content: row.bytes("content")?,
                });
                Ok(())
            })
            .await
    }

    async fn insert_record(&self, name: &str, content: &[u8]) -> Result<Inserted, StoreError> {
        let statement = Statement::new(INSERT_RECORD, [name.into(), content.into()]).guard();
        match self.engine.write(vec![statement]).await? {
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
    ) -> Result<Replaced, StoreError> {
        let parameters = [content.into(), name.into(), version.into()];
        let statement = Statement::new(REPLACE_RECORD, parameters).guard();
        match self.engine.write(vec![statement]).await? {
            Written::Done => Ok(Replaced::Yes),
            Written::Unmet(_) => Ok(Replaced::Stale),
            refused @ Written::Conflict(_) => Err(unexpected(&refused)),
        }
    }
}
