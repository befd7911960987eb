//! What a deployment asks of new users.

use std::time::Duration;

use harness::{EMAIL, NEW_PASSWORD, PASSWORD, TestServer};
use serde_json::json;
use service::VerifyEmail;

async fn server_that(verify_email: VerifyEmail) -> TestServer {
    let builder = TestServer::builder();
    builder.policy(move |policy| policy.registration.verify_email = verify_email).start().await
}

#[tokio::test]
async fn where_it_is_required_nobody_signs_in_before() {
    let server = server_that(VerifyEmail::Required).await;
    let body = server.register(EMAIL).await;
    assert_eq!(body["verificationRequired"], true);
    let refused = server.try_sign_in(EMAIL, PASSWORD).await;
    refused.assert_status(403);
    insta::assert_snapshot!(
        refused.folded(),
        @r#"
        {"type":"urn:doorward:problem:email_not_verified",
        "title":"The address is not verified",
        "status":403,
        "detail":"Open the link in the mail, or ask for another mail.",
        "code":"email_not_verified",
        "requestId":"req-1"}
        "#
    );
    let wrong = server.try_sign_in(EMAIL, "not the password").await;
    wrong.assert_problem(401, "invalid_credentials");
    assert!(server.events_of_type("session.created").await.is_empty());

    let mail = server.newest_mail_to(EMAIL).await;
    let body = json!({ "token": mail.token(), "password": PASSWORD });
    server.verify_email(body).await.assert_status(200);
    assert_eq!(server.sign_in(EMAIL).await.claims()["email"], EMAIL);
}

#[tokio::test]
async fn where_it_is_required_a_reset_by_mail_verifies_too() {
    let server = server_that(VerifyEmail::Required).await;
    server.register(EMAIL).await;
    server.reset(server.forgot_mail(EMAIL).await.token()).await.assert_status(204);
    server.try_sign_in(EMAIL, NEW_PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn where_it_is_optional_people_sign_in_before() {
    let server = server_that(VerifyEmail::Optional).await;
    let body = server.register(EMAIL).await;
    assert_eq!(body["verificationRequired"], false);
    assert!(body["challengeId"].is_string());
    assert_eq!(server.sign_in(EMAIL).await.body["user"]["emailVerified"], false);
    assert_eq!(server.mails_to(EMAIL).await.len(), 1);
}

#[tokio::test]
async fn where_it_is_off_nobody_is_asked() {
    let server = server_that(VerifyEmail::Off).await;
    let body = server.register(EMAIL).await;
    assert_eq!(body["verificationRequired"], false);
    assert!(body["challengeId"].is_null());
    assert_eq!(body["user"]["emailVerified"], false);
    server.sign_in(EMAIL).await;
    server.resend(EMAIL).await;
    server.clock.advance(Duration::from_mins(1));
    server.resend(EMAIL).await;
    assert!(server.mails_to(EMAIL).await.is_empty());
}

#[tokio::test]
async fn the_mail_is_sent_again_after_half_a_minute() {
    let server = TestServer::start().await;
    let first = server.register(EMAIL).await["challengeId"].as_str().unwrap().to_owned();
    assert_eq!(server.resend(EMAIL).await, first);
    server.clock.advance(Duration::from_millis(29_999));
    assert_eq!(server.resend(EMAIL).await, first);
    assert_eq!(server.mails_to(EMAIL).await.len(), 1);
    server.clock.advance(Duration::from_millis(1));
    let second = server.resend(EMAIL).await;
    assert_ne!(second, first);
    let mail = server.newest_mail_to(EMAIL).await;
    assert_eq!(mail.challenge(), second);
    let body = json!({ "token": mail.token(), "password": PASSWORD });
    server.verify_email(body).await.assert_status(200);
    server.clock.advance(Duration::from_mins(1));
    server.resend(EMAIL).await;
    assert_eq!(server.mails_to(EMAIL).await.len(), 2, "a verified address is not asked again");
}
