//! What goes on beside requests: publishing events, and sweeping rows that serve nobody any more.

use std::sync::Arc;
use std::time::Duration;

use contracts::EventSink;
use service::Service;
use tokio::time::sleep;

const RELAY_EVERY: Duration = Duration::from_secs(1);
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// Publishes waiting events for as long as it is polled.
pub(crate) async fn relay(service: Arc<Service>, sinks: Vec<Arc<dyn EventSink>>) {
    loop {
        let has_more = match service.relay(&sinks).await {
            Ok(relayed) => {
                if let Some(refusal) = relayed.refusal {
                    tracing::warn!(cause = %refusal, "an event was not taken; it is offered again");
                }
                relayed.has_more && relayed.published > 0
            }
            Err(error) => {
                tracing::warn!(cause = %error, "events could not be relayed");
                false
            }
        };
        if !has_more {
            sleep(RELAY_EVERY).await;
        }
    }
}

/// Sweeps for as long as it is polled.
pub(crate) async fn sweep(service: Arc<Service>) {
    loop {
        match service.sweep().await {
            Ok(0) => {}
            Ok(rows) => tracing::debug!(rows, "swept"),
            Err(error) => tracing::warn!(cause = %error, "expired rows could not be swept"),
        }
        sleep(SWEEP_EVERY).await;
    }
}
