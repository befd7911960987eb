use std::sync::Arc;
use std::time::Duration;

use contracts::{BoxError, EventSink, OutboxEvent};

use crate::Service;
use crate::failure::Failure;
use crate::nobody::is_nobody;

/// Events that are taken at once.
const BATCH: usize = 100;
/// How long a relay that dies keeps others from its events.
const LEASE: Duration = Duration::from_secs(30);
/// When no other event is begun with: the one under way has the rest of the lease.
const TURN: Duration = Duration::from_secs(20);
/// Published events that are deleted at once, and at most published again if the relay dies.
const DELETED_AT_ONCE: usize = 20;

/// What one turn of the relay did.
#[derive(Debug, Default)]
pub struct Relayed {
    /// Events that every sink took.
    pub published: usize,
    /// Whether there may be more waiting that can be taken now.
    pub has_more: bool,
    /// The last refusal; its event is offered again after its lease.
    pub refusal: Option<BoxError>,
}

impl Service {
    /// Publishes the oldest waiting events to all sinks, at least once each. A sink that refuses an
    /// event keeps it from no other; it is offered to all of them again after its lease.
    pub async fn relay(&self, sinks: &[Arc<dyn EventSink>]) -> Result<Relayed, Failure> {
        let began = self.clock.now();
        let events = self.stores.outbox.claim_events(began, began.plus(LEASE), BATCH).await?;
        let mut relayed = Relayed { has_more: events.len() == BATCH, ..Relayed::default() };
        for events in events.chunks(DELETED_AT_ONCE) {
            let mut published = Vec::with_capacity(events.len());
            for event in events {
                if self.clock.now() >= began.plus(TURN) {
                    relayed.has_more = true;
                    break;
                }
                match publish(event, sinks).await {
                    None => published.push(event.id),
                    refusal => relayed.refusal = refusal,
                }
            }
            if !published.is_empty() {
                self.stores.outbox.delete_events(&published).await?;
                relayed.published += published.len();
            }
        }
        Ok(relayed)
    }
}

/// Why some sink did not take the event.
async fn publish(event: &OutboxEvent, sinks: &[Arc<dyn EventSink>]) -> Option<BoxError> {
    let sinks = if event.subject.as_ref().is_some_and(is_nobody) { &[] } else { sinks };
    let mut refusal = None;
    for sink in sinks {
        if let Err(error) = sink.publish(event).await {
            refusal = Some(error.0);
        }
    }
    refusal
}
