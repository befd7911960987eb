//! `POST /auth/step-up` with a second factor.

use harness::domain::AuthenticationMethod;
use harness::{EMAIL, PASSWORD, TestServer};
use serde_json::{Value, json};

use super::*;

const PATH: &str = "/auth/step-up";

async fn step_up(server: &TestServer, bearer: &str, mut proof: Value) -> Answer {
    proof["password"] = json!(PASSWORD);
    server.post_json_as(bearer, PATH, proof).await
}

#[tokio::test]
async fn password_and_code_open_what_needs_them() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let answer =
        step_up(&server, &ada.tokens.access, json!({ "code": shown(&server, &ada.app) })).await;
    answer.assert_status(200);
    assert!(answer.json().get("refreshToken").is_none());
    let session = server.session(&ada.tokens).await;
    let both = [AuthenticationMethod::Password, AuthenticationMethod::OneTimePassword];
    assert_eq!(session.methods, both);
    let codes = server.post_as(&ada.tokens.access, "/auth/mfa/backup-codes").await;
    codes.assert_status(200);
}

#[tokio::test]
async fn a_backup_code_does_as_well_and_counts_once() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let proof = json!({ "backupCode": ada.backup_codes[0] });
    step_up(&server, &ada.tokens.access, proof.clone()).await.assert_status(200);
    assert_eq!(subjects(&server).await.len(), 2, "enabled, and used");
    let again = step_up(&server, &ada.tokens.access, proof).await;
    again.assert_problem(401, "invalid_mfa_code");
    assert_eq!(me(&server, &ada.tokens.access).await["backupCodesLeft"], 9);
}

#[tokio::test]
async fn a_code_that_signed_in_does_not_step_up() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let code = shown(&server, &ada.app);
    let token = first_step(&server).await;
    verify(&server, &token, &code).await.assert_status(200);
    let answer = step_up(&server, &ada.tokens.access, json!({ "code": code })).await;
    answer.assert_problem(401, "invalid_mfa_code");
}

#[tokio::test]
async fn a_stolen_access_token_with_the_password_gains_nothing() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let stolen = sign_in_with_both(&server, &ada.app).await.access;
    // Long enough that the sign-in does not count any more.
    server.clock.advance(Duration::from_mins(10));
    let attempts = [
        json!({}),
        json!({ "code": wrong(&server, &ada.app) }),
        json!({ "backupCode": "00000-00000" }),
    ];
    for proof in attempts {
        let answer = step_up(&server, &stolen, proof).await;
        answer.assert_problem(401, "invalid_mfa_code");
    }
    let password = json!({ "password": PASSWORD });
    let change = json!({ "currentPassword": PASSWORD, "newPassword": "a much better one" });
    for (path, body) in [
        ("/auth/mfa/backup-codes", json!({})),
        ("/auth/mfa/disable", password),
        ("/auth/mfa/setup", json!({})),
        ("/auth/password/change", change),
    ] {
        let answer = server.post_json_as(&stolen, path, body).await;
        answer.assert_problem(401, "step_up_required");
    }
    server.delete_as(&stolen, "/auth/me").await.assert_problem(401, "step_up_required");
    let address = json!({ "email": "thief@example.com" });
    let answer = server.patch_as(&stolen, "/auth/me", address).await;
    answer.assert_problem(401, "step_up_required");
    // And the sign-in that the password begins has no refresh token.
    first_step(&server).await;
    assert_eq!(server.account(EMAIL).await.user.second_factor().unwrap().backup_codes.len(), 10);
}

#[tokio::test]
async fn a_wrong_password_spends_no_code() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    let code = shown(&server, &ada.app);
    let body = json!({ "password": "not the password", "code": code });
    let answer = server.post_json_as(&ada.tokens.access, PATH, body).await;
    answer.assert_problem(401, "invalid_credentials");
    step_up(&server, &ada.tokens.access, json!({ "code": code })).await.assert_status(200);
}

#[tokio::test]
async fn without_a_factor_a_code_is_of_no_account() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    step_up(&server, &tokens.access, json!({ "code": "123456" })).await.assert_status(200);
    let answer = step_up(&server, &tokens.access, json!({ "code": "12" })).await;
    answer.assert_problem(400, "validation_failed");
}

#[tokio::test]
async fn a_recent_session_without_the_factor_changes_no_credentials() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    // The one in which it was set up.
    let bearer = &ada.tokens.access;
    let change = json!({ "currentPassword": PASSWORD, "newPassword": "a much better one" });
    for (path, body) in [
        ("/auth/mfa/disable", json!({ "password": PASSWORD })),
        ("/auth/mfa/backup-codes", json!({})),
        ("/auth/password/change", change),
    ] {
        let answer = server.post_json_as(bearer, path, body).await;
        answer.assert_problem(401, "step_up_required");
    }
    server.delete_as(bearer, "/auth/me").await.assert_problem(401, "step_up_required");
    let answer = server.patch_as(bearer, "/auth/me", json!({ "email": "a@b.example" })).await;
    answer.assert_problem(401, "step_up_required");
}
