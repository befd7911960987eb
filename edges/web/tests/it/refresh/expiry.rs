use std::time::Duration;

use harness::TestServer;

const A_MOMENT: Duration = Duration::from_millis(1);
const A_DAY: Duration = Duration::from_hours(24);

fn just_before(moment: Duration) -> Duration {
    moment.checked_sub(A_MOMENT).unwrap()
}

#[tokio::test]
async fn a_token_that_is_not_used_expires() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    server.clock.advance(30 * A_DAY);
    let answer = server.try_refresh(&tokens.refresh).await;
    answer.assert_status(401);
    insta::assert_snapshot!(
        answer.folded(),
        @r#"
        {"type":"urn:doorward:problem:token_expired",
        "title":"The token has expired",
        "status":401,
        "detail":"Refresh an access token; sign in for a refresh token.",
        "code":"token_expired",
        "requestId":"req-1"}
        "#
    );
    assert_eq!(server.session(&tokens).await.end, None, "expiry is no end");
}

#[tokio::test]
async fn a_token_lives_until_the_moment_it_expires() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    server.clock.advance(just_before(30 * A_DAY));
    server.refresh(&tokens.refresh).await;
}

#[tokio::test]
async fn use_lengthens_a_session_up_to_its_absolute_limit() {
    let server = TestServer::start().await;
    let mut tokens = server.ada().await;
    for days_left in [90 - 29, 90 - 58, 90 - 87] {
        server.clock.advance(29 * A_DAY);
        tokens = server.refresh(&tokens.refresh).await;
        assert_eq!(tokens.body["refreshExpiresIn"], days_left.min(30) * 24 * 3600);
    }
    server.clock.advance(just_before(3 * A_DAY));
    tokens = server.refresh(&tokens.refresh).await;
    assert_eq!(tokens.body["refreshExpiresIn"], 0);
    server.clock.advance(A_MOMENT);
    server.try_refresh(&tokens.refresh).await.assert_problem(401, "token_expired");
    server.get_as(&tokens.access, "/auth/me").await.assert_problem(401, "token_expired");
}

#[tokio::test]
async fn an_access_token_does_not_outlive_its_session() {
    let server = TestServer::builder()
        .policy(|policy| {
            policy.session_ttl_max = Duration::from_hours(1);
            policy.refresh_ttl = Duration::from_hours(1);
        })
        .start()
        .await;
    let tokens = server.ada().await;
    server.clock.advance(Duration::from_mins(55));
    let next = server.refresh(&tokens.refresh).await;
    assert_eq!(next.body["expiresIn"], 300);
    assert_eq!(next.body["refreshExpiresIn"], 300);
    let claims = next.claims();
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
}

#[tokio::test]
async fn an_expired_token_that_was_replaced_is_no_replay() {
    let server = TestServer::start().await;
    let first = server.ada().await;
    let second = server.refresh(&first.refresh).await;
    server.refresh(&second.refresh).await;
    server.clock.advance(31 * A_DAY);
    server.try_refresh(&first.refresh).await.assert_problem(401, "token_expired");
    assert!(server.events_of_type("session.replay_detected").await.is_empty());
}
