use async_trait::async_trait;
use contracts::{OutboxEvent, OutboxStore, StoreError};
use domain::{EventId, Timestamp};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};

use crate::MongoStorage;
use crate::attempts::in_time;
use crate::collections::OUTBOX;
use crate::documents::{Fields, parsed};
use crate::notices::event;
use crate::operation::{Operation, Step, Written};
use crate::outcomes::unexpected;
use crate::reads::Page;

/// How often a claim looks again where others were quicker: an answer of nothing means that nothing
/// waits.
pub(crate) const CLAIMS_MAX: u32 = 4;

#[async_trait]
impl OutboxStore for MongoStorage {
    async fn insert_events(&self, events: &[OutboxEvent]) -> Result<(), StoreError> {
        let Some(first) = events.first() else { return Ok(()) };
        let mut operation = Operation::insertion(OUTBOX, first.id.to_string(), "inserted_by");
        let mut documents: Vec<Document> = events.iter().map(event).collect();
        if let Some(first) = documents.first_mut() {
            first.insert("inserted_by", operation.id);
        }
        operation.push(Step::Insert { into: OUTBOX, documents });
        match self.write(operation).await? {
            Written::Done => Ok(()),
            refused => Err(unexpected(refused)),
        }
    }

    async fn claim_events(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxEvent>, StoreError> {
        let claim = Claim {
            of: OUTBOX,
            due: "lease_until",
            // By id, which is by age: an event that failed is not overtaken for ever by newer ones.
            order: doc! { "_id": 1 },
            now,
            until: lease_until,
            limit,
        };
        let claimed = self.claim(&claim).await?;
        claimed.iter().map(to_event).collect()
    }

    async fn delete_events(&self, ids: &[EventId]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = ids.iter().map(EventId::to_string).collect();
        self.delete(OUTBOX, doc! { "_id": { "$in": ids } }).await.map(|_| ())
    }
}

/// Which documents somebody wants to themselves for a while.
pub(crate) struct Claim {
    pub(crate) of: &'static str,
    /// The field that holds from when on a document may be claimed.
    pub(crate) due: &'static str,
    pub(crate) order: Document,
    pub(crate) now: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) limit: usize,
}

impl MongoStorage {
    /// Finds what is due, marks it as ours where it still is, and gives what bears the mark. Each
    /// document is marked by one caller; what a caller marks and never hears of is due again later.
    pub(crate) async fn claim(&self, claim: &Claim) -> Result<Vec<Document>, StoreError> {
        in_time(async {
            for _ in 0..CLAIMS_MAX {
                let due = doc! { claim.due: { "$lte": claim.now.unix_ms() } };
                let page = |filter, limit| Page {
                    of: claim.of,
                    filter,
                    order: claim.order.clone(),
                    limit,
                };
                let ids = self.list_ids(page(due.clone(), claim.limit)).await?;
                if ids.is_empty() {
                    break;
                }
                let (count, mine) = (ids.len(), doc! { "_id": { "$in": ids } });
                let operation = ObjectId::new();
                let mut wanted = due;
                wanted.extend(mine.clone());
                let mark =
                    doc! { "$set": { claim.due: claim.until.unix_ms(), "operation": operation } };
                self.update_all(claim.of, wanted, mark).await?;
                let mut marked = mine;
                marked.insert("operation", operation);
                let claimed = self.list(page(marked, count)).await?;
                if !claimed.is_empty() {
                    return Ok(claimed);
                }
            }
            Ok(Vec::new())
        })
        .await
    }
}

fn to_event(document: &Document) -> Result<OutboxEvent, StoreError> {
    let fields = Fields(document);
    Ok(OutboxEvent {
        id: parsed("event id", EventId::parse(fields.text("_id")?))?,
        name: fields.text("name")?.to_owned(),
        subject: fields.optional_user("user_id")?,
        at: fields.moment("at")?,
        envelope: fields.text("envelope")?.to_owned(),
    })
}
