//! What goes on beside requests: publishing events, sending mails, and sweeping rows that serve
//! nobody any more.

use std::sync::Arc;
use std::time::Duration;

use contracts::{EventSink, chain};
use service::{KeyPolicy, KeysReloaded, Service};
use tokio::time::{sleep, timeout};

use crate::mails::Mails;

const RELAY_EVERY: Duration = Duration::from_secs(1);
/// Half of what an urgent key waits before it signs; where keys are published for less than a
/// minute, half of that.
const RELOAD_KEYS_EVERY: Duration = Duration::from_secs(30);
/// Longer than all that is asked for meanwhile may take.
const RELOAD_KEYS_MAX: Duration = Duration::from_mins(1);
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

/// Keeps the keys as new as they have to be, for as long as it is polled.
pub(crate) async fn reload_keys(service: Arc<Service>) {
    let KeyPolicy { publish_ahead, shared_publish_ahead, .. } = service.policy().keys;
    let every = RELOAD_KEYS_EVERY.min(publish_ahead / 2).min(shared_publish_ahead / 2);
    let mut was_overruled = false;
    loop {
        // Not all instances at once: up to a fifth sooner.
        let [random] = service.entropy().bytes();
        sleep(every.mul_f64(1.0 - f64::from(random) / 1280.0)).await;
        // What hangs is given up, so that it is tried again.
        let Ok(reloaded) = timeout(RELOAD_KEYS_MAX, service.reload_keys()).await else {
            tracing::warn!("the keys could not be read again in time");
            continue;
        };
        let is_overruled = matches!(reloaded, Ok(KeysReloaded::Overruled));
        match reloaded {
            Ok(KeysReloaded::Overruled) if !was_overruled => {
                tracing::warn!(
                    "another key signs than the settings of this instance name: it was started \
                     before one with other settings, or a key was revoked"
                );
            }
            Ok(KeysReloaded::Fine | KeysReloaded::Overruled) => {}
            Ok(KeysReloaded::Partly(error)) => {
                tracing::warn!(cause = chain(&error), "the keys could not be kept up");
            }
            Err(error) => {
                tracing::warn!(cause = chain(&error), "the keys could not be read again");
            }
        }
        was_overruled = is_overruled;
    }
}
