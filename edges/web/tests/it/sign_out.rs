use harness::reqwest::Method;
use harness::{EMAIL, TestServer, Tokens};
use serde_json::json;

const PATH: &str = "/auth/logout";

async fn assert_dead(server: &TestServer, tokens: &Tokens) {
    let answer = server.get_as(&tokens.access, "/auth/me").await;
    answer.assert_problem(401, "session_revoked");
    assert_eq!(
        answer.header("www-authenticate"),
        Some(r#"Bearer realm="doorward", error="invalid_token""#)
    );
    server.try_refresh(&tokens.refresh).await.assert_problem(401, "session_revoked");
}

#[tokio::test]
async fn a_refresh_token_ends_its_session_and_does_so_again() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    for _ in 0..3 {
        let answer = server.post(PATH, json!({ "refreshToken": tokens.refresh })).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    }
    assert_dead(&server, &tokens).await;
    let events = server.events_of_type("session.revoked").await;
    assert_eq!(events.len(), 1);
    let session = tokens.session().to_string();
    let data =
        json!({ "id": session, "userId": tokens.user().to_string(), "reason": "signed_out" });
    assert_eq!(events[0]["data"], data);
}

#[tokio::test]
async fn a_bearer_ends_its_session_and_does_so_again() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    for _ in 0..3 {
        let answer = server.post_as(&tokens.access, PATH).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    }
    assert_dead(&server, &tokens).await;
    assert_eq!(server.events_of_type("session.revoked").await.len(), 1);
}

#[tokio::test]
async fn either_way_is_success_after_the_other() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    server.post_as(&tokens.access, PATH).await.assert_status(204);
    let body = json!({ "refreshToken": tokens.refresh });
    server.post(PATH, body.clone()).await.assert_status(204);
    server.post_as(&tokens.access, PATH).await.assert_status(204);
    let both = server.request(Method::POST, PATH).bearer_auth(&tokens.access).json(&body);
    server.send(both).await.assert_status(204);
}

#[tokio::test]
async fn an_older_refresh_token_signs_out_too() {
    let server = TestServer::start().await;
    let first = server.ada().await;
    let second = server.refresh(&first.refresh).await;
    let third = server.refresh(&second.refresh).await;
    server.post(PATH, json!({ "refreshToken": first.refresh })).await.assert_status(204);
    assert_dead(&server, &third).await;
    assert!(server.events_of_type("session.replay_detected").await.is_empty());
}

#[tokio::test]
async fn signing_out_ends_no_other_session() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let elsewhere = server.sign_in(EMAIL).await;
    server.post_as(&tokens.access, PATH).await.assert_status(204);
    server.get_as(&elsewhere.access, "/auth/me").await.assert_status(200);
    server.refresh(&elsewhere.refresh).await;
}

#[tokio::test]
async fn somebody_without_credentials_signs_nobody_out() {
    let server = TestServer::start().await;
    server.ada().await;
    for body in [json!({}), json!({ "refreshToken": null })] {
        let answer = server.post(PATH, body).await;
        answer.assert_problem(401, "invalid_token");
        assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="doorward""#));
    }
    let answer = server.post(PATH, json!({ "refreshToken": "nonsense" })).await;
    answer.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_session_of_the_user_and_of_nobody_else() {
    let server = TestServer::start().await;
    let here = server.ada().await;
    let there = server.sign_in(EMAIL).await;
    server.register("eve@example.com").await;
    let eve = server.sign_in("eve@example.com").await;

    let answer = server.post_as(&here.access, "/auth/logout-all").await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_dead(&server, &here).await;
    assert_dead(&server, &there).await;
    server.get_as(&eve.access, "/auth/me").await.assert_status(200);
    server.refresh(&eve.refresh).await;

    let again = server.sign_in(EMAIL).await;
    assert_eq!(again.claims()["session_epoch"], 1);
    server.get_as(&again.access, "/auth/me").await.assert_status(200);
    assert_eq!(server.events_of_type("session.revoked").await.len(), 1);
}

#[tokio::test]
async fn a_dead_session_cannot_sign_out_everywhere() {
    let server = TestServer::start().await;
    let dead = server.ada().await;
    let alive = server.sign_in(EMAIL).await;
    server.post_as(&dead.access, PATH).await.assert_status(204);
    let answer = server.post_as(&dead.access, "/auth/logout-all").await;
    answer.assert_problem(401, "session_revoked");
    server.get_as(&alive.access, "/auth/me").await.assert_status(200);
}
