//! Where events go: so far the log.

use async_trait::async_trait;
use contracts::{EventSink, OutboxEvent, PublishError};

/// Writes each event's name and ids to the log, and nothing of its data: logs hold no addresses of
/// people.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogSink;

#[async_trait]
impl EventSink for LogSink {
    async fn publish(&self, event: &OutboxEvent) -> Result<(), PublishError> {
        tracing::info!(
            event.id = %event.id,
            event.type = event.name,
            event.subject = event.subject.as_ref().map(tracing::field::display),
            event.time_ms = event.at.unix_ms(),
            "event"
        );
        Ok(())
    }
}
