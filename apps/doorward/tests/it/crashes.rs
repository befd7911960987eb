//! What was acknowledged survives a `kill -9`, of the server or of the store beneath it.

use std::ops::Deref;

use servers::{Postgres, Server};
use tokio::task::spawn_blocking;

use crate::crowd::{Crowd, Left};
use crate::deployment::Deployment;
use crate::durable;
use crate::store::{Store, URL, on_store};

on_store!(sqlite, Sqlite, what_was_acknowledged_survives_a_crash_and_nothing_is_half_there);
on_store!(postgres, Postgres, what_was_acknowledged_survives_a_crash_and_nothing_is_half_there);
on_store!(dynamodb, Dynamodb, what_was_acknowledged_survives_a_crash_and_nothing_is_half_there);

/// As many registrations and refreshes there would be.
const OPERATIONS: usize = 500;

async fn what_was_acknowledged_survives_a_crash_and_nothing_is_half_there(store: Store) {
    let deployment = store.deployment().await.without_limits();
    let left = dies_in_the_middle(&deployment).await;
    let server = deployment.serve().await;
    left.prove_whole(&server.client).await;
    server.stop().await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_crash_on_mongodb_and_nothing_is_half_there() {
    let mongo = spawn_blocking(durable::start_mongo).await.unwrap();
    let deployment = Deployment::new().with(URL, &mongo.uri()).without_limits();
    let left = dies_in_the_middle(&deployment).await;
    // A transaction that a client began which is dead keeps its locks for a minute, so that the
    // addresses in it cannot be registered meanwhile. Restarted, the server knows nothing of it.
    let _mongo = crash(mongo).await;
    let server = deployment.serve().await;
    left.prove_whole(&server.client).await;
    server.stop().await;
}

/// Kills the server while people are at work.
async fn dies_in_the_middle(deployment: &Deployment) -> Left {
    let server = deployment.serve().await;
    let crowd = Crowd::begin(&server.client, OPERATIONS).await;
    crowd.has_done(OPERATIONS / 2).await;
    server.process.kill().await;
    let left = crowd.end().await;
    assert!(left.done() < OPERATIONS, "it was killed in the middle");
    left
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_crash_of_postgresql() {
    let postgres = spawn_blocking(|| Postgres::start_durable().unwrap()).await.unwrap();
    let deployment = Deployment::new().with(URL, &postgres.url());
    survives_a_crash_of_the_store(deployment, postgres).await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_crash_of_mongodb() {
    let mongo = spawn_blocking(durable::start_mongo).await.unwrap();
    let deployment = Deployment::new().with(URL, &mongo.uri());
    survives_a_crash_of_the_store(deployment, mongo).await;
}

async fn survives_a_crash_of_the_store(
    deployment: Deployment,
    store: impl Deref<Target = Server> + Send + 'static,
) {
    let deployment = deployment.without_limits();
    let server = deployment.serve().await;
    let crowd = Crowd::begin(&server.client, OPERATIONS).await;
    crowd.has_done(OPERATIONS / 2).await;
    let _store = crash(store).await;
    crowd.has_done(OPERATIONS).await;
    let left = crowd.end().await;
    left.prove_whole(&server.client).await;
    server.stop().await;
}

/// Kills the store and starts it again.
async fn crash<S: Deref<Target = Server> + Send + 'static>(store: S) -> S {
    let crash = spawn_blocking(move || {
        store.kill();
        store.start_again().unwrap();
        store
    });
    crash.await.unwrap()
}
