//! Sign-ins of people whose role asks for a second factor that they do not have.

use std::time::Duration;

use harness::domain::RoleName;
use harness::{EMAIL, PASSWORD, TestServer, Tokens};
use serde_json::json;

use super::*;

fn admin() -> RoleName {
    RoleName::parse("ADMIN").unwrap()
}

/// A deployment whose administrators need a second factor, with Ada as one.
async fn with_admin_ada() -> TestServer {
    let server =
        TestServer::builder().policy(|policy| policy.mfa.required_roles = [admin()].into());
    let server = server.start().await;
    let made = server.put_user(EMAIL, |user| {
        user.is_email_verified = true;
        user.roles = [admin()].into();
    });
    made.await;
    server
}

async fn wants_enrolment(server: &TestServer) -> String {
    session_token(&server.try_sign_in(EMAIL, PASSWORD).await, "mfaEnrolmentRequired")
}

async fn begin_with(server: &TestServer, token: &str) -> Authenticator {
    let answer = server.post("/auth/mfa/setup", json!({ "sessionToken": token })).await;
    answer.assert_status(200);
    Authenticator::scan(answer.json()["otpauthUri"].as_str().unwrap())
}

async fn confirm_with(server: &TestServer, token: &str, code: &str) -> Answer {
    let body = json!({ "sessionToken": token, "code": code });
    server.post("/auth/mfa/verify-setup", body).await
}

#[tokio::test]
async fn they_set_it_up_and_get_tokens_and_backup_codes_at_once() {
    let server = with_admin_ada().await;
    let answer = server.try_sign_in(EMAIL, PASSWORD).await;
    let body = answer.json();
    assert_eq!((&body["tokenType"], &body["expiresIn"]), (&json!("Bearer"), &json!(900)));
    assert!(body.get("mfaRequired").is_none());
    let token = wants_enrolment(&server).await;
    let app = begin_with(&server, &token).await;
    let answer = confirm_with(&server, &token, &shown(&server, &app)).await;
    let tokens = Tokens::of(&answer);
    assert_eq!(texts(&answer.json()["backupCodes"]).len(), 10);
    assert_eq!(tokens.claims()["amr"], json!(["pwd", "otp", "mfa"]));
    assert_eq!(tokens.body["user"]["mfaEnabled"], true);
    server.refresh(&tokens.refresh).await;
    server.clock.advance(STEP);
    sign_in_with_both(&server, &app).await;
    // The session token is over.
    let again = confirm_with(&server, &token, &shown(&server, &app)).await;
    again.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn the_session_token_allows_enrolment_only() {
    let server = with_admin_ada().await;
    let token = wants_enrolment(&server).await;
    server.get_as(&token, "/auth/me").await.assert_problem(401, "invalid_token");
    verify(&server, &token, "123456").await.assert_problem(401, "invalid_token");
    server.try_refresh(&token).await.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn five_wrong_codes_end_it() {
    let server = with_admin_ada().await;
    let token = wants_enrolment(&server).await;
    let app = begin_with(&server, &token).await;
    for _ in 0..5 {
        let answer = confirm_with(&server, &token, &wrong(&server, &app)).await;
        answer.assert_problem(401, "invalid_mfa_code");
    }
    let right = confirm_with(&server, &token, &shown(&server, &app)).await;
    right.assert_problem(401, "invalid_token");
    let set_up = server.post("/auth/mfa/setup", json!({ "sessionToken": token })).await;
    set_up.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn it_is_over_after_a_quarter_of_an_hour() {
    let server = with_admin_ada().await;
    let token = wants_enrolment(&server).await;
    let app = begin_with(&server, &token).await;
    server.clock.advance(Duration::from_mins(15));
    let late = confirm_with(&server, &token, &shown(&server, &app)).await;
    late.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn a_session_token_beside_a_bearer_is_refused() {
    let server = with_admin_ada().await;
    let token = wants_enrolment(&server).await;
    server.put_user("bob@example.com", |user| user.is_email_verified = true).await;
    let bob = server.sign_in("bob@example.com").await;
    let body = json!({ "sessionToken": token });
    let answer = server.post_json_as(&bob.access, "/auth/mfa/setup", body).await;
    answer.assert_problem(400, "validation_failed");
}

#[tokio::test]
async fn who_does_not_hold_such_a_role_signs_in_as_ever() {
    let server = with_admin_ada().await;
    server.put_user("bob@example.com", |user| user.is_email_verified = true).await;
    server.sign_in("bob@example.com").await;
}

#[tokio::test]
async fn who_disables_the_factor_has_to_set_up_another_at_the_next_sign_in() {
    let server = with_admin_ada().await;
    let token = wants_enrolment(&server).await;
    let app = begin_with(&server, &token).await;
    let tokens = Tokens::of(&confirm_with(&server, &token, &shown(&server, &app)).await);
    let body = json!({ "password": PASSWORD });
    server.post_json_as(&tokens.access, "/auth/mfa/disable", body).await.assert_status(204);
    wants_enrolment(&server).await;
}

#[tokio::test]
async fn a_session_from_before_the_role_asked_for_it_gets_no_more_tokens() {
    let server = TestServer::start().await;
    server.put_user(EMAIL, |user| user.roles = [admin()].into()).await;
    let before = server.sign_in(EMAIL).await;
    let strict = server.beside().policy(|policy| policy.mfa.required_roles = [admin()].into());
    let strict = strict.start().await;
    let refused = strict.try_refresh(&before.refresh).await;
    refused.assert_problem(401, "session_revoked");
    // With the access token that is left a factor can be set up, and then it goes on.
    let ada = enrol(&strict, before).await;
    strict.refresh(&ada.tokens.refresh).await;
}

#[tokio::test]
async fn nor_does_a_step_up_lead_past_the_role() {
    let server = TestServer::start().await;
    server.put_user(EMAIL, |user| user.roles = [admin()].into()).await;
    let before = server.sign_in(EMAIL).await;
    let strict = server.beside().policy(|policy| policy.mfa.required_roles = [admin()].into());
    let strict = strict.start().await;
    let body = json!({ "password": PASSWORD });
    let refused = strict.post_json_as(&before.access, "/auth/step-up", body).await;
    refused.assert_problem(401, "session_revoked");
}

#[tokio::test]
async fn a_replay_is_one_even_where_a_factor_is_missing() {
    let server = TestServer::start().await;
    server.put_user(EMAIL, |user| user.roles = [admin()].into()).await;
    let first = server.sign_in(EMAIL).await;
    let second = server.refresh(&first.refresh).await;
    server.refresh(&second.refresh).await;
    server.clock.advance(Duration::from_mins(1));
    let strict = server.beside().policy(|policy| policy.mfa.required_roles = [admin()].into());
    strict.start().await.try_refresh(&first.refresh).await.assert_status(401);
    assert_eq!(server.events_of_type("session.replay_detected").await.len(), 1);
}

#[tokio::test]
async fn of_two_enrolments_the_second_is_over_when_the_first_is_done() {
    let server = with_admin_ada().await;
    let (token, other) = (wants_enrolment(&server).await, wants_enrolment(&server).await);
    let app = begin_with(&server, &token).await;
    Tokens::of(&confirm_with(&server, &token, &shown(&server, &app)).await);
    let set_up = server.post("/auth/mfa/setup", json!({ "sessionToken": other })).await;
    set_up.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn of_many_who_confirm_at_once_one_gets_tokens_and_the_others_may_sign_in() {
    let server = std::sync::Arc::new(with_admin_ada().await);
    let token = wants_enrolment(&server).await;
    let app = begin_with(&server, &token).await;
    let body = json!({ "sessionToken": token, "code": shown(&server, &app) });
    let mut racing = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (server, body) = (server.clone(), body.clone());
        racing.spawn(async move { server.post("/auth/mfa/verify-setup", body).await });
    }
    let answers = racing.join_all().await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|it| it.status == 200);
    assert_eq!(done.len(), 1, "{answers:?}");
    for answer in refused {
        answer.assert_problem(401, "invalid_token");
    }
}

#[tokio::test]
async fn backup_codes_are_shown_even_where_the_session_cannot_begin() {
    let server = with_admin_ada().await;
    let token = wants_enrolment(&server).await;
    let app = begin_with(&server, &token).await;
    server.store.fail("insert_session");
    let answer = confirm_with(&server, &token, &shown(&server, &app)).await;
    answer.assert_status(200);
    assert_eq!(texts(&answer.json()["backupCodes"]).len(), 10);
    assert!(answer.json().get("accessToken").is_none());
    server.clock.advance(STEP);
    sign_in_with_both(&server.beside().start().await, &app).await;
}
