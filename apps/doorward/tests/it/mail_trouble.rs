//! Mail servers in trouble: nobody who signs up notices, and no mail is lost.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::catcher::Catcher;
use crate::client::Client;
use crate::database::run_sql;
use crate::deployment::{Deployment, Server};
use crate::detour::{Detour, Way};

const EMAIL: &str = "ada@example.com";
/// Far less than a mail may take.
const AT_ONCE: Duration = Duration::from_secs(5);

async fn register_at_once(client: &Client) {
    let asked_at = Instant::now();
    client.register(EMAIL).await;
    assert!(asked_at.elapsed() < AT_ONCE, "{:?}", asked_at.elapsed());
}

/// What is said of the mail once it was tried, and once the server still works.
async fn waits(deployment: &Deployment, told: &str) -> Value {
    let mail = deployment.mail_that_failed().await;
    assert_eq!((&mail["state"], &mail["to"]), (&"waiting".into(), &EMAIL.into()));
    assert!(mail["lastError"].as_str().unwrap().contains(told), "{mail}");
    mail
}

async fn arrives_once(deployment: &Deployment, catcher: &Catcher) {
    let mail = catcher.mail(EMAIL).await;
    assert!(!mail.token().is_empty());
    deployment.outbox_empties().await;
    assert_eq!(catcher.all_taken().len(), 1);
}

/// A server in the middle of a mail that never ends.
async fn a_mail_hangs() -> (Deployment, Server, Detour, Catcher) {
    let (detour, catcher) = (Detour::open().await, Catcher::healthy().await);
    detour.leads(Way::StallsInData(catcher.port));
    let deployment = Deployment::new().with_relay(detour.address.port());
    let server = deployment.serve().await;
    register_at_once(&server.client).await;
    detour.has_stalled().await;
    (deployment, server, detour, catcher)
}

#[tokio::test]
async fn a_mail_that_is_refused_for_now_is_tried_again_by_itself() {
    let troubled = Catcher::start(&["--refuse-all-with", "451"]).await;
    let (detour, healthy) = (Detour::open().await, Catcher::healthy().await);
    detour.leads(Way::To(troubled.port));
    let deployment = Deployment::new().with_relay(detour.address.port());
    let server = deployment.serve().await;
    register_at_once(&server.client).await;
    waits(&deployment, "the mail server answered RCPT with 451 4.7.1").await;
    detour.leads(Way::To(healthy.port));
    arrives_once(&deployment, &healthy).await;
}

#[tokio::test]
async fn a_mail_server_that_is_not_there_costs_no_mail() {
    let (detour, healthy) = (Detour::open().await, Catcher::healthy().await);
    let deployment = Deployment::new().with_relay(detour.address.port());
    let server = deployment.serve().await;
    register_at_once(&server.client).await;
    let mail = waits(&deployment, "the connection").await;
    detour.leads(Way::To(healthy.port));
    deployment.retry(&mail).await.is(0);
    arrives_once(&deployment, &healthy).await;
}

#[tokio::test]
async fn a_mail_server_that_never_speaks_costs_no_mail_and_holds_up_nobody() {
    let silent = Catcher::start(&["--hang"]).await;
    let (detour, healthy) = (Detour::open().await, Catcher::healthy().await);
    detour.leads(Way::To(silent.port));
    let deployment = Deployment::new().with_relay(detour.address.port());
    let server = deployment.serve().await;
    register_at_once(&server.client).await;
    detour.is_taken().await;
    server.client.log_in(EMAIL).await;
    assert_eq!(deployment.outbox().await[0]["state"], "waiting");
    detour.leads(Way::To(healthy.port));
    drop(silent);
    let mail = waits(&deployment, "the connection").await;
    deployment.retry(&mail).await.is(0);
    arrives_once(&deployment, &healthy).await;
}

#[tokio::test]
async fn a_mail_server_that_dies_within_a_mail_gets_it_once_more() {
    let mortal = Catcher::start(&["--die-in-data"]).await;
    let deployment = Deployment::new().with_relay(mortal.port);
    let server = deployment.serve().await;
    register_at_once(&server.client).await;
    let mail = waits(&deployment, "DATA failed").await;
    deployment.retry(&mail).await.is(0);
    arrives_once(&deployment, &mortal).await;
}

#[tokio::test]
async fn a_server_that_is_killed_within_a_mail_leaves_it_to_the_next() {
    let (deployment, server, detour, catcher) = a_mail_hangs().await;
    server.process.kill().await;

    detour.leads(Way::To(catcher.port));
    let left = deployment.outbox().await;
    assert_eq!((left.len(), &left[0]["state"]), (1, &"waiting".into()));
    let _server = deployment.serve().await;
    // By itself it is tried once the lease of the dead has run out.
    deployment.retry(&left[0]).await.is(0);
    arrives_once(&deployment, &catcher).await;
}

#[tokio::test]
async fn a_server_stops_at_once_though_a_mail_hangs_and_the_mail_stays() {
    let (deployment, server, _detour, _catcher) = a_mail_hangs().await;
    let told_at = Instant::now();
    server.stop().await;
    assert!(told_at.elapsed() < AT_ONCE);
    assert_eq!(deployment.outbox().await.len(), 1);
}

#[tokio::test]
async fn a_store_that_fails_the_relay_is_logged_with_its_cause() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    run_sql(&deployment.path("data/doorward.db"), "DROP TABLE mails;").await;
    server.process.logs("mails could not be relayed").await;
    server.process.logs("the store is unavailable: no such table: mails").await;
}
