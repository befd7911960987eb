//! What is told when another device uses a token again that was replaced.

use std::sync::Arc;

use harness::{EMAIL, TestServer, Tokens};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::AN_HOUR;

const OTHER: &str = "other/1";

async fn told(server: &TestServer) -> Vec<Value> {
    server.events_of_type("session.refresh_reused").await
}

/// The tokens that another device gets for one that was replaced.
async fn reuse(server: &TestServer, token: &str) -> Tokens {
    Tokens::of(&server.try_refresh_by(OTHER, token).await)
}

#[tokio::test]
async fn another_device_inside_the_leeway_is_told_of() {
    let server = TestServer::start().await;
    let first = server.ada().await;
    server.refresh(&first.refresh).await;
    server.try_refresh(&first.refresh).await.assert_status(200);
    assert!(told(&server).await.is_empty(), "the same device");
    server.try_refresh_by(OTHER, &first.refresh).await.assert_status(200);
    let events = told(&server).await;
    assert_eq!(events.len(), 1);
    let session = first.session().to_string();
    let user = first.user().to_string();
    assert_eq!(events[0]["data"], json!({ "id": session, "userId": user, "reason": "leeway" }));
    assert_eq!(events[0]["requestId"], harness::REQUEST_ID);
    assert_eq!(events[0]["subject"], user);
}

#[tokio::test]
async fn another_device_that_is_forgiven_is_told_of() {
    let server = TestServer::start().await;
    let first = server.ada().await;
    server.refresh(&first.refresh).await;
    server.clock.advance(AN_HOUR);
    server.try_refresh_by(OTHER, &first.refresh).await.assert_status(200);
    let events = told(&server).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["data"]["reason"], "forgiven");
}

#[tokio::test]
async fn however_often_another_device_asks_again_it_is_told_of_once_in_each_generation() {
    let server = TestServer::start().await;
    let first = server.ada().await;
    let second = server.refresh(&first.refresh).await;
    for _ in 0..5 {
        reuse(&server, &first.refresh).await;
    }
    server.clock.advance(AN_HOUR / 2);
    for _ in 0..5 {
        reuse(&server, &first.refresh).await;
    }
    assert_eq!(told(&server).await.len(), 1);

    server.refresh(&second.refresh).await;
    for _ in 0..5 {
        reuse(&server, &second.refresh).await;
    }
    assert_eq!(told(&server).await.len(), 2);
}

#[tokio::test]
async fn another_device_that_goes_on_is_told_of_once_an_hour() {
    let server = TestServer::start().await;
    let first = server.ada().await;
    server.refresh(&first.refresh).await;
    for _ in 0..12 {
        server.clock.advance(AN_HOUR / 6);
        reuse(&server, &first.refresh).await;
    }
    assert_eq!(told(&server).await.len(), 2);
}

#[tokio::test]
async fn each_session_is_told_of() {
    let server = TestServer::start().await;
    for first in [server.ada().await, server.sign_in(EMAIL).await] {
        server.refresh(&first.refresh).await;
        reuse(&server, &first.refresh).await;
        reuse(&server, &first.refresh).await;
    }
    assert_eq!(told(&server).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_ask_again_at_once_and_anywhere_one_is_told_of() {
    let server = Arc::new(TestServer::start().await);
    let beside = Arc::new(server.beside().start().await);
    let first = server.ada().await;
    server.refresh(&first.refresh).await;
    let mut asking = JoinSet::new();
    for number in 0..32 {
        let server = Arc::clone(if number % 2 == 0 { &server } else { &beside });
        let token = first.refresh.clone();
        asking.spawn(async move { reuse(&server, &token).await });
    }
    asking.join_all().await;
    assert_eq!(told(&server).await.len(), 1);
}

#[tokio::test]
async fn where_nobody_can_count_it_is_told_each_time() {
    let server = TestServer::start().await;
    let first = server.ada().await;
    server.refresh(&first.refresh).await;
    server.store.fail("draw");
    for _ in 0..2 {
        reuse(&server, &first.refresh).await;
    }
    assert_eq!(told(&server).await.len(), 2);
}

#[tokio::test]
async fn what_could_not_be_told_is_told_the_next_time() {
    let server = Arc::new(TestServer::start().await);
    let first = server.ada().await;
    server.refresh(&first.refresh).await;
    let mut telling = server.store.pause("insert_events");
    let mut returning = server.store.pause("give_back");
    let refused = {
        let (server, token) = (Arc::clone(&server), first.refresh.clone());
        tokio::spawn(async move { server.try_refresh_by(OTHER, &token).await })
    };
    telling.reached().await;
    server.store.go_down();
    telling.resume();
    returning.reached().await;
    server.store.come_up();
    returning.resume();
    refused.await.unwrap().assert_problem(503, "dependency_unavailable");
    assert!(told(&server).await.is_empty());

    reuse(&server, &first.refresh).await;
    assert_eq!(told(&server).await.len(), 1);
}
