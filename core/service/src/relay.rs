use std::sync::Arc;
use std::time::Duration;

use contracts::{BoxError, EventSink};

use crate::Service;
use crate::failure::Failure;
use crate::nobody::is_nobody;

/// Events that are taken at once.
const BATCH: usize = 100;
/// How long a relay that dies keeps others from its events.
const LEASE: Duration = Duration::from_secs(30);

/// What one turn of the relay did.
#[derive(Debug, Default)]
pub struct Relayed {
    /// Events that every sink took.
    pub published: usize,
    /// Whether there may be more waiting.
    pub has_more: bool,
    /// The last refusal; its event is offered again after its lease.
    pub refusal: Option<BoxError>,
}

impl Service {
    /// Publishes the oldest waiting events to all sinks, at least once each.
    pub async fn relay(&self, sinks: &[Arc<dyn EventSink>]) -> Result<Relayed, Failure> {
        let now = self.clock.now();
        let events = self.stores.outbox.claim_events(now, now.plus(LEASE), BATCH).await?;
        let mut relayed = Relayed { has_more: events.len() == BATCH, ..Relayed::default() };
        let mut published = Vec::with_capacity(events.len());
        'events: for event in &events {
            let sinks = if is_nobody(&event.subject) { &[] } else { sinks };
            for sink in sinks {
                if let Err(error) = sink.publish(event).await {
                    relayed.refusal = Some(error.0);
                    continue 'events;
                }
            }
            published.push(event.id);
        }
        if !published.is_empty() {
            self.stores.outbox.delete_events(&published).await?;
        }
        relayed.published = published.len();
        Ok(relayed)
    }
}
