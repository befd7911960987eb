use async_trait::async_trait;
use aws_sdk_dynamodb::types::{DeleteRequest, WriteRequest};
use contracts::{OutboxEvent, OutboxStore, StoreError};
use domain::{EventId, Timestamp};

use crate::DynamoStorage;
use crate::claim::Lease;
use crate::failure::{failed, malformed, unavailable};
use crate::fields::{Fields, moment};
use crate::notices::insert_event;
use crate::operation::{TURNS_MAX, wait, within};
use crate::query::{Range, key_of};
use crate::row::{Item, Row, parsed};
use crate::table::{Key, outbox_partition};
use crate::transaction::{ACTIONS_MAX, Transaction};

/// The most deletions of one batch.
const BATCH_MAX: usize = 25;

#[async_trait]
impl OutboxStore for DynamoStorage {
    async fn insert_events(&self, events: &[OutboxEvent]) -> Result<(), StoreError> {
        within(self.keep_events(events)).await
    }

    async fn claim_events(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxEvent>, StoreError> {
        let mut events = Vec::new();
        for item in within(self.claim_oldest(now, lease_until, limit)).await? {
            events.push(to_event(&item)?);
        }
        events.sort_by_key(|event| event.id);
        Ok(events)
    }

    async fn delete_events(&self, ids: &[EventId]) -> Result<(), StoreError> {
        within(self.drop_events(ids)).await
    }
}

impl DynamoStorage {
    async fn keep_events(&self, events: &[OutboxEvent]) -> Result<(), StoreError> {
        if let [event] = events {
            return self.write(insert_event(event)).await.map(|_| ());
        }
        for events in events.chunks(ACTIONS_MAX) {
            let insert = Transaction::default().all(events.iter().map(insert_event));
            self.transact_all(insert).await?;
        }
        Ok(())
    }

    /// The ids of waiting events sort by age, so a walk through them past what is leased sorts no
    /// backlog, and an event that failed is not overtaken for ever by newer ones.
    async fn claim_oldest(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let fields = Fields::default().with("lease_until_ms", moment(lease_until));
        let lease = Lease { fields, condition: "#lease_until_ms <= :now", now };
        self.claim(limit, lease, |limit| self.list_waiting(now, limit)).await
    }

    async fn list_waiting(&self, now: Timestamp, limit: usize) -> Result<Vec<Key>, StoreError> {
        let range = |shard| {
            Range::of(outbox_partition(shard))
                .filter("#lease_until_ms <= :now")
                .value(":now", moment(now))
        };
        let mut keys = Vec::new();
        for item in self.list_shards(range, limit).await? {
            keys.push(key_of(&item)?);
        }
        keys.sort_by(|one, other| one.sk.cmp(&other.sk));
        keys.truncate(limit);
        Ok(keys)
    }

    async fn drop_events(&self, ids: &[EventId]) -> Result<(), StoreError> {
        let mut keys: Vec<Key> = ids.iter().map(|id| Key::event(*id)).collect();
        // No two requests of a batch may be about one item.
        keys.sort_by(|one, other| (&one.pk, &one.sk).cmp(&(&other.pk, &other.sk)));
        keys.dedup();
        for batch in keys.chunks(BATCH_MAX) {
            let requests = batch.iter().map(delete_request).collect::<Result<_, _>>()?;
            self.write_batch(requests).await?;
        }
        Ok(())
    }

    async fn write_batch(&self, mut left: Vec<WriteRequest>) -> Result<(), StoreError> {
        for turn in 1..=TURNS_MAX {
            let request = self.client.batch_write_item().request_items(&*self.table, left);
            let output = request.send().await.map_err(|error| failed(&error))?;
            let rest = output.unprocessed_items.and_then(|mut rest| rest.remove(&*self.table));
            match rest.filter(|rest| !rest.is_empty()) {
                None => return Ok(()),
                Some(rest) => left = rest,
            }
            wait(&self.table, turn).await;
        }
        Err(unavailable("the table takes only a part of what it was given"))
    }
}

fn delete_request(key: &Key) -> Result<WriteRequest, StoreError> {
    let request = DeleteRequest::builder().set_key(Some(key.item())).build();
    let request = request.map_err(|_| malformed("key", "something is missing"))?;
    Ok(WriteRequest::builder().delete_request(request).build())
}

fn to_event(item: &Item) -> Result<OutboxEvent, StoreError> {
    let row = Row(item);
    Ok(OutboxEvent {
        id: parsed("event id", EventId::parse(row.text("id")?))?,
        name: row.text("name")?.to_owned(),
        subject: row.optional_user("subject")?,
        at: row.moment("at_ms")?,
        envelope: row.text("envelope")?.to_owned(),
    })
}
