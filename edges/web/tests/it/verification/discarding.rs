//! Starting over: nothing stays of what was set before anybody had proved the address.

use std::sync::Arc;
use std::time::Duration;

use harness::{Answer, EMAIL, NEW_PASSWORD, PASSWORD, TestServer};
use serde_json::json;

use super::{PATH, is_verified, start};

/// Discards by the link, and returns the token that sets a new password.
async fn discard(server: &TestServer, token: &str) -> String {
    let answer = server.verify_email(json!({ "token": token, "discardPassword": true })).await;
    reset_token(&answer)
}

#[track_caller]
fn reset_token(answer: &Answer) -> String {
    answer.assert_status(200);
    answer.json()["resetToken"].as_str().unwrap().to_owned()
}

/// Eve signs up with Ada's address and waits for Ada to open the link.
#[tokio::test]
async fn whoever_registers_an_address_first_does_not_get_the_account_of_its_owner() {
    let (server, mail) = start().await;
    let eve = server.sign_in(EMAIL).await;

    let answer = server.verify_email(json!({ "token": mail.token() })).await;
    answer.assert_problem(401, "password_required");
    let body = json!({ "token": mail.token(), "password": "a guess of Ada's" });
    server.verify_email(body).await.assert_problem(401, "invalid_credentials");
    assert!(!is_verified(&server).await);
    assert_eq!(server.refresh(&eve.refresh).await.claims().get("email"), None);

    let reset = discard(&server, mail.token()).await;
    server.get_as(&eve.access, "/auth/me").await.assert_problem(401, "session_revoked");
    server.try_refresh(&eve.refresh).await.assert_problem(401, "session_revoked");
    server.try_sign_in(EMAIL, PASSWORD).await.assert_problem(401, "invalid_credentials");
    server.reset(&reset).await.assert_status(204);
    server.try_sign_in(EMAIL, PASSWORD).await.assert_problem(401, "invalid_credentials");
    server.try_refresh(&eve.refresh).await.assert_problem(401, "session_revoked");
    server.try_sign_in(EMAIL, NEW_PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn a_discarded_password_leaves_a_verified_address_and_a_way_to_the_next() {
    let (server, mail) = start().await;
    let body = json!({ "token": mail.token(), "discardPassword": true });
    let answer = server.verify_email(body).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let token = reset_token(&answer);
    insta::assert_snapshot!(
        harness::fold(&harness::mask_ids(&answer.body.replace(&token, "RESET"))),
        @r#"
        {"user":{"id":"USER",
        "email":"ada@example.com",
        "emailVerified":true,
        "username":null,
        "name":null,
        "role":"USER",
        "roles":["USER"],
        "permissions":["profile:read"],
        "mfaEnabled":false,
        "createdAt":"2024-11-11T13:51:40.000Z",
        "lastLoginAt":null},
        "resetToken":"RESET"}
        "#
    );
    assert!(server.account(EMAIL).await.user.password_hash.is_none());
    assert_eq!(server.events().await.len(), 3, "the account was made, too");
    let verified = server.events_of_type("user.email_verified").await;
    assert_eq!((verified.len(), &verified[0]["subjectVersion"]), (1, &json!(2)));
    let revoked = server.events_of_type("session.revoked").await;
    assert_eq!(revoked[0]["data"]["reason"], "password_discarded");
}

#[tokio::test]
async fn the_short_code_discards_too() {
    let (server, mail) = start().await;
    let mut body = json!({ "challengeId": mail.challenge(), "code": "0000-0000" });
    body["discardPassword"] = true.into();
    server.verify_email(body.clone()).await.assert_problem(400, "invalid_token");
    body["code"] = mail.code().into();
    let reset = reset_token(&server.verify_email(body).await);
    server.reset(&reset).await.assert_status(204);
    server.try_sign_in(EMAIL, NEW_PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn a_password_is_given_or_discarded() {
    let (server, mail) = start().await;
    let mut body = json!({ "token": mail.token(), "password": PASSWORD });
    body["discardPassword"] = true.into();
    let answer = server.verify_email(body.clone()).await;
    answer.assert_problem(400, "validation_failed");
    assert_eq!(answer.json()["errors"][0]["field"], "discardPassword");
    assert!(!is_verified(&server).await);
    body["discardPassword"] = false.into();
    server.verify_email(body).await.assert_status(200);
    server.try_sign_in(EMAIL, PASSWORD).await.assert_status(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_callers_discards() {
    let (server, mail) = start().await;
    let server = Arc::new(server);
    let body = json!({ "token": mail.token(), "discardPassword": true });
    let statuses = server.race(PATH, vec![body; 16]).await;
    assert_eq!(statuses, [vec![200], vec![400; 15]].concat());
    assert_eq!(server.account(EMAIL).await.user.session_epoch, 1);
}

/// A sign-in with the old password that is under way must not outlive it.
#[tokio::test]
async fn a_sign_in_that_raced_the_discarding_does_not_survive_it() {
    let (server, mail) = start().await;
    let server = Arc::new(server);
    let mut paused = server.store.pause("insert_session");
    let of_its_own = Arc::clone(&server);
    let racing = tokio::spawn(async move { of_its_own.try_sign_in(EMAIL, PASSWORD).await });
    paused.reached().await;
    discard(&server, mail.token()).await;
    paused.resume();
    racing.await.unwrap().assert_problem(401, "invalid_credentials");
    assert!(server.events_of_type("user.login").await.is_empty());
}

#[tokio::test]
async fn the_token_that_sets_a_new_password_works_once_and_for_ten_minutes() {
    let (server, mail) = start().await;
    let token = discard(&server, mail.token()).await;
    let as_a_link = json!({ "token": token, "discardPassword": true });
    server.verify_email(as_a_link).await.assert_problem(400, "invalid_token");
    server.reset(&token).await.assert_status(204);
    server.reset(&token).await.assert_problem(400, "invalid_token");

    let (server, mail) = start().await;
    let token = discard(&server, mail.token()).await;
    server.clock.advance(Duration::from_mins(10));
    server.reset(&token).await.assert_problem(400, "invalid_token");
    // Nobody is locked out by having lost it.
    let mail = server.forgot_mail(EMAIL).await;
    server.reset(mail.token()).await.assert_status(204);
    server.try_sign_in(EMAIL, NEW_PASSWORD).await.assert_status(200);
}

/// A mail that was asked for before, and comes after, is no way to throw the owner out.
#[tokio::test]
async fn what_was_set_after_the_address_was_proved_is_not_discarded() {
    let (server, mail) = start().await;
    let server = Arc::new(server);
    server.clock.advance(Duration::from_secs(30));
    let mut paused = server.store.pause("put_code");
    let asking = Arc::clone(&server);
    let resend = tokio::spawn(async move { asking.resend(EMAIL).await });
    paused.reached().await;
    let body = json!({ "token": mail.token(), "password": PASSWORD });
    server.verify_email(body).await.assert_status(200);
    paused.resume();
    resend.await.unwrap();

    let late = server.newest_mail_to(EMAIL).await;
    assert_ne!(late.token(), mail.token());
    let body = json!({ "token": late.token(), "discardPassword": true });
    server.verify_email(body).await.assert_problem(400, "invalid_token");
    server.try_sign_in(EMAIL, PASSWORD).await.assert_status(200);
}
