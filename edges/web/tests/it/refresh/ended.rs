use harness::{EMAIL, TestServer};
use serde_json::json;

#[tokio::test]
async fn a_session_that_was_signed_out_is_not_refreshed() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let next = server.refresh(&tokens.refresh).await;
    server.post("/auth/logout", json!({ "refreshToken": next.refresh })).await.assert_status(204);
    server.try_refresh(&next.refresh).await.assert_problem(401, "session_revoked");
    server.try_refresh(&tokens.refresh).await.assert_problem(401, "session_revoked");
    assert!(server.events_of_type("session.replay_detected").await.is_empty());
}

#[tokio::test]
async fn no_session_is_refreshed_after_the_end_of_all() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let elsewhere = server.sign_in(EMAIL).await;
    server.post_as(&elsewhere.access, "/auth/logout-all").await.assert_status(204);
    server.try_refresh(&tokens.refresh).await.assert_problem(401, "session_revoked");
    server.try_refresh(&elsewhere.refresh).await.assert_problem(401, "session_revoked");
    let again = server.sign_in(EMAIL).await;
    server.refresh(&again.refresh).await;
}

#[tokio::test]
async fn a_disabled_user_refreshes_nothing() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    server.store.disable(&tokens.user());
    let before = server.session(&tokens).await;
    let answer = server.try_refresh(&tokens.refresh).await;
    answer.assert_status(403);
    insta::assert_snapshot!(
        answer.folded(),
        @r#"
        {"type":"urn:doorward:problem:account_disabled",
        "title":"The account is disabled",
        "status":403,
        "detail":"An administrator can enable it.",
        "code":"account_disabled",
        "requestId":"req-1"}
        "#
    );
    assert_eq!(server.session(&tokens).await, before);
}

/// The record moves on or ends between the reading and the writing of it.
#[tokio::test]
async fn a_session_that_ends_during_its_refresh_is_not_refreshed() {
    let server = std::sync::Arc::new(TestServer::start().await);
    let tokens = server.ada().await;
    let mut paused = server.store.pause("advance_generation");
    let refreshing = {
        let (server, token) = (server.clone(), tokens.refresh.clone());
        tokio::spawn(async move { server.try_refresh(&token).await })
    };
    paused.reached().await;
    server.post_as(&tokens.access, "/auth/logout").await.assert_status(204);
    paused.resume();
    refreshing.await.unwrap().assert_problem(401, "session_revoked");
    assert_eq!(server.session(&tokens).await.generation, 1);
}
