//! `POST /auth/step-up`, and what it opens.

use std::time::Duration;

use harness::{Answer, EMAIL, PASSWORD, START, TestServer, Tokens};
use serde_json::{Value, json};

const PATH: &str = "/auth/step-up";
const RECENT: Duration = Duration::from_mins(10);
const CHALLENGE: &str = r#"Bearer error="insufficient_user_authentication", max_age="600""#;

async fn step_up(server: &TestServer, bearer: &str) -> Answer {
    server.post_json_as(bearer, PATH, json!({ "password": PASSWORD })).await
}

/// The access token of an answer with what it says.
fn access_of(answer: &Answer) -> (String, Value) {
    answer.assert_status(200);
    let access = answer.json()["accessToken"].as_str().unwrap().to_owned();
    // Only to read it: a step-up has no refresh token.
    let tokens = Tokens { access: access.clone(), refresh: String::new(), body: Value::Null };
    (access, tokens.claims())
}

/// Whether a call that needs a recent authentication lets that bearer in; it changes nothing.
async fn is_let_in(server: &TestServer, bearer: &str) -> bool {
    let body = json!({ "currentPassword": "not the password", "newPassword": "a much better one" });
    let answer = server.post_json_as(bearer, "/auth/password/change", body).await;
    match answer.problem().as_str() {
        "invalid_credentials" => true,
        "step_up_required" => {
            assert_eq!(answer.header("www-authenticate"), Some(CHALLENGE));
            false
        }
        other => panic!("{other}: {answer:?}"),
    }
}

#[tokio::test]
async fn the_password_renews_the_time_of_authentication() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    server.clock.advance(RECENT);
    let answer = step_up(&server, &tokens.access).await;
    let (access, claims) = access_of(&answer);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.json();
    let members: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(members.len(), 3, "no refresh token: {members:?}");
    assert_eq!((&body["tokenType"], &body["expiresIn"]), (&json!("Bearer"), &json!(900)));

    let now = START.unix_seconds() + 600;
    let old = tokens.claims();
    assert_eq!(old["auth_time"], START.unix_seconds());
    assert_eq!((&claims["auth_time"], &claims["iat"]), (&json!(now), &json!(now)));
    assert_eq!(claims["amr"], json!(["pwd"]));
    assert_eq!((&claims["sid"], &claims["sub"]), (&old["sid"], &old["sub"]));
    assert_ne!(claims["jti"], old["jti"]);
    server.get_as(&access, "/auth/me").await.assert_status(200);
}

#[tokio::test]
async fn it_neither_rotates_nor_adds_a_session() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let before = server.get_as(&tokens.access, "/auth/sessions").await.json();
    let events = server.events().await.len();
    server.clock.advance(RECENT);
    step_up(&server, &tokens.access).await.assert_status(200);
    assert_eq!(server.session(&tokens).await.generation, 1);
    let after = server.get_as(&tokens.access, "/auth/sessions").await.json();
    assert_eq!(after["items"].as_array().unwrap().len(), 1);
    assert_eq!(after["items"][0]["id"], before["items"][0]["id"]);
    assert_eq!(after["items"][0]["createdAt"], before["items"][0]["createdAt"]);
    assert_eq!(server.events().await.len(), events);
    // The newest refresh token is still the one of the sign-in.
    let next = server.refresh(&tokens.refresh).await;
    assert_eq!(server.session(&tokens).await.generation, 2);
    assert_eq!(next.claims()["auth_time"], START.unix_seconds() + 600);
}

#[tokio::test]
async fn afterwards_the_session_is_let_in_with_any_of_its_tokens() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    assert!(is_let_in(&server, &tokens.access).await, "a sign-in counts");
    server.clock.advance(RECENT);
    assert!(!is_let_in(&server, &tokens.access).await);
    let (access, _) = access_of(&step_up(&server, &tokens.access).await);
    assert!(is_let_in(&server, &access).await);
    assert!(is_let_in(&server, &tokens.access).await, "the session is renewed, not the token");
    let next = server.refresh(&tokens.refresh).await;
    assert!(is_let_in(&server, &next.access).await);

    server.clock.advance(RECENT.checked_sub(Duration::from_millis(1)).unwrap());
    assert!(is_let_in(&server, &access).await);
    server.clock.advance(Duration::from_millis(1));
    for old in [&access, &next.access] {
        assert!(!is_let_in(&server, old).await);
    }
    server.delete_as(&access, "/auth/me").await.assert_problem(401, "step_up_required");
    step_up(&server, &access).await.assert_status(200);
    server.delete_as(&next.access, "/auth/me").await.assert_status(204);
}

#[tokio::test]
async fn another_session_of_the_user_is_not_renewed() {
    let server = TestServer::start().await;
    let here = server.ada().await;
    let there = server.sign_in(EMAIL).await;
    server.clock.advance(RECENT);
    step_up(&server, &here.access).await.assert_status(200);
    assert!(is_let_in(&server, &here.access).await);
    assert!(!is_let_in(&server, &there.access).await);
}

#[tokio::test]
async fn a_wrong_password_renews_nothing() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    server.clock.advance(RECENT);
    for wrong in ["not the password", ""] {
        let answer = server.post_json_as(&tokens.access, PATH, json!({ "password": wrong })).await;
        answer.assert_problem(401, "invalid_credentials");
    }
    for body in [json!({}), json!({ "password": null }), json!({ "password": 1 })] {
        let answer = server.post_json_as(&tokens.access, PATH, body).await;
        answer.assert_problem(400, "validation_failed");
    }
    assert!(!is_let_in(&server, &tokens.access).await);
}

#[tokio::test]
async fn a_user_without_password_cannot_prove_one() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let mail = server.newest_mail_to(EMAIL).await;
    let body = json!({ "token": mail.token(), "discardPassword": true });
    server.post("/auth/verify-email", body).await.assert_status(200);
    step_up(&server, &tokens.access).await.assert_problem(401, "session_revoked");
}

#[tokio::test]
async fn it_takes_a_session_that_lives() {
    let server = TestServer::start().await;
    let ended = server.ada().await;
    server.post_as(&ended.access, "/auth/logout").await.assert_status(204);
    step_up(&server, &ended.access).await.assert_problem(401, "session_revoked");
    let nobody = server.post(PATH, json!({ "password": PASSWORD })).await;
    nobody.assert_problem(401, "invalid_token");

    let expired = server.sign_in(EMAIL).await;
    server.clock.advance(Duration::from_mins(16));
    step_up(&server, &expired.access).await.assert_problem(401, "token_expired");

    let disabled = server.sign_in(EMAIL).await;
    server.store.disable(&disabled.user());
    step_up(&server, &disabled.access).await.assert_problem(403, "account_disabled");
}

#[tokio::test]
async fn a_session_that_ends_while_the_password_is_verified_is_not_renewed() {
    for end in ["/auth/logout", "/auth/logout-all"] {
        let server = TestServer::start().await;
        let tokens = server.ada().await;
        let mut paused = server.store.pause("advance_authentication");
        let ending = async {
            paused.reached().await;
            server.post_as(&tokens.access, end).await.assert_status(204);
            paused.resume();
        };
        let (answer, ()) = tokio::join!(step_up(&server, &tokens.access), ending);
        answer.assert_problem(401, "session_revoked");
    }
}

#[tokio::test]
async fn an_instance_whose_clock_is_behind_does_not_make_it_older() {
    let server = TestServer::start().await;
    let behind = server.beside().clock_offset_ms(-5_000).start().await;
    let tokens = server.ada().await;
    let (_, claims) = access_of(&step_up(&behind, &tokens.access).await);
    assert_eq!(claims["auth_time"], START.unix_seconds());
    assert_eq!(server.session(&tokens).await.authenticated_at, START);
}
