//! `POST /auth/login` and `POST /auth/mfa/verify` of somebody who has a second factor.

use std::sync::Arc;
use std::time::Duration;

use harness::domain::Client;
use harness::{EMAIL, PASSWORD, TestServer, Tokens};
use serde_json::json;

use super::*;

#[tokio::test]
async fn a_right_password_gets_a_session_token_and_nothing_else() {
    let server = TestServer::start().await;
    enrolled_ada(&server).await;
    let sign_ins = server.events_of_type("user.login").await.len();
    let answer = server.try_sign_in(EMAIL, PASSWORD).await;
    answer.assert_status(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let mut body = answer.json();
    let token = body["sessionToken"].take();
    assert!(token.as_str().unwrap().starts_with("dwm_"));
    let expected = json!({
        "mfaRequired": true,
        "sessionToken": null,
        "mfaMethods": ["totp", "backup_code"],
        "tokenType": "Bearer",
        "expiresIn": 300,
    });
    assert_eq!(body, expected);
    assert_eq!(server.events_of_type("user.login").await.len(), sign_ins, "nobody signed in");
}

#[tokio::test]
async fn a_code_of_the_app_completes_the_sign_in_and_amr_says_so() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let token = first_step(&server).await;
    let tokens = Tokens::of(&verify(&server, &token, &shown(&server, &ada.app)).await);
    assert_eq!(tokens.claims()["amr"], json!(["pwd", "otp", "mfa"]));
    assert_eq!(tokens.body["user"]["mfaEnabled"], true);
    assert!(tokens.body.get("deviceToken").is_none(), "nobody asked for it");
    let logins = server.events_of_type("user.login").await;
    assert_eq!(logins.last().unwrap()["data"]["method"], json!(["pwd", "otp", "mfa"]));
    let next = server.refresh(&tokens.refresh).await;
    assert_eq!(next.claims()["amr"], json!(["pwd", "otp", "mfa"]));
}

#[tokio::test]
async fn a_session_token_ends_with_its_success() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let token = first_step(&server).await;
    verify(&server, &token, &shown(&server, &ada.app)).await.assert_status(200);
    server.clock.advance(STEP);
    let again = verify(&server, &token, &shown(&server, &ada.app)).await;
    again.assert_problem(401, "invalid_token");
    // The code was not spent on it.
    let token = first_step(&server).await;
    verify(&server, &token, &shown(&server, &ada.app)).await.assert_status(200);
}

#[tokio::test]
async fn a_session_token_works_for_five_minutes() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let (early, late) = (first_step(&server).await, first_step(&server).await);
    server.clock.advance(Duration::from_millis(5 * 60_000 - 1));
    verify(&server, &early, &shown(&server, &ada.app)).await.assert_status(200);
    server.clock.advance(Duration::from_millis(1));
    let answer = verify(&server, &late, &ada.app.code(server.clock.now())).await;
    answer.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn five_wrong_codes_end_a_session_token_and_no_other() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let (token, other) = (first_step(&server).await, first_step(&server).await);
    for _ in 0..5 {
        let answer = verify(&server, &token, &wrong(&server, &ada.app)).await;
        answer.assert_problem(401, "invalid_mfa_code");
    }
    let right = verify(&server, &token, &shown(&server, &ada.app)).await;
    right.assert_problem(401, "invalid_token");
    verify(&server, &other, &shown(&server, &ada.app)).await.assert_status(200);
}

#[tokio::test]
async fn the_fifth_try_may_be_the_right_one() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let token = first_step(&server).await;
    for _ in 0..4 {
        verify(&server, &token, &wrong(&server, &ada.app)).await.assert_status(401);
    }
    verify(&server, &token, &shown(&server, &ada.app)).await.assert_status(200);
}

#[tokio::test]
async fn guesses_at_one_moment_do_not_share_a_try() {
    let server = Arc::new(TestServer::start().await);
    let ada = enrolled_ada(&server).await;
    let token = first_step(&server).await;
    let guess = json!({ "sessionToken": token, "code": wrong(&server, &ada.app) });
    let statuses = server.race("/auth/mfa/verify", vec![guess; 16]).await;
    assert_eq!(statuses, [401; 16]);
    let right = verify(&server, &token, &shown(&server, &ada.app)).await;
    right.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn a_session_token_buys_nothing_but_its_step() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let token = first_step(&server).await;
    server.get_as(&token, "/auth/me").await.assert_problem(401, "invalid_token");
    server.try_refresh(&token).await.assert_problem(401, "invalid_token");
    for path in ["/auth/mfa/setup", "/auth/mfa/verify-setup"] {
        let body = json!({ "sessionToken": token, "code": shown(&server, &ada.app) });
        server.post(path, body).await.assert_problem(401, "invalid_token");
    }
    let reset = json!({ "token": token, "newPassword": "a much better one" });
    server.post("/auth/password/reset", reset).await.assert_problem(400, "invalid_token");
    verify(&server, &token, &shown(&server, &ada.app)).await.assert_status(200);
}

#[tokio::test]
async fn a_code_counts_a_step_early_and_a_step_late_and_no_more() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    server.clock.advance(3 * STEP);
    let now = server.clock.now();
    for (code_at, is_accepted) in [
        (now.minus(2 * STEP), false),
        (now.plus(2 * STEP), false),
        (now.minus(STEP), true),
        (now, true),
        (now.plus(STEP), true),
    ] {
        let token = first_step(&server).await;
        let answer = verify(&server, &token, &ada.app.code(code_at)).await;
        assert_eq!(answer.status == 200, is_accepted, "{code_at:?}: {answer:?}");
    }
    // A later code was used, so the earlier ones, which nobody has used, are over.
    let token = first_step(&server).await;
    let answer = verify(&server, &token, &ada.app.code(now)).await;
    answer.assert_problem(401, "invalid_mfa_code");
}

#[tokio::test]
async fn a_code_counts_once() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let code = shown(&server, &ada.app);
    let token = first_step(&server).await;
    verify(&server, &token, &code).await.assert_status(200);
    let token = first_step(&server).await;
    verify(&server, &token, &code).await.assert_problem(401, "invalid_mfa_code");
}

#[tokio::test]
async fn the_code_that_enabled_the_factor_does_not_sign_in() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let app = begin(&server, &tokens.access).await;
    confirm(&server, &tokens.access, &app).await.assert_status(200);
    let token = first_step(&server).await;
    let answer = verify(&server, &token, &shown(&server, &app)).await;
    answer.assert_problem(401, "invalid_mfa_code");
}

#[tokio::test]
async fn of_many_who_present_one_code_at_once_one_signs_in() {
    let server = Arc::new(TestServer::start().await);
    let ada = enrolled_ada(&server).await;
    let code = shown(&server, &ada.app);
    let mut bodies = Vec::new();
    for _ in 0..16 {
        bodies.push(json!({ "sessionToken": first_step(&server).await, "code": code }));
    }
    let statuses = server.race("/auth/mfa/verify", bodies).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 15, "{statuses:?}");
}

#[tokio::test]
async fn of_two_codes_for_one_session_token_one_signs_in() {
    let server = Arc::new(TestServer::start().await);
    let ada = enrolled_ada(&server).await;
    let token = first_step(&server).await;
    let sign_ins = server.events_of_type("user.login").await.len();
    let mut bodies = vec![json!({ "sessionToken": token, "code": shown(&server, &ada.app) })];
    let backups = ada.backup_codes.iter().take(3);
    bodies.extend(backups.map(|code| json!({ "sessionToken": token, "backupCode": code })));
    let statuses = server.race("/auth/mfa/verify", bodies).await;
    assert_eq!(statuses, [200, 401, 401, 401]);
    assert_eq!(server.events_of_type("user.login").await.len(), sign_ins + 1);
}

#[tokio::test]
async fn a_session_token_dies_with_the_epoch_and_with_the_factor() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let token = first_step(&server).await;
    server.post_as(&ada.tokens.access, "/auth/logout-all").await.assert_status(204);
    let answer = verify(&server, &token, &shown(&server, &ada.app)).await;
    answer.assert_problem(401, "invalid_token");

    let token = first_step(&server).await;
    let origin = service_origin();
    server.service.reset_factor(EMAIL, &origin).await.unwrap();
    let answer = verify(&server, &token, &shown(&server, &ada.app)).await;
    answer.assert_problem(401, "invalid_token");
}

fn service_origin() -> service::Origin {
    service::Origin { request_id: None, client: Client::new(None, None) }
}

#[tokio::test]
async fn a_disabled_user_does_not_complete_a_sign_in() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let token = first_step(&server).await;
    server.store.disable(&ada.tokens.user());
    let answer = verify(&server, &token, &shown(&server, &ada.app)).await;
    answer.assert_problem(403, "account_disabled");
}

#[tokio::test]
async fn what_is_no_code_is_refused_and_takes_no_try() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let token = first_step(&server).await;
    let code = shown(&server, &ada.app);
    for body in [
        json!({ "sessionToken": token }),
        json!({ "sessionToken": token, "code": "12345" }),
        json!({ "sessionToken": token, "code": 123_456 }),
        json!({ "sessionToken": token, "backupCode": "nonsense" }),
        json!({ "sessionToken": token, "code": code, "backupCode": ada.backup_codes[0] }),
        json!({ "code": code }),
    ] {
        let answer = server.post("/auth/mfa/verify", body).await;
        answer.assert_problem(400, "validation_failed");
    }
    for nonsense in ["", "dwm_", "dwm_AAAA", &format!("{token}A"), &"x".repeat(5000)] {
        verify(&server, nonsense, &code).await.assert_problem(401, "invalid_token");
    }
    verify(&server, &token, &code).await.assert_status(200);
}

#[tokio::test]
async fn a_store_that_is_down_is_no_wrong_code() {
    for call in ["advance_pending_tries", "replace_user", "take_pending_sign_in", "insert_session"]
    {
        let server = TestServer::start().await;
        let ada = enrolled_ada(&server).await;
        let token = first_step(&server).await;
        server.store.fail(call);
        let answer = verify(&server, &token, &shown(&server, &ada.app)).await;
        answer.assert_problem(503, "dependency_unavailable");
        // Whoever begins again gets in, on another instance.
        server.clock.advance(STEP);
        sign_in_with_both(&server.beside().start().await, &ada.app).await;
    }
}
