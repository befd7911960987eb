//! Instances on one store whose clocks stand apart.

use std::time::Duration;

use harness::{TestServer, Tokens};

use super::{AN_HOUR, count};

const APART_MS: i64 = 5_000;

/// A server and another on the same store, whose clock differs.
async fn two(ahead_ms: i64, other_ahead_ms: i64) -> (TestServer, TestServer) {
    let server = TestServer::builder().clock_offset_ms(ahead_ms).start().await;
    let other = server.beside().clock_offset_ms(other_ahead_ms).start().await;
    (server, other)
}

/// Two tabs refresh at once, each by another instance, again and again.
async fn tabs_keep_their_session(server: &TestServer, other: &TestServer) {
    let mut tokens = server.ada().await;
    for _ in 0..10 {
        server.clock.advance(AN_HOUR);
        let here = server.refresh(&tokens.refresh).await;
        let there = other.refresh(&tokens.refresh).await;
        assert_eq!(here.refresh, there.refresh);
        for tokens in [&here, &there] {
            server.get_as(&tokens.access, "/auth/me").await.assert_status(200);
            other.get_as(&tokens.access, "/auth/me").await.assert_status(200);
        }
        tokens = there;
    }
    assert_eq!(server.session(&tokens).await.generation, 11);
    assert_eq!(count(other, "leeway").await, 10);
}

#[tokio::test]
async fn an_instance_five_seconds_ahead_costs_no_session() {
    let (server, other) = two(0, APART_MS).await;
    tabs_keep_their_session(&server, &other).await;
}

#[tokio::test]
async fn an_instance_five_seconds_behind_costs_no_session() {
    let (server, other) = two(0, -APART_MS).await;
    tabs_keep_their_session(&server, &other).await;
}

#[tokio::test]
async fn instances_five_seconds_to_either_side_accept_each_others_tokens() {
    for (here, there) in [(APART_MS, -APART_MS), (-APART_MS, APART_MS)] {
        let (server, other) = two(here, there).await;
        let tokens = server.ada().await;
        other.get_as(&tokens.access, "/auth/me").await.assert_status(200);
        let next = other.refresh(&tokens.refresh).await;
        server.get_as(&next.access, "/auth/me").await.assert_status(200);
        let again = server.refresh(&tokens.refresh).await;
        assert_eq!(again.refresh, next.refresh);
        let elsewhere = other.sign_in(harness::EMAIL).await;
        server.get_as(&elsewhere.access, "/auth/me").await.assert_status(200);
        server.refresh(&elsewhere.refresh).await;
    }
}

#[tokio::test]
async fn an_instance_far_behind_takes_a_rotation_in_its_future_for_one_just_made() {
    let (server, other) = two(0, -60_000).await;
    let tokens = server.ada().await;
    let next = server.refresh(&tokens.refresh).await;
    server.clock.advance(Duration::from_secs(30));
    let again: Tokens = other.refresh(&tokens.refresh).await;
    assert_eq!(again.refresh, next.refresh);
    assert_eq!(server.session(&tokens).await.forgiven_generation, 0);
}
