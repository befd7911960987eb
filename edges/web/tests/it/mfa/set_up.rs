//! `POST /auth/mfa/setup` and `/auth/mfa/verify-setup` by somebody who is signed in.

use std::time::Duration;

use harness::reqwest::Method;
use harness::{EMAIL, TestServer};
use serde_json::json;

use super::*;

#[tokio::test]
async fn a_secret_comes_for_typing_for_scanning_and_as_a_picture() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let answer = server.post_as(&tokens.access, "/auth/mfa/setup").await;
    answer.assert_status(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.json();
    let secret = body["secret"].as_str().unwrap();
    assert_eq!(secret.len(), 32, "160 bits in base32");
    let uri = format!("otpauth://totp/Doorward:ada%40example.com?secret={secret}&issuer=Doorward");
    assert_eq!(body["otpauthUri"], uri);
    assert!(body["qrCode"].as_str().unwrap().starts_with("data:image/png;base64,iVBOR"));
}

#[tokio::test]
async fn the_picture_comes_alone_for_whoever_asks_for_svg() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let request = server.request(Method::POST, "/auth/mfa/setup").bearer_auth(&tokens.access);
    let answer = server.send(request.header("accept", "image/svg+xml")).await;
    answer.assert_status(200);
    assert_eq!(answer.header("content-type"), Some("image/svg+xml"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.header("vary").unwrap().contains("accept"));
    assert!(answer.body.contains("<svg"), "{}", answer.body);
}

#[tokio::test]
async fn nothing_is_enabled_until_a_code_was_verified() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let app = begin(&server, &tokens.access).await;
    assert_eq!(me(&server, &tokens.access).await["mfaEnabled"], false);
    server.sign_in(EMAIL).await;
    assert!(server.events_of_type("user.mfa_enabled").await.is_empty());

    let answer = confirm(&server, &tokens.access, &app).await;
    answer.assert_status(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.json().get("accessToken").is_none(), "whoever is signed in has tokens");
    let me = me(&server, &tokens.access).await;
    assert_eq!((&me["mfaEnabled"], &me["backupCodesLeft"]), (&json!(true), &json!(10)));
    first_step(&server).await;
}

#[tokio::test]
async fn ten_backup_codes_of_fifty_bits_are_shown_in_groups() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    assert_eq!(ada.backup_codes.len(), 10);
    for code in &ada.backup_codes {
        let (head, tail) = code.split_once('-').unwrap();
        assert_eq!((head.len(), tail.len()), (5, 5), "{code}");
        assert!(!code.contains(['I', 'L', 'O', 'U']), "{code}");
    }
    let mut distinct = ada.backup_codes.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 10);
}

#[tokio::test]
async fn setting_up_again_replaces_the_secret_that_was_not_verified() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let first = begin(&server, &tokens.access).await;
    let second = begin(&server, &tokens.access).await;
    confirm(&server, &tokens.access, &first).await.assert_problem(401, "invalid_mfa_code");
    confirm(&server, &tokens.access, &second).await.assert_status(200);
}

#[tokio::test]
async fn a_factor_that_is_enabled_is_not_replaced() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let tokens = sign_in_with_both(&server, &ada.app).await;
    let again = server.post_as(&tokens.access, "/auth/mfa/setup").await;
    again.assert_problem(409, "mfa_already_enabled");
    let again = confirm(&server, &tokens.access, &ada.app).await;
    again.assert_problem(409, "mfa_already_enabled");
    sign_in_with_both(&server, &ada.app).await;
}

#[tokio::test]
async fn a_secret_waits_an_hour_for_its_first_code() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let app = begin(&server, &tokens.access).await;
    server.clock.advance(Duration::from_hours(1));
    let bearer = server.sign_in(EMAIL).await.access;
    confirm(&server, &bearer, &app).await.assert_problem(409, "conflict");
    let nothing = server.post_json_as(&bearer, "/auth/mfa/verify-setup", json!({})).await;
    nothing.assert_problem(400, "validation_failed");
}

#[tokio::test]
async fn without_a_secret_there_is_nothing_to_verify() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let body = json!({ "code": "123456" });
    let answer = server.post_json_as(&tokens.access, "/auth/mfa/verify-setup", body).await;
    answer.assert_problem(409, "conflict");
}

#[tokio::test]
async fn a_sign_in_of_ten_minutes_ago_sets_up_nothing() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let app = begin(&server, &tokens.access).await;
    server.clock.advance(Duration::from_mins(10));
    let late = server.post_as(&tokens.access, "/auth/mfa/setup").await;
    late.assert_problem(401, "step_up_required");
    let late = confirm(&server, &tokens.access, &app).await;
    late.assert_problem(401, "step_up_required");
    server.post("/auth/mfa/setup", json!({})).await.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn enabling_ends_every_other_session_and_tells_the_user() {
    let server = TestServer::start().await;
    let here = server.verified_ada().await;
    let there = server.sign_in(EMAIL).await;
    let ada = enrol(&server, here).await;
    server.try_refresh(&there.refresh).await.assert_problem(401, "session_revoked");
    server.get_as(&there.access, "/auth/me").await.assert_problem(401, "session_revoked");
    server.refresh(&ada.tokens.refresh).await;

    let enabled = server.events_of_type("user.mfa_enabled").await;
    assert_eq!(enabled.len(), 1);
    let user = json!(ada.tokens.user().as_str());
    assert_eq!(enabled[0]["data"], json!({ "id": user, "ip": "127.0.0.1" }));
    assert_eq!(enabled[0]["actor"], user);
    assert!(enabled[0]["subjectVersion"].is_u64());
    let ended = server.events_of_type("session.revoked").await;
    assert_eq!(ended[0]["data"], json!({ "userId": user, "reason": "factor_changed" }));
    let subjects = subjects(&server).await;
    assert_eq!(subjects.len(), 1, "{subjects:?}");
}

#[tokio::test]
async fn of_two_that_enable_at_once_one_does() {
    let server = std::sync::Arc::new(TestServer::start().await);
    let tokens = server.verified_ada().await;
    let app = begin(&server, &tokens.access).await;
    let mut racing = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (server, access) = (server.clone(), tokens.access.clone());
        let code = shown(&server, &app);
        racing.spawn(async move {
            let body = json!({ "code": code });
            server.post_json_as(&access, "/auth/mfa/verify-setup", body).await.status
        });
    }
    let mut statuses = racing.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(server.events_of_type("user.mfa_enabled").await.len(), 1);
}
