//! A client that refreshes its session again and again, and never gives up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;
use tokio::task::JoinSet;

use super::{EMAIL, in_time};
use crate::client::Client;
use crate::waiting::{PATIENCE, within};

/// Refreshes of several sessions at once.
pub(super) struct Series {
    clients: JoinSet<String>,
    refreshed: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
}

impl Series {
    /// Signs in as often as that, and begins to refresh each of the sessions.
    pub(super) async fn begin(client: &Client, sessions: usize) -> Self {
        let (refreshed, is_over) = <(Arc<AtomicUsize>, Arc<AtomicBool>)>::default();
        let mut clients = JoinSet::new();
        for _ in 0..sessions {
            let (client, token) = (client.clone(), client.log_in(EMAIL).await.refresh);
            let (refreshed, is_over) = (Arc::clone(&refreshed), Arc::clone(&is_over));
            clients.spawn(async move { refresh(&client, token, &refreshed, &is_over).await });
        }
        Self { clients, refreshed, is_over }
    }

    /// Waits until there were that many successes more.
    pub(super) async fn succeeds(&self, more: usize) {
        let enough = self.refreshed.load(Ordering::Relaxed) + more;
        within(PATIENCE, "sessions are refreshed", async || {
            (self.refreshed.load(Ordering::Relaxed) >= enough).then_some(())
        })
        .await;
    }

    /// Ends it. Returns the newest token that each client has.
    pub(super) async fn end(self) -> Vec<String> {
        self.is_over.store(true, Ordering::Relaxed);
        self.clients.join_all().await
    }
}

async fn refresh(
    client: &Client,
    mut token: String,
    refreshed: &AtomicUsize,
    is_over: &AtomicBool,
) -> String {
    while !is_over.load(Ordering::Relaxed) {
        let body = json!({ "refreshToken": token });
        let answer = in_time("a refresh", client.post("/auth/refresh", body)).await;
        if answer.status != 503 {
            token = answer.tokens().refresh;
            refreshed.fetch_add(1, Ordering::Relaxed);
        }
    }
    token
}
