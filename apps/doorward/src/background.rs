//! What goes on beside requests: publishing events, sending mails, and sweeping rows that serve
//! nobody any more.

use std::sync::Arc;
use std::time::Duration;

use contracts::{EventSink, chain};
use service::Service;
use tokio::time::sleep;

use crate::mails::Mails;

const RELAY_EVERY: Duration = Duration::from_secs(1);
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// Publishes waiting events for as long as it is polled.
pub(crate) async fn relay(service: Arc<Service>, sinks: Vec<Arc<dyn EventSink>>) {
    loop {
        let has_more = match service.relay(&sinks).await {
            Ok(relayed) => {
                if let Some(refusal) = relayed.refusal {
                    tracing::warn!(
                        cause = chain(&*refusal),
                        "an event was not taken; it is offered again"
                    );
                }
                relayed.has_more && relayed.published > 0
            }
            Err(error) => {
                tracing::warn!(cause = chain(&error), "events could not be relayed");
                false
            }
        };
        if !has_more {
            sleep(RELAY_EVERY).await;
        }
    }
}

/// Sends mails for as long as it is polled. Why one was not sent, `doorward outbox list` says: what
/// a mail server answers may name the recipient, which no log of ours does.
pub(crate) async fn relay_mails(service: Arc<Service>, mails: Mails) {
    loop {
        let has_more = match service.relay_mails(&mails.words, &*mails.transport).await {
            Ok(relayed) => {
                if relayed.postponed > 0 {
                    let mails = relayed.postponed;
                    tracing::warn!(mails, "mails could not be sent; they are tried again");
                }
                if relayed.given_up > 0 {
                    let mails = relayed.given_up;
                    tracing::error!(mails, "mails were given up: see `doorward outbox list`");
                }
                relayed.has_more
            }
            Err(error) => {
                tracing::warn!(cause = chain(&error), "mails could not be relayed");
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
            Err(error) => tracing::warn!(cause = chain(&error), "expired rows could not be swept"),
        }
        match service.purge().await {
            Ok(0) => {}
            Ok(rows) => tracing::debug!(rows, "purged"),
            Err(error) => {
                tracing::warn!(
                    cause = chain(&error),
                    "what erased users left could not be removed"
                );
            }
        }
        sleep(SWEEP_EVERY).await;
    }
}
