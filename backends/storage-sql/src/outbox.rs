use async_trait::async_trait;
use contracts::{OutboxEvent, OutboxStore, StoreError};
use domain::{EventId, Timestamp};

use crate::SqlStorage;
use crate::dialect::CLAIM_EVENTS;
use crate::notices::{insert_event, to_subject};
use crate::outcomes::unexpected;
use crate::rows::parsed;
use crate::statement::{RowReader, Statement, Written};

const DELETE_EVENT: &str = "DELETE FROM outbox WHERE id = $1";

#[cfg(test)]
pub(crate) const STATEMENTS: &[&str] = &[DELETE_EVENT];

#[async_trait]
impl OutboxStore for SqlStorage {
    async fn insert_events(&self, events: &[OutboxEvent]) -> Result<(), StoreError> {
        self.write_all(events.iter().map(insert_event).collect()).await
    }

    async fn claim_events(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxEvent>, StoreError> {
        let parameters = [lease_until.into(), now.into(), limit.into()];
        let statement = Statement::new(CLAIM_EVENTS, parameters);
        let mut events = self.engine.write_returning(statement, to_event).await?;
        events.sort_by_key(|event| event.id);
        Ok(events)
    }

    async fn delete_events(&self, ids: &[EventId]) -> Result<(), StoreError> {
        let delete = |id: &EventId| Statement::new(DELETE_EVENT, [id.to_string().into()]);
        self.write_all(ids.iter().map(delete).collect()).await
    }
}

impl SqlStorage {
    pub(crate) async fn write_all(&self, statements: Vec<Statement>) -> Result<(), StoreError> {
        match self.engine.write(statements).await? {
            Written::Done => Ok(()),
            refused => Err(unexpected(&refused)),
        }
    }
}

fn to_event(row: &mut RowReader<'_>) -> Result<OutboxEvent, StoreError> {
    Ok(OutboxEvent {
        id: parsed("event id", EventId::parse(row.text("event id")?))?,
        name: row.text("event name")?.to_owned(),
        subject: parsed("event subject", to_subject(row.text("event subject")?))?,
        at: row.moment("event time")?,
        envelope: row.text("event envelope")?.to_owned(),
    })
}
