//! How a second factor goes: by its user, by an operator, and not by a mail.

use harness::domain::Client;
use harness::{EMAIL, NEW_PASSWORD, PASSWORD, TestServer};
use serde_json::json;
use service::{Origin, ResetFactorError};

use super::*;

const PATH: &str = "/auth/mfa/disable";

fn operator() -> Origin {
    Origin { request_id: None, client: Client::new(None, None) }
}

#[tokio::test]
async fn the_user_disables_it_with_password_and_factor() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let (here, there) =
        (sign_in_with_both(&server, &ada.app).await, sign_in_with_both(&server, &ada.app).await);
    let answer = server.post_json_as(&here.access, PATH, json!({ "password": PASSWORD })).await;
    answer.assert_status(204);
    let me = me(&server, &here.access).await;
    assert_eq!(me["mfaEnabled"], false);
    assert!(me.get("backupCodesLeft").is_none());
    server.try_refresh(&there.refresh).await.assert_problem(401, "session_revoked");
    server.refresh(&here.refresh).await;
    server.sign_in(EMAIL).await;
    assert_eq!(server.account(EMAIL).await.user.totp, None, "nothing of it is kept");
    let events = server.events_of_type("user.mfa_disabled").await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["data"]["id"], here.user().as_str());
    assert_eq!(events[0]["actor"], here.user().as_str());
    assert_eq!(subjects(&server).await.len(), 2, "enabled, disabled");
}

#[tokio::test]
async fn it_stays_without_the_password() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let tokens = sign_in_with_both(&server, &ada.app).await;
    let wrong = json!({ "password": "not the password" });
    let answer = server.post_json_as(&tokens.access, PATH, wrong).await;
    answer.assert_problem(401, "invalid_credentials");
    let answer = server.post_json_as(&tokens.access, PATH, json!({})).await;
    answer.assert_problem(400, "validation_failed");
    first_step(&server).await;
}

#[tokio::test]
async fn what_is_not_there_is_not_disabled() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let body = json!({ "password": PASSWORD });
    let answer = server.post_json_as(&tokens.access, PATH, body.clone()).await;
    answer.assert_problem(409, "mfa_not_enabled");
    begin(&server, &tokens.access).await;
    let answer = server.post_json_as(&tokens.access, PATH, body).await;
    answer.assert_problem(409, "mfa_not_enabled");
}

#[tokio::test]
async fn after_it_was_disabled_another_can_be_set_up() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let tokens = sign_in_with_both(&server, &ada.app).await;
    server.post_json_as(&tokens.access, PATH, json!({ "password": PASSWORD })).await;
    let second = enrol(&server, tokens).await;
    let token = first_step(&server).await;
    let answer = verify(&server, &token, &shown(&server, &ada.app)).await;
    answer.assert_problem(401, "invalid_mfa_code");
    let answer = verify_backup(&server, &token, &ada.backup_codes[0]).await;
    answer.assert_problem(401, "invalid_mfa_code");
    verify(&server, &token, &shown(&server, &second.app)).await.assert_status(200);
}

#[tokio::test]
async fn an_operator_removes_it_and_all_sessions_and_the_user_is_told() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let tokens = sign_in_with_both(&server, &ada.app).await;
    let told = subjects(&server).await.len();
    let account = server.service.reset_factor(EMAIL, &operator()).await.unwrap();
    assert!(account.user.totp.is_none());
    for refresh in [&tokens.refresh, &ada.tokens.refresh] {
        server.try_refresh(refresh).await.assert_problem(401, "session_revoked");
    }
    server.sign_in(EMAIL).await;
    let events = server.events_of_type("user.mfa_disabled").await;
    assert_eq!(events.len(), 1);
    assert!(events[0].get("actor").is_none());
    let ended = server.events_of_type("session.revoked").await;
    assert!(ended.iter().any(|event| event["data"]["reason"] == "factor_reset"));
    assert_eq!(subjects(&server).await.len(), told + 1);

    let again = server.service.reset_factor(EMAIL, &operator()).await;
    assert!(matches!(again, Err(ResetFactorError::NotEnabled)));
    let nobody = server.service.reset_factor("nobody@example.com", &operator()).await;
    assert!(matches!(nobody, Err(ResetFactorError::UnknownUser)));
}

#[tokio::test]
async fn a_password_reset_neither_removes_it_nor_signs_in_past_it() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let mail = server.forgot_mail(EMAIL).await;
    server.reset(mail.token()).await.assert_status(204);
    let answer = server.try_sign_in(EMAIL, NEW_PASSWORD).await;
    let token = session_token(&answer, "mfaRequired");
    verify(&server, &token, &shown(&server, &ada.app)).await.assert_status(200);
    assert!(server.events_of_type("user.mfa_disabled").await.is_empty());
}

#[tokio::test]
async fn whoever_first_proves_the_address_is_not_held_up_by_the_factor_of_a_stranger() {
    let server = TestServer::start().await;
    // Somebody signs up with Ada's address and sets up a factor of their own.
    let stranger = server.ada().await;
    enrol(&server, stranger).await;
    let mail = server.forgot_mail(EMAIL).await;
    server.reset(mail.token()).await.assert_status(204);
    let answer = server.try_sign_in(EMAIL, NEW_PASSWORD).await;
    answer.assert_status(200);
    assert_eq!(answer.json()["user"]["mfaEnabled"], false);
    assert_eq!(server.events_of_type("user.mfa_disabled").await.len(), 1);
    let told = subjects(&server).await;
    assert!(told.iter().any(|subject| subject.ends_with("was removed")), "{told:?}");
}

#[tokio::test]
async fn discarding_the_password_discards_the_factor() {
    let server = TestServer::start().await;
    server.register(EMAIL).await;
    let verification = server.newest_mail_to(EMAIL).await;
    let stranger = server.sign_in(EMAIL).await;
    enrol(&server, stranger).await;
    let body = json!({ "token": verification.token(), "discardPassword": true });
    let answer = server.verify_email(body).await;
    answer.assert_status(200);
    assert_eq!(answer.json()["user"]["mfaEnabled"], false);
    assert_eq!(server.account(EMAIL).await.user.totp, None);
    assert_eq!(server.events_of_type("user.mfa_disabled").await.len(), 1);
    let told = subjects(&server).await;
    assert_eq!(told[0], "Your second factor for Doorward was removed", "{told:?}");
}

#[tokio::test]
async fn an_address_that_was_asked_for_before_the_factor_is_not_taken_over() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let wanted = json!({ "email": "thief@example.com" });
    server.patch_as(&tokens.access, "/auth/me", wanted).await.assert_status(200);
    let mail = server.newest_mail_to("thief@example.com").await;
    let ada = enrol(&server, tokens).await;
    let body = json!({ "token": mail.token(), "password": PASSWORD });
    server.verify_email(body).await.assert_problem(400, "invalid_token");
    // Asked for with the factor it is.
    let tokens = sign_in_with_both(&server, &ada.app).await;
    server.clock.advance(Duration::from_mins(2));
    let wanted = json!({ "email": "ada@example.org" });
    server.patch_as(&tokens.access, "/auth/me", wanted).await.assert_status(200);
    let mail = server.newest_mail_to("ada@example.org").await;
    let body = json!({ "token": mail.token(), "password": PASSWORD });
    server.verify_email(body).await.assert_status(200);
}

#[tokio::test]
async fn a_session_token_dies_with_whatever_its_user_does_about_credentials() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let tokens = sign_in_with_both(&server, &ada.app).await;
    let token = first_step(&server).await;
    let body = json!({ "currentPassword": PASSWORD, "newPassword": NEW_PASSWORD });
    let answer = server.post_json_as(&tokens.access, "/auth/password/change", body).await;
    answer.assert_status(204);
    let answer = verify(&server, &token, &shown(&server, &ada.app)).await;
    answer.assert_problem(401, "invalid_token");
    let again = server.try_sign_in(EMAIL, NEW_PASSWORD).await;
    let token = session_token(&again, "mfaRequired");
    let body = json!({ "password": NEW_PASSWORD });
    server.post_json_as(&tokens.access, PATH, body).await.assert_status(204);
    let answer = verify(&server, &token, &shown(&server, &ada.app)).await;
    answer.assert_problem(401, "invalid_token");
}
