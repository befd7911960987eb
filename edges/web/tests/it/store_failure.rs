//! A store that does not answer is neither a wrong password nor a missing session.

use harness::reqwest::Method;
use harness::{Answer, EMAIL, NEW_PASSWORD, PASSWORD, TestServer};
use serde_json::json;

#[track_caller]
fn assert_unavailable(answer: &Answer) {
    answer.assert_problem(503, "dependency_unavailable");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.header("www-authenticate"), None);
}

#[tokio::test]
async fn every_call_that_needs_the_store_says_that_it_is_unavailable() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let mail = server.newest_mail_to(EMAIL).await;
    server.store.go_down();

    let body = json!({ "email": "eve@example.com", "password": PASSWORD });
    assert_unavailable(&server.post("/auth/register", body).await);
    assert_unavailable(&server.try_sign_in(EMAIL, PASSWORD).await);
    assert_unavailable(&server.try_sign_in(EMAIL, "not the password").await);
    assert_unavailable(&server.try_refresh(&tokens.refresh).await);
    let body = json!({ "refreshToken": tokens.refresh });
    assert_unavailable(&server.post("/auth/logout", body).await);
    for path in ["/auth/logout", "/auth/logout-all"] {
        assert_unavailable(&server.post_as(&tokens.access, path).await);
    }
    for path in ["/auth/password/forgot", "/auth/verify-email/resend"] {
        for email in [EMAIL, "nobody@example.com"] {
            assert_unavailable(&server.post(path, json!({ "email": email })).await);
        }
    }
    let body = json!({ "token": mail.token(), "password": PASSWORD });
    assert_unavailable(&server.verify_email(body).await);
    assert_unavailable(&server.reset(mail.token()).await);
    assert_unavailable(&server.reset_typed(mail.challenge(), mail.code()).await);
    let body = json!({ "currentPassword": PASSWORD, "newPassword": NEW_PASSWORD });
    assert_unavailable(&server.post_json_as(&tokens.access, "/auth/password/change", body).await);
    let body = json!({ "password": PASSWORD });
    assert_unavailable(&server.post_json_as(&tokens.access, "/auth/step-up", body).await);
    assert_unavailable(&server.patch_as(&tokens.access, "/auth/me", json!({})).await);
    assert_unavailable(&server.delete_as(&tokens.access, "/auth/me").await);
    for path in ["/auth/me", "/auth/sessions", "/auth/verify"] {
        assert_unavailable(&server.get_as(&tokens.access, path).await);
    }
    let path = format!("/auth/sessions/{}", tokens.session());
    assert_unavailable(&server.delete_as(&tokens.access, &path).await);
    assert_unavailable(&server.get("/.well-known/revocations").await);

    server.store.come_up();
    server.refresh(&tokens.refresh).await;
}

#[tokio::test]
async fn the_answer_tells_nothing_of_the_cause() {
    let server = TestServer::start().await;
    server.store.go_down();
    let answer = server.try_sign_in(EMAIL, PASSWORD).await;
    insta::assert_snapshot!(
        answer.folded(),
        @r#"
        {"type":"urn:doorward:problem:dependency_unavailable",
        "title":"Something that we need does not answer",
        "status":503,
        "detail":"Try again after `Retry-After` seconds.",
        "code":"dependency_unavailable",
        "requestId":"req-1"}
        "#
    );
}

#[tokio::test]
async fn a_write_that_fails_after_its_reads_is_no_refusal() {
    for (broken, path) in [
        ("insert_session", "/auth/login"),
        ("insert_user", "/auth/register"),
        ("find_user", "/auth/register"),
    ] {
        let server = TestServer::start().await;
        server.register(EMAIL).await;
        server.store.fail(broken);
        let email = if path == "/auth/login" { EMAIL } else { "eve@example.com" };
        let answer = server.post(path, json!({ "email": email, "password": PASSWORD })).await;
        assert_unavailable(&answer);
    }
}

#[tokio::test]
async fn a_refresh_that_cannot_be_written_rotates_nothing() {
    for broken in ["advance_generation", "advance_forgiven", "end_session", "insert_events"] {
        let server = TestServer::start().await;
        let first = server.ada().await;
        let second = server.refresh(&first.refresh).await;
        let third = server.refresh(&second.refresh).await;
        let before = (server.session(&first).await, server.events().await);
        server.store.fail(broken);
        let answer = match broken {
            "advance_generation" => server.try_refresh(&third.refresh).await,
            "end_session" => server.try_refresh(&first.refresh).await,
            "insert_events" => server.try_refresh_by("other/1", &second.refresh).await,
            _ => {
                server.clock.advance(std::time::Duration::from_hours(1));
                server.try_refresh(&second.refresh).await
            }
        };
        assert_unavailable(&answer);
        assert_eq!((server.session(&first).await, server.events().await), before, "{broken}");
    }
}

#[tokio::test]
async fn what_needs_no_store_goes_on() {
    let server = TestServer::start().await;
    server.store.go_down();
    for path in ["/livez", "/.well-known/jwks.json", "/openapi.json", "/docs"] {
        server.get(path).await.assert_status(200);
    }
    server.get("/auth/me").await.assert_problem(401, "invalid_token");
    server.get("/nowhere").await.assert_problem(404, "not_found");
    server.send(server.request(Method::PUT, "/auth/me")).await.assert_status(405);
    server.post("/auth/login", json!({})).await.assert_problem(400, "validation_failed");
    server.try_refresh("dwr_nonsense").await.assert_problem(401, "invalid_token");
}
