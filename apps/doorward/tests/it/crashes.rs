//! What was acknowledged survives a `kill -9`, of the server or of the store beneath it.

use servers::{Mongo, Postgres};
use tokio::task::spawn_blocking;

use crate::crowd::Crowd;
use crate::deployment::Deployment;
use crate::store::{Store, URL, on_every_store};

on_every_store!(what_was_acknowledged_survives_a_crash_and_nothing_is_half_there);

/// As many registrations and refreshes there would be.
const OPERATIONS: usize = 500;

async fn what_was_acknowledged_survives_a_crash_and_nothing_is_half_there(store: Store) {
    let deployment = store.deployment().await.without_limits();
    let server = deployment.serve().await;
    let crowd = Crowd::begin(&server.client, OPERATIONS).await;
    crowd.has_done(OPERATIONS / 2).await;
    server.process.kill().await;
    let left = crowd.end().await;
    assert!(left.done() < OPERATIONS, "it was killed in the middle");

    let server = deployment.serve().await;
    left.is_whole(&server.client).await;
    server.stop().await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_crash_of_postgresql() {
    let postgres = spawn_blocking(|| Postgres::start_durable().unwrap()).await.unwrap();
    let deployment = Deployment::new().with(URL, &postgres.url());
    survives_a_crash_of_the_store(deployment, move || {
        postgres.kill();
        postgres.start_again().unwrap();
        postgres
    })
    .await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_crash_of_mongodb() {
    let mongo = spawn_blocking(|| Mongo::start().unwrap()).await.unwrap();
    let deployment = Deployment::new().with(URL, &mongo.uri());
    survives_a_crash_of_the_store(deployment, move || {
        mongo.kill();
        mongo.start_again().unwrap();
        mongo
    })
    .await;
}

/// `crash` kills the store and starts it again; what it returns keeps it alive.
async fn survives_a_crash_of_the_store<S: Send + 'static>(
    deployment: Deployment,
    crash: impl FnOnce() -> S + Send + 'static,
) {
    let deployment = deployment.without_limits();
    let server = deployment.serve().await;
    let crowd = Crowd::begin(&server.client, OPERATIONS).await;
    crowd.has_done(OPERATIONS / 2).await;
    let _store = spawn_blocking(crash).await.unwrap();
    crowd.has_done(OPERATIONS).await;
    let left = crowd.end().await;
    left.is_whole(&server.client).await;
    server.stop().await;
}
