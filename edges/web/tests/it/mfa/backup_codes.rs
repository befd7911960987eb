//! Codes that stand in for a lost app.

use std::sync::Arc;
use std::time::Duration;

use harness::{EMAIL, TestServer, Tokens};
use serde_json::json;

use super::*;

#[tokio::test]
async fn a_backup_code_signs_in_once_however_it_is_typed() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let code = &ada.backup_codes[3];
    let typed = code.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
    let token = first_step(&server).await;
    let tokens = Tokens::of(&verify_backup(&server, &token, &typed).await);
    assert_eq!(tokens.claims()["amr"], json!(["pwd", "backup_code", "mfa"]));
    assert_eq!(me(&server, &tokens.access).await["backupCodesLeft"], 9);
    let token = first_step(&server).await;
    verify_backup(&server, &token, code).await.assert_problem(401, "invalid_mfa_code");
    // Nor is it a code of the app, nor the other way round.
    let answer = verify_backup(&server, &token, "00000-00000").await;
    answer.assert_problem(401, "invalid_mfa_code");
    verify_backup(&server, &token, &ada.backup_codes[4]).await.assert_status(200);
}

#[tokio::test]
async fn of_many_who_present_one_backup_code_at_once_one_signs_in() {
    let server = Arc::new(TestServer::start().await);
    let ada = enrolled_ada(&server).await;
    let mut bodies = Vec::new();
    for _ in 0..16 {
        let token = first_step(&server).await;
        bodies.push(json!({ "sessionToken": token, "backupCode": ada.backup_codes[0] }));
    }
    let statuses = server.race("/auth/mfa/verify", bodies).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    let user = server.account(EMAIL).await.user;
    assert_eq!(user.second_factor().unwrap().backup_codes.len(), 9);
}

#[tokio::test]
async fn the_user_hears_of_each_that_is_used_and_when_three_are_left() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let before = subjects(&server).await.len();
    for (used, code) in ada.backup_codes.iter().enumerate() {
        let token = first_step(&server).await;
        verify_backup(&server, &token, code).await.assert_status(200);
        let left = 9 - used;
        let mails = server.mails_to(EMAIL).await;
        let told = mails.len() - before;
        let expected = used + 1 + usize::from(left <= 3);
        assert_eq!(told, expected, "{left} left");
        let newest: Vec<&str> = mails.iter().take(2).map(|mail| mail.text.as_str()).collect();
        assert!(newest.iter().any(|text| text.contains(&left.to_string())), "{newest:?}");
    }
    let events = server.events_of_type("user.backup_code_used").await;
    assert_eq!(events.len(), 10);
    let user = ada.tokens.user();
    assert_eq!(events[0]["data"], json!({ "id": user.as_str(), "ip": "127.0.0.1" }));
    let body = server.try_sign_in(EMAIL, PASSWORD).await.json();
    assert_eq!(body["mfaMethods"], json!(["totp"]), "none is left");
    sign_in_with_both(&server, &ada.app).await;
}

#[tokio::test]
async fn new_ones_take_the_place_of_the_old_ones() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let tokens = sign_in_with_both(&server, &ada.app).await;
    let answer = server.post_as(&tokens.access, "/auth/mfa/backup-codes").await;
    answer.assert_status(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let fresh = texts(&answer.json()["backupCodes"]);
    assert_eq!(fresh.len(), 10);
    let token = first_step(&server).await;
    let old = verify_backup(&server, &token, &ada.backup_codes[0]).await;
    old.assert_problem(401, "invalid_mfa_code");
    verify_backup(&server, &token, &fresh[0]).await.assert_status(200);
    let told = server.events_of_type("user.updated").await;
    assert_eq!(told[0]["data"]["fields"], json!(["backupCodes"]));
}

#[tokio::test]
async fn nobody_gets_new_ones_without_a_recent_second_factor() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    // The session in which the factor was set up began without it.
    let path = "/auth/mfa/backup-codes";
    let answer = server.post_as(&ada.tokens.access, path).await;
    answer.assert_problem(401, "step_up_required");
    let tokens = sign_in_with_both(&server, &ada.app).await;
    server.clock.advance(Duration::from_mins(10));
    server.post_as(&tokens.access, path).await.assert_problem(401, "step_up_required");
}

#[tokio::test]
async fn without_a_factor_there_are_none() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let answer = server.post_as(&tokens.access, "/auth/mfa/backup-codes").await;
    answer.assert_problem(409, "mfa_not_enabled");
    assert!(me(&server, &tokens.access).await.get("backupCodesLeft").is_none());
}

#[tokio::test]
async fn a_backup_code_of_another_user_is_none() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    server.put_user("bob@example.com", |user| user.is_email_verified = true).await;
    let tokens = server.sign_in("bob@example.com").await;
    enrol(&server, tokens).await;
    let answer = server.try_sign_in("bob@example.com", PASSWORD).await;
    let token = session_token(&answer, "mfaRequired");
    let answer = verify_backup(&server, &token, &ada.backup_codes[0]).await;
    answer.assert_problem(401, "invalid_mfa_code");
}
