//! Whoever reads the mail must be whoever set the password.

use std::time::Duration;

use harness::reqwest::Method;
use harness::{EMAIL, PASSWORD, REQUEST_ID, TestServer};
use serde_json::json;

use super::{PATH, is_verified, start};

const EVE: &str = "eve@example.com";

#[tokio::test]
async fn the_link_and_the_password_verify_the_address() {
    let (server, mail) = start().await;
    let before = server.sign_in(EMAIL).await.claims();
    assert_eq!((before.get("email"), &before["email_verified"]), (None, &json!(false)));
    let body = json!({ "token": mail.token(), "password": PASSWORD });
    let answer = server.verify_email(body).await;
    answer.assert_status(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    insta::assert_snapshot!(
        answer.folded(),
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
        "lastLoginAt":"2024-11-11T13:51:40.000Z"}}
        "#
    );
    let after = server.sign_in(EMAIL).await.claims();
    assert_eq!((&after["email"], &after["email_verified"]), (&json!(EMAIL), &json!(true)));
}

#[tokio::test]
async fn sessions_live_on_and_their_next_token_names_the_address() {
    let (server, mail) = start().await;
    let tokens = server.sign_in(EMAIL).await;
    let body = json!({ "token": mail.token(), "password": PASSWORD });
    server.verify_email(body).await.assert_status(200);
    assert_eq!(server.refresh(&tokens.refresh).await.claims()["email"], EMAIL);
    let me = server.get_as(&tokens.access, "/auth/me").await;
    assert_eq!(me.json()["emailVerified"], true);
}

#[tokio::test]
async fn the_short_code_verifies_with_the_challenge_of_the_registration() {
    let server = TestServer::start().await;
    let challenge = server.register(EMAIL).await["challengeId"].clone();
    let mail = server.newest_mail_to(EMAIL).await;
    assert_eq!(challenge, mail.challenge());
    let body = json!({ "challengeId": challenge, "code": mail.code(), "password": PASSWORD });
    server.verify_email(body).await.assert_status(200);
    assert!(is_verified(&server).await);
}

#[tokio::test]
async fn a_session_of_the_user_is_proof_for_link_and_code() {
    for is_typed in [false, true] {
        let (server, mail) = start().await;
        let bearer = server.sign_in(EMAIL).await.access;
        let body = if is_typed {
            json!({ "challengeId": mail.challenge(), "code": mail.code() })
        } else {
            json!({ "token": mail.token() })
        };
        server.post_json_as(&bearer, PATH, body).await.assert_status(200);
        assert!(is_verified(&server).await);
    }
}

#[tokio::test]
async fn without_proof_the_link_is_not_spent() {
    let (server, mail) = start().await;
    for _ in 0..3 {
        let answer = server.verify_email(json!({ "token": mail.token() })).await;
        answer.assert_status(401);
        insta::allow_duplicates! {
            insta::assert_snapshot!(
                answer.folded(),
                @r#"
                {"type":"urn:doorward:problem:password_required",
                "title":"Prove that you set the password",
                "status":401,
                "detail":
                "Send `password`, or a bearer of that user; or `discardPassword` to start over.",
                "code":"password_required",
                "requestId":"req-1"}
                "#
            );
        }
    }
    assert!(!is_verified(&server).await);
    let body = json!({ "token": mail.token(), "password": PASSWORD });
    server.verify_email(body).await.assert_status(200);
}

#[tokio::test]
async fn without_proof_no_try_of_the_short_code_is_counted() {
    let (server, mail) = start().await;
    server.store.take_calls();
    let mut body = json!({ "challengeId": mail.challenge(), "code": mail.code() });
    for _ in 0..6 {
        let answer = server.verify_email(body.clone()).await;
        answer.assert_problem(401, "password_required");
    }
    assert!(server.store.take_calls().is_empty());
    body["password"] = PASSWORD.into();
    server.verify_email(body).await.assert_status(200);
}

#[tokio::test]
async fn a_wrong_password_does_not_spend_the_link() {
    let (server, mail) = start().await;
    for wrong in ["not the password", "", "CORRECT HORSE BATTERY"] {
        let body = json!({ "token": mail.token(), "password": wrong });
        server.verify_email(body).await.assert_problem(401, "invalid_credentials");
    }
    assert!(!is_verified(&server).await);
    let body = json!({ "token": mail.token(), "password": PASSWORD });
    server.verify_email(body).await.assert_status(200);
}

/// Each costs a try, though: else the password could be guessed with a code that was seen once.
#[tokio::test]
async fn a_wrong_password_leaves_the_short_code_its_other_tries() {
    let (server, mail) = start().await;
    let (challenge, code) = (mail.challenge(), mail.code());
    let body =
        |password: &str| json!({ "challengeId": challenge, "code": code, "password": password });
    for _ in 0..4 {
        server.verify_email(body("wrong")).await.assert_problem(401, "invalid_credentials");
    }
    server.verify_email(body(PASSWORD)).await.assert_status(200);
}

#[tokio::test]
async fn a_session_of_somebody_else_is_no_proof() {
    let (server, mail) = start().await;
    server.register(EVE).await;
    let eve = server.sign_in(EVE).await.access;
    let link = json!({ "token": mail.token() });
    let typed = json!({ "challengeId": mail.challenge(), "code": mail.code() });
    for body in [link.clone(), typed] {
        let answer = server.post_json_as(&eve, PATH, body).await;
        answer.assert_problem(401, "password_required");
    }
    assert!(!is_verified(&server).await);
    let ada = server.sign_in(EMAIL).await.access;
    server.post_json_as(&ada, PATH, link).await.assert_status(200);
}

#[tokio::test]
async fn a_bearer_that_does_not_count_is_refused_and_not_overlooked() {
    let (server, mail) = start().await;
    let body = json!({ "token": mail.token() });
    let [old, ended] = [server.sign_in(EMAIL).await, server.sign_in(EMAIL).await];
    server.post_as(&ended.access, "/auth/logout").await.assert_status(204);
    let revoked = ended.access.as_str();
    let refusals =
        [("nonsense", "invalid_token"), ("a.b.c", "invalid_token"), (revoked, "session_revoked")];
    for (bearer, code) in refusals {
        let answer = server.post_json_as(bearer, PATH, body.clone()).await;
        answer.assert_problem(401, code);
        assert!(answer.header("www-authenticate").unwrap().contains("invalid_token"));
    }
    let basic = server.request(Method::POST, PATH).header("authorization", "Basic YTpi");
    server.send(basic.json(&body)).await.assert_problem(401, "invalid_token");
    server.clock.advance(Duration::from_hours(1));
    let answer = server.post_json_as(&old.access, PATH, body.clone()).await;
    answer.assert_problem(401, "token_expired");

    let fresh = server.sign_in(EMAIL).await;
    server.post_json_as(&fresh.access, PATH, body).await.assert_status(200);
}

#[tokio::test]
async fn a_user_without_a_password_needs_no_other_proof_than_the_link() {
    let server = TestServer::start().await;
    server.put_user(EMAIL, |user| user.password_hash = None).await;
    let mail = server.resend_mail(EMAIL).await;
    let body = json!({ "token": mail.token(), "password": PASSWORD });
    server.verify_email(body).await.assert_problem(401, "invalid_credentials");
    let answer = server.verify_email(json!({ "token": mail.token() })).await;
    answer.assert_status(200);
    assert_eq!(answer.json()["user"]["emailVerified"], true);
    assert!(server.account(EMAIL).await.user.password_hash.is_none());
}

#[tokio::test]
async fn a_verification_is_told_of() {
    let (server, mail) = start().await;
    let body = json!({ "token": mail.token(), "password": PASSWORD });
    server.verify_email(body).await.assert_status(200);
    let events = server.events_of_type("user.email_verified").await;
    assert_eq!(events.len(), 1);
    let user = server.account(EMAIL).await.user;
    assert_eq!(events[0]["subject"], user.id.as_str());
    assert_eq!(events[0]["subjectVersion"], 2);
    assert_eq!(events[0]["requestId"], REQUEST_ID);
    assert_eq!(events[0]["data"], json!({ "id": user.id.as_str(), "email": EMAIL }));
    assert_eq!(server.events().await.len(), 2, "the account was made, the address was verified");
}
