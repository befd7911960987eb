use async_trait::async_trait;
use domain::{EventId, Timestamp, UserId};

use crate::{BoxError, QueuedMail, StoreError};

/// An event as it waits to be published: written in the same operation as the change it tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxEvent {
    /// Names the event.
    pub id: EventId,
    /// The event's type, such as `user.created`.
    pub name: String,
    /// The user it is about; none, if it is about the deployment itself.
    pub subject: Option<UserId>,
    /// When it happened.
    pub at: Timestamp,
    /// The envelope as consumers get it: JSON.
    pub envelope: String,
}

/// Whom a change tells what: written in the same operation as the change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notices {
    /// For whoever follows events.
    pub events: Vec<OutboxEvent>,
    /// For people.
    pub mails: Vec<QueuedMail>,
}

/// Hands waiting events to the relay.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// Keeps events that no change of a record goes with.
    async fn insert_events(&self, events: &[OutboxEvent]) -> Result<(), StoreError>;

    /// Takes up to `limit` of the oldest events whose lease has run out by `now`, and leases them
    /// until `lease_until`. Of several relays at once, one gets each event.
    async fn claim_events(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxEvent>, StoreError>;

    /// Removes events that were published; already gone is success.
    async fn delete_events(&self, ids: &[EventId]) -> Result<(), StoreError>;
}

/// A destination did not take an event; it will be offered again.
#[derive(Debug, thiserror::Error)]
#[error("the event was not taken")]
pub struct PublishError(#[source] pub BoxError);

/// Where events go.
#[async_trait]
pub trait EventSink: Send + Sync {
    /// Delivers one event. It may be offered more than once.
    async fn publish(&self, event: &OutboxEvent) -> Result<(), PublishError>;
}
