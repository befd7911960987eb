//! Refreshes of one session.

use std::time::Duration;

use harness::{EMAIL, TestServer};
use service::Limit;

use super::HOUR;

#[tokio::test]
async fn a_session_is_refreshed_only_so_often_and_lives_on() {
    let server = TestServer::builder().limit(Limit::Refresh, 3, HOUR).start().await;
    let mut tokens = server.ada().await;
    let other = server.sign_in(EMAIL).await;
    for _ in 0..3 {
        tokens = server.refresh(&tokens.refresh).await;
    }
    server.try_refresh(&tokens.refresh).await.assert_problem(429, "rate_limited");
    server.refresh(&other.refresh).await;

    server.clock.advance(Duration::from_mins(20));
    server.refresh(&tokens.refresh).await;
}

#[tokio::test]
async fn tokens_that_are_not_genuine_make_nobody_write_anything() {
    let server = TestServer::builder().limit(Limit::Refresh, 2, HOUR).start().await;
    let tokens = server.ada().await;
    let mut forged = tokens.refresh.clone();
    let last = if forged.pop() == Some('A') { 'B' } else { 'A' };
    forged.push(last);
    server.store.take_calls();
    for _ in 0..3 {
        server.try_refresh(&forged).await.assert_problem(401, "invalid_token");
    }
    let calls = server.store.take_calls();
    assert!(!calls.contains(&"draw"), "{calls:?}");
    server.refresh(&tokens.refresh).await;
}
