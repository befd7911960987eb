//! Somebody who uses the service all the time, and notices every answer that must not be.

use std::time::Duration;

use tokio::sync::watch::{self, Sender};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::in_time;
use crate::client::Client;

const PAUSE: Duration = Duration::from_millis(20);

/// Asks until it is told to end.
pub(super) struct Watch {
    end: Sender<bool>,
    askers: Vec<JoinHandle<()>>,
}

impl Watch {
    /// Watches as the person of that token.
    pub(super) fn begin(client: &Client, access_token: &str) -> Self {
        let (end, _) = watch::channel(false);
        let askers = ["/auth/me", "/.well-known/revocations"].map(|path| {
            let (client, token) = (client.clone(), access_token.to_owned());
            let is_over = end.subscribe();
            tokio::spawn(async move {
                while !*is_over.borrow() {
                    let answer = in_time(path, client.get_as(path, &token)).await;
                    assert!(matches!(answer.status, 200 | 503), "{path}: {answer:?}");
                    sleep(PAUSE).await;
                }
            })
        });
        Self { end, askers: askers.into() }
    }

    /// Fails if there was anything but success and unavailability, or if somebody had to wait.
    pub(super) async fn end(self) {
        self.end.send_replace(true);
        for asker in self.askers {
            asker.await.unwrap();
        }
    }
}
