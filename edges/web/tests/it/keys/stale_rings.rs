use std::time::Duration;

use doorward_claims::Algorithm;
use harness::TestServer;

use super::{kid, published_kids, reload};

#[tokio::test]
async fn an_instance_with_a_stale_ring_verifies_what_the_others_sign() {
    let first = TestServer::start().await;
    let stale = first.beside().start().await;
    let tokens = first.ada().await;
    first.service.rotate_keys(true).await.unwrap();
    first.clock.advance(Duration::from_mins(2));
    reload(&first).await;
    let new = first.refresh(&tokens.refresh).await;
    assert_ne!(kid(&new), kid(&tokens));
    // It has not read of the key, and does when it meets it.
    stale.get_as(&new.access, "/auth/me").await.assert_status(200);
    assert_eq!(published_kids(&stale).await, published_kids(&first).await);
}

#[tokio::test]
async fn tokens_under_unknown_keys_make_an_instance_read_the_ring_once_in_ten_seconds() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let other = TestServer::start().await.ada().await;
    server.store.take_calls();
    let reads = |calls: Vec<&str>| calls.iter().filter(|call| **call == "find_record").count();
    for _ in 0..5 {
        server.get_as(&other.access, "/auth/me").await.assert_problem(401, "invalid_token");
    }
    assert_eq!(reads(server.store.take_calls()), 1);
    server.clock.advance(Duration::from_secs(10));
    server.get_as(&other.access, "/auth/me").await.assert_problem(401, "invalid_token");
    assert_eq!(reads(server.store.take_calls()), 1);
    server.get_as(&tokens.access, "/auth/me").await.assert_status(200);
    assert_eq!(reads(server.store.take_calls()), 0, "a known key costs nothing");
}

#[tokio::test]
async fn a_token_that_may_be_under_a_new_key_is_no_refusal_while_the_ring_cannot_be_read() {
    let server = TestServer::start().await;
    let other = TestServer::start().await.ada().await;
    server.store.go_down();
    for _ in 0..3 {
        let answer = server.get_as(&other.access, "/auth/me").await;
        answer.assert_problem(503, "dependency_unavailable");
    }
    server.store.come_up();
    server.clock.advance(Duration::from_secs(10));
    server.get_as(&other.access, "/auth/me").await.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn instances_that_start_at_once_agree_on_one_key() {
    let first = TestServer::start().await;
    // As if none had started before.
    let algorithm = Algorithm::EdDsa;
    let starting = (0..4).map(|_| first.beside().algorithm(algorithm).start());
    let started = futures_util::future::join_all(starting).await;
    let kids = published_kids(&started[0]).await;
    assert_eq!(kids.len(), 2);
    for other in &started {
        reload(other).await;
        assert_eq!(published_kids(other).await, kids);
    }
}
