//! What a reset changes.

use std::sync::Arc;

use contracts::RevocationStore as _;
use domain::RevocationScope;
use harness::{EMAIL, NEW_PASSWORD, PASSWORD, REQUEST_ID, TestServer};
use serde_json::json;

use super::start;

#[tokio::test]
async fn whoever_forgot_gets_a_mail_that_sets_a_new_password() {
    for is_typed in [false, true] {
        let server = TestServer::start().await;
        server.register(EMAIL).await;
        let answer = server.post("/auth/password/forgot", json!({ "email": EMAIL })).await;
        answer.assert_status(202);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let challenge = answer.json()["challengeId"].clone();
        assert_eq!(
            harness::mask_ids(&answer.body),
            r#"{"challengeId":"CHALLENGE","expiresIn":600}"#
        );
        // Asking again changes nothing.
        let mail = server.forgot_mail(EMAIL).await;
        assert_eq!(challenge, mail.challenge());
        let link = format!("{}/pages/reset?c={}#", server.public_url, mail.challenge());
        assert!(mail.link.as_ref().unwrap().starts_with(&link), "{mail:?}");

        let answer = if is_typed {
            server.reset_typed(mail.challenge(), mail.code()).await
        } else {
            server.reset(mail.token()).await
        };
        answer.assert_status(204);
        assert_eq!(answer.body, "");
        server.try_sign_in(EMAIL, PASSWORD).await.assert_problem(401, "invalid_credentials");
        server.try_sign_in(EMAIL, NEW_PASSWORD).await.assert_status(200);
    }
}

#[tokio::test]
async fn every_session_ends_at_once() {
    let (server, first, mail) = start().await;
    let second = server.sign_in(EMAIL).await;
    server.register("eve@example.com").await;
    let eve = server.sign_in("eve@example.com").await;
    server.reset(mail.token()).await.assert_status(204);
    for tokens in [&first, &second] {
        server.try_refresh(&tokens.refresh).await.assert_problem(401, "session_revoked");
        for path in ["/auth/me", "/auth/verify", "/auth/sessions"] {
            server.get_as(&tokens.access, path).await.assert_problem(401, "session_revoked");
        }
    }
    let now = contracts::Clock::now(&server.clock);
    let list = server.store.inner().list_revocations(now, 10).await.unwrap();
    let scopes: Vec<_> = list.rows.iter().map(|row| row.scope.clone()).collect();
    let wanted = RevocationScope::User { user: first.user(), epoch_below: 1, except: None };
    assert_eq!(scopes, [wanted]);
    server.get_as(&eve.access, "/auth/me").await.assert_status(200);
    server.refresh(&eve.refresh).await;
}

#[tokio::test]
async fn a_reset_proves_the_address() {
    let (server, tokens, mail) = start().await;
    assert_eq!(tokens.body["user"]["emailVerified"], false);
    server.reset(mail.token()).await.assert_status(204);
    assert!(server.account(EMAIL).await.user.is_email_verified);
    let again = server.try_sign_in(EMAIL, NEW_PASSWORD).await;
    assert_eq!(harness::Tokens::of(&again).claims()["email"], EMAIL);
}

#[tokio::test]
async fn the_verification_mail_that_was_under_way_is_worthless_afterwards() {
    let server = TestServer::start().await;
    server.register(EMAIL).await;
    let verify = server.newest_mail_to(EMAIL).await;
    server.reset(server.forgot_mail(EMAIL).await.token()).await.assert_status(204);
    let body = json!({ "token": verify.token(), "discardPassword": true });
    server.verify_email(body).await.assert_problem(400, "invalid_token");
    server.try_sign_in(EMAIL, NEW_PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn a_user_without_a_password_gets_one() {
    let server = TestServer::start().await;
    server.put_user(EMAIL, |user| user.password_hash = None).await;
    server.reset(server.forgot_mail(EMAIL).await.token()).await.assert_status(204);
    server.try_sign_in(EMAIL, NEW_PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn a_reset_is_told_of() {
    let (server, tokens, mail) = start().await;
    let user = tokens.user();
    let asked = server.events_of_type("user.password_reset_requested").await;
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0]["data"], json!({ "id": user.as_str(), "ip": "127.0.0.1" }));
    assert_eq!(asked[0].get("subjectVersion"), None, "asking changes no user");
    server.reset(mail.token()).await.assert_status(204);
    let wanted = [
        ("user.email_verified", Some(2), json!({ "id": user.as_str(), "email": EMAIL })),
        ("user.password_changed", Some(2), json!({ "id": user.as_str(), "ip": "127.0.0.1" })),
        ("session.revoked", None, json!({ "userId": user.as_str(), "reason": "password_reset" })),
    ];
    for (name, version, data) in wanted {
        let event = server.events_of_type(name).await.remove(0);
        assert_eq!(event["subject"], user.as_str());
        assert_eq!(event["requestId"], REQUEST_ID);
        assert_eq!(event.get("subjectVersion").and_then(serde_json::Value::as_u64), version);
        assert_eq!(event["data"], data);
    }
    let text = serde_json::to_string(&server.events().await).unwrap();
    for secret in [mail.token(), mail.code(), PASSWORD, NEW_PASSWORD] {
        assert!(!text.contains(secret));
    }
}

#[tokio::test]
async fn the_user_gets_a_mail_that_the_password_was_changed() {
    let (server, _, mail) = start().await;
    let before = server.mails_to(EMAIL).await.len();
    server.reset(mail.token()).await.assert_status(204);
    let mails = server.mails_to(EMAIL).await;
    assert_eq!(mails.len(), before + 1);
    assert_eq!((&mails[0].link, &mails[0].code), (&None, &None));
    assert_eq!(mails[0].subject, "Your password for Doorward was changed");
}

#[tokio::test]
async fn a_sign_in_that_raced_the_reset_does_not_survive_it() {
    let (server, _, mail) = start().await;
    let server = Arc::new(server);
    let mut paused = server.store.pause("insert_session");
    let of_its_own = Arc::clone(&server);
    let racing = tokio::spawn(async move { of_its_own.try_sign_in(EMAIL, PASSWORD).await });
    paused.reached().await;
    server.reset(mail.token()).await.assert_status(204);
    paused.resume();
    racing.await.unwrap().assert_problem(401, "invalid_credentials");
    assert_eq!(server.events_of_type("user.login").await.len(), 1);
}

#[tokio::test]
async fn a_refresh_that_raced_the_reset_does_not_survive_it() {
    let (server, tokens, mail) = start().await;
    let server = Arc::new(server);
    let mut paused = server.store.pause("advance_generation");
    let (of_its_own, refresh) = (Arc::clone(&server), tokens.refresh);
    let racing = tokio::spawn(async move { of_its_own.try_refresh(&refresh).await });
    paused.reached().await;
    server.reset(mail.token()).await.assert_status(204);
    paused.resume();
    // It may still be answered, but with tokens of a session that has ended.
    let late = harness::Tokens::of(&racing.await.unwrap());
    assert_eq!(late.claims()["session_epoch"], 0);
    server.try_refresh(&late.refresh).await.assert_problem(401, "session_revoked");
    server.get_as(&late.access, "/auth/me").await.assert_problem(401, "session_revoked");
}

/// The clock stands still, and yet a consumer hears of it in the order in which it happened.
#[tokio::test]
async fn what_happens_in_one_moment_is_told_in_its_order() {
    let server = TestServer::start().await;
    server.register(EMAIL).await;
    for _ in 0..4 {
        server.sign_in(EMAIL).await;
    }
    let mail = server.forgot_mail(EMAIL).await;
    server.reset(mail.token()).await.assert_status(204);
    let told: Vec<String> =
        server.events().await.iter().map(|event| event["type"].as_str().unwrap().into()).collect();
    let sign_ins = ["user.login", "session.created"].repeat(4);
    let reset = [
        "user.password_reset_requested",
        "user.email_verified",
        "user.password_changed",
        "session.revoked",
    ];
    assert_eq!(told, [&["user.created"][..], &sign_ins, &reset].concat());
}
