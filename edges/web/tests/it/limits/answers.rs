use std::time::Duration;

use harness::{EMAIL, PASSWORD, TestServer};
use service::Limit;

use super::QUARTER;

async fn server() -> TestServer {
    let server = TestServer::builder().limit(Limit::Login, 2, QUARTER).start().await;
    server.register(EMAIL).await;
    server
}

#[tokio::test]
async fn whoever_is_refused_learns_the_limit_and_when_to_come_back() {
    let server = server().await;
    for _ in 0..2 {
        server.try_sign_in(EMAIL, "wrong").await.assert_problem(401, "invalid_credentials");
    }
    server.clock.advance(Duration::from_millis(30_500));
    let refused = server.try_sign_in(EMAIL, "wrong").await;
    refused.assert_problem(429, "rate_limited");
    // Rounded up: whoever comes back then is not too early.
    assert_eq!(refused.header("retry-after"), Some("420"));
    assert_eq!(refused.header("ratelimit-policy"), Some("\"login\";q=2;w=900"));
    assert_eq!(refused.header("ratelimit"), Some("\"login\";r=0;t=420"));
    assert_eq!(refused.header("cache-control"), Some("no-store"));

    server.clock.advance(Duration::from_mins(7));
    server.try_sign_in(EMAIL, PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn refusals_are_counted_by_limit() {
    let server = server().await;
    for _ in 0..5 {
        server.try_sign_in(EMAIL, "wrong").await;
    }
    let figures = server.get_operations("/metrics").await.body;
    assert!(figures.contains("doorward_limited_total{limit=\"login\"} 3"), "{figures}");
    assert!(figures.contains("doorward_limits_decided_alone_total 0"), "{figures}");
}

#[tokio::test]
async fn a_limiter_that_fails_makes_no_one_wait_for_ever() {
    let server = server().await;
    server.store.fail("draw");
    let failed = server.try_sign_in(EMAIL, PASSWORD).await;
    failed.assert_problem(503, "dependency_unavailable");
}

#[tokio::test]
async fn what_cannot_be_given_back_does_not_spoil_a_sign_in() {
    let server = server().await;
    server.store.fail("give_back");
    server.try_sign_in(EMAIL, PASSWORD).await.assert_status(200);
}
