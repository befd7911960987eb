//! Browsers that are asked for no second factor for a while.

use harness::domain::Client;
use harness::{EMAIL, NEW_PASSWORD, PASSWORD, TestServer, Tokens};
use serde_json::{Value, json};
use service::Origin;

use super::*;

const MONTH: Duration = Duration::from_hours(30 * 24);

/// A deployment in which browsers are trusted for a month.
async fn trusting() -> TestServer {
    let server = TestServer::builder();
    server.policy(|policy| policy.mfa.trusted_device_ttl = Some(MONTH)).start().await
}

/// Signs Ada in with both factors, and has the browser trusted.
async fn trust(server: &TestServer, app: &Authenticator) -> Tokens {
    let token = first_step(server).await;
    let code = shown(server, app);
    let body = json!({ "sessionToken": token, "code": code, "rememberDevice": true });
    let tokens = Tokens::of(&server.post("/auth/mfa/verify", body).await);
    server.clock.advance(STEP);
    tokens
}

fn device_token(tokens: &Tokens) -> String {
    tokens.body["deviceToken"].as_str().unwrap().to_owned()
}

async fn sign_in_on(server: &TestServer, email: &str, password: &str, device: &str) -> Answer {
    let body = json!({ "email": email, "password": password, "deviceToken": device });
    server.post("/auth/login", body).await
}

async fn is_trusted(server: &TestServer, device: &str) -> bool {
    let answer = sign_in_on(server, EMAIL, PASSWORD, device).await;
    answer.assert_status(200);
    answer.json().get("accessToken").is_some()
}

async fn listed(server: &TestServer, tokens: &Tokens) -> Vec<Value> {
    let body = server.get_as(&tokens.access, "/auth/sessions").await.json();
    body["trustedDevices"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn it_is_asked_for_no_code_for_a_month() {
    let server = trusting().await;
    let ada = enrolled_ada(&server).await;
    let first = trust(&server, &ada.app).await;
    let device = device_token(&first);
    assert!(device.starts_with("dwd_"));
    let tokens = Tokens::of(&sign_in_on(&server, EMAIL, PASSWORD, &device).await);
    assert_eq!(tokens.claims()["amr"], json!(["pwd", "trusted_device"]));
    assert!(tokens.body.get("deviceToken").is_none(), "the browser has it");
    server.clock.advance(Duration::from_millis(30 * 24 * 3_600_000 - 30_000 - 1));
    assert!(is_trusted(&server, &device).await);
    server.clock.advance(Duration::from_millis(1));
    assert!(!is_trusted(&server, &device).await, "use does not prolong it");
}

#[tokio::test]
async fn by_default_there_are_none() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let tokens = trust(&server, &ada.app).await;
    assert!(tokens.body.get("deviceToken").is_none());
    assert!(listed(&server, &tokens).await.is_empty());
}

#[tokio::test]
async fn an_operator_who_stops_it_stops_it_for_devices_that_are_trusted() {
    let server = trusting().await;
    let ada = enrolled_ada(&server).await;
    let device = device_token(&trust(&server, &ada.app).await);
    let strict = server.beside().start().await;
    assert!(!is_trusted(&strict, &device).await);
    assert!(is_trusted(&server, &device).await);
}

#[tokio::test]
async fn its_token_is_no_password_and_of_one_user() {
    let server = trusting().await;
    let ada = enrolled_ada(&server).await;
    let device = device_token(&trust(&server, &ada.app).await);
    let answer = sign_in_on(&server, EMAIL, "not the password", &device).await;
    answer.assert_problem(401, "invalid_credentials");
    server.put_user("bob@example.com", |user| user.is_email_verified = true).await;
    let tokens = server.sign_in("bob@example.com").await;
    enrol(&server, tokens).await;
    let answer = sign_in_on(&server, "bob@example.com", PASSWORD, &device).await;
    session_token(&answer, "mfaRequired");
    for forged in ["", "dwd_", "dwd_AAAA", &format!("{device}A"), &"x".repeat(5000)] {
        assert!(!is_trusted(&server, forged).await, "{forged}");
    }
}

#[tokio::test]
async fn a_sign_in_without_the_factor_does_not_count_as_one_with_it() {
    let server = trusting().await;
    let ada = enrolled_ada(&server).await;
    let device = device_token(&trust(&server, &ada.app).await);
    let tokens = Tokens::of(&sign_in_on(&server, EMAIL, PASSWORD, &device).await);
    let answer = server.post_as(&tokens.access, "/auth/mfa/backup-codes").await;
    answer.assert_problem(401, "step_up_required");
}

#[tokio::test]
async fn the_user_sees_it_and_ends_it() {
    let server = trusting().await;
    let ada = enrolled_ada(&server).await;
    let first = trust(&server, &ada.app).await;
    let device = device_token(&first);
    let other = device_token(&trust(&server, &ada.app).await);
    let devices = listed(&server, &first).await;
    assert_eq!(devices.len(), 2);
    assert_eq!((&devices[0]["current"], &devices[1]["current"]), (&json!(true), &json!(false)));
    assert_eq!(
        (&devices[0]["device"], &devices[0]["ip"]),
        (&json!("harness/1"), &json!("127.0.0.1"))
    );
    let tokens = Tokens::of(&sign_in_on(&server, EMAIL, PASSWORD, &device).await);
    let now = listed(&server, &tokens).await;
    assert_eq!(now[0]["current"], true, "the session that was begun on it last");
    assert_ne!(now[0]["lastUsedAt"], devices[0]["lastUsedAt"]);
    assert_eq!(now[0]["expiresAt"], devices[0]["expiresAt"]);

    let path = format!("/auth/sessions/{}", devices[0]["id"].as_str().unwrap());
    server.delete_as(&tokens.access, &path).await.assert_status(204);
    server.delete_as(&tokens.access, &path).await.assert_problem(404, "not_found");
    assert!(!is_trusted(&server, &device).await);
    assert!(is_trusted(&server, &other).await);
    server.get_as(&tokens.access, "/auth/me").await.assert_status(200);
}

#[tokio::test]
async fn nobody_ends_that_of_another() {
    let server = trusting().await;
    let ada = enrolled_ada(&server).await;
    let tokens = trust(&server, &ada.app).await;
    let id = listed(&server, &tokens).await[0]["id"].as_str().unwrap().to_owned();
    server.put_user("bob@example.com", |user| user.is_email_verified = true).await;
    let bob = server.sign_in("bob@example.com").await;
    let answer = server.delete_as(&bob.access, &format!("/auth/sessions/{id}")).await;
    answer.assert_problem(404, "not_found");
    assert!(is_trusted(&server, &device_token(&tokens)).await);
}

#[tokio::test]
async fn it_ends_with_the_session_that_was_begun_on_it() {
    let server = trusting().await;
    let ada = enrolled_ada(&server).await;
    let device = device_token(&trust(&server, &ada.app).await);
    let there = Tokens::of(&sign_in_on(&server, EMAIL, PASSWORD, &device).await);
    let path = format!("/auth/sessions/{}", there.session());
    server.delete_as(&ada.tokens.access, &path).await.assert_status(204);
    assert!(!is_trusted(&server, &device).await, "whoever ends it has lost the browser");
}

#[tokio::test]
async fn it_ends_with_a_session_whose_refresh_token_was_stolen() {
    let server = trusting().await;
    let ada = enrolled_ada(&server).await;
    let first = trust(&server, &ada.app).await;
    let second = server.refresh(&first.refresh).await;
    server.refresh(&second.refresh).await;
    server.clock.advance(Duration::from_mins(1));
    server.try_refresh(&first.refresh).await.assert_problem(401, "session_revoked");
    assert!(!is_trusted(&server, &device_token(&first)).await);
}

#[tokio::test]
async fn it_ends_with_an_earlier_session_of_the_same_browser_too() {
    let server = trusting().await;
    let ada = enrolled_ada(&server).await;
    let first = trust(&server, &ada.app).await;
    let second = Tokens::of(&sign_in_on(&server, EMAIL, PASSWORD, &device_token(&first)).await);
    server.post_as(&second.access, "/auth/logout").await.assert_status(204);
    let path = format!("/auth/sessions/{}", first.session());
    server.delete_as(&first.access, &path).await.assert_status(204);
    assert!(!is_trusted(&server, &device_token(&first)).await);
}

#[tokio::test]
async fn an_operator_who_shortens_the_time_shortens_that_of_trusted_devices() {
    let server = trusting().await;
    let ada = enrolled_ada(&server).await;
    let tokens = trust(&server, &ada.app).await;
    let strict = server.beside();
    let strict = strict.policy(|policy| policy.mfa.trusted_device_ttl = Some(2 * STEP));
    let strict = strict.start().await;
    assert!(is_trusted(&strict, &device_token(&tokens)).await);
    server.clock.advance(STEP);
    assert!(!is_trusted(&strict, &device_token(&tokens)).await);
    assert!(listed(&strict, &tokens).await.is_empty());
    assert_eq!(listed(&server, &tokens).await.len(), 1);
}

#[tokio::test]
async fn for_the_fifty_first_the_oldest_goes() {
    let server = trusting().await;
    let ada = enrolled_ada(&server).await;
    let oldest = device_token(&trust(&server, &ada.app).await);
    let second = device_token(&trust(&server, &ada.app).await);
    for _ in 0..48 {
        trust(&server, &ada.app).await;
    }
    assert!(is_trusted(&server, &oldest).await);
    let newest = trust(&server, &ada.app).await;
    assert_eq!(listed(&server, &newest).await.len(), 50);
    assert!(!is_trusted(&server, &oldest).await);
    assert!(is_trusted(&server, &second).await);
}

#[tokio::test]
async fn signing_out_leaves_it() {
    let server = trusting().await;
    let ada = enrolled_ada(&server).await;
    let first = trust(&server, &ada.app).await;
    server.post_as(&first.access, "/auth/logout").await.assert_status(204);
    assert!(is_trusted(&server, &device_token(&first)).await);
}

#[tokio::test]
async fn it_ends_with_everything_that_ends_all_sessions() {
    let server = trusting().await;
    let ada = enrolled_ada(&server).await;
    let tokens = trust(&server, &ada.app).await;
    let device = device_token(&tokens);
    server.post_as(&tokens.access, "/auth/logout-all").await.assert_status(204);
    assert!(!is_trusted(&server, &device).await);

    let tokens = trust(&server, &ada.app).await;
    let device = device_token(&tokens);
    let body = json!({ "currentPassword": PASSWORD, "newPassword": NEW_PASSWORD });
    let answer = server.post_json_as(&tokens.access, "/auth/password/change", body).await;
    answer.assert_status(204);
    assert!(listed(&server, &tokens).await.is_empty());
    let answer = sign_in_on(&server, EMAIL, NEW_PASSWORD, &device).await;
    session_token(&answer, "mfaRequired");
}

#[tokio::test]
async fn it_ends_with_the_factor() {
    let server = trusting().await;
    let ada = enrolled_ada(&server).await;
    let device = device_token(&trust(&server, &ada.app).await);
    let origin = Origin { request_id: None, client: Client::new(None, None) };
    server.service.reset_factor(EMAIL, &origin).await.unwrap();
    let tokens = server.sign_in(EMAIL).await;
    enrol(&server, tokens).await;
    assert!(!is_trusted(&server, &device).await);
}
