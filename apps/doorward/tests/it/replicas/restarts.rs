//! A new release goes out under load: each server is stopped and started again in turn, and nginx
//! is told nothing.
//!
//! Whoever comes to a server that has gone is refused a connection, and nginx asks the next one.
//! What matters is that nothing is cut off between: neither a connection that was made but not
//! served yet, nor a request that comes on a kept one just when that would be closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::task::JoinSet;

use crate::client::{Client, Tokens};
use crate::replicas::cluster::{Cluster, Upstream};
use crate::waiting::{PATIENCE, within};

/// At work all the time.
const CLIENTS: usize = 8;
/// Fewest requests that are answered between two steps, so that each meets the load.
const BETWEEN_STEPS: usize = 60;

#[tokio::test]
async fn a_rolling_restart_costs_nobody_anything() {
    restart_under_load(Upstream::AsByDefault).await;
}

#[tokio::test]
async fn a_rolling_restart_costs_nobody_anything_where_nginx_keeps_connections() {
    restart_under_load(Upstream::KeptAlive).await;
}

async fn restart_under_load(upstream: Upstream) {
    let mut cluster = Cluster::start(upstream, &[]).await;
    let load = Arc::new(Load::default());
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(visit(cluster.client(), number, Arc::clone(&load)));
    }
    load.goes_on(&mut clients).await;
    for instance in &mut cluster.instances {
        instance.stop().await;
        load.goes_on(&mut clients).await;
        instance.start_again().await;
        load.goes_on(&mut clients).await;
    }
    load.is_over.store(true, Ordering::Relaxed);

    let client = cluster.client();
    for (email, tokens) in clients.join_all().await.into_iter().flatten() {
        assert_eq!(client.status_of(&tokens.access).await, 200, "{email}");
        client.refresh(&tokens.refresh).await.tokens();
        client.log_in(&email).await;
    }
}

/// What the clients have done together, and whether it is enough.
#[derive(Default)]
struct Load {
    answered: AtomicUsize,
    is_over: AtomicBool,
}

impl Load {
    /// Waits until more was answered, to clients all of whom are still content.
    async fn goes_on<T: 'static>(&self, clients: &mut JoinSet<T>) {
        let before = self.answered.load(Ordering::Relaxed);
        within(PATIENCE, "the clients are served", async || {
            assert!(clients.try_join_next().is_none(), "a client has given up");
            (self.answered.load(Ordering::Relaxed) >= before + BETWEEN_STEPS).then_some(())
        })
        .await;
    }

    fn one_more(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

/// Signs up one person after the other, and refreshes their tokens in a chain. Returns each with
/// the last tokens. Fails on any answer that is not the expected one, and on none.
async fn visit(client: Client, number: usize, load: Arc<Load>) -> Vec<(String, Tokens)> {
    let mut people = Vec::new();
    while !load.is_over() {
        let email = format!("person-{number}-{}@example.com", people.len());
        client.register(&email).await;
        load.one_more();
        let mut tokens = client.log_in(&email).await;
        load.one_more();
        for _ in 0..20 {
            tokens = client.refresh(&tokens.refresh).await.tokens();
            client.get_as("/auth/me", &tokens.access).await.is(200);
            load.one_more();
        }
        people.push((email, tokens));
    }
    people
}
