//! The second factor: set up, asked for, stood in for, and removed.

mod backup_codes;
mod enrolment;
mod limits;
mod removal;
mod set_up;
mod side_doors;
mod step_up;
mod trusted_devices;
mod verification;

use std::time::Duration;

use harness::contracts::Clock as _;
use harness::{Answer, Authenticator, EMAIL, PASSWORD, TestServer, Tokens};
use serde_json::{Value, json};

/// How long an app shows a code.
const STEP: Duration = Duration::from_secs(30);

/// Somebody who has set up a second factor.
struct Enrolled {
    app: Authenticator,
    backup_codes: Vec<String>,
    /// Of the session in which they did.
    tokens: Tokens,
}

/// Ada, whose address is verified, with a second factor. No code was used after the first.
async fn enrolled_ada(server: &TestServer) -> Enrolled {
    let tokens = server.verified_ada().await;
    enrol(server, tokens).await
}

/// Sets up a second factor.
async fn enrol(server: &TestServer, tokens: Tokens) -> Enrolled {
    let app = begin(server, &tokens.access).await;
    let answer = confirm(server, &tokens.access, &app).await;
    answer.assert_status(200);
    let backup_codes = texts(&answer.json()["backupCodes"]);
    server.clock.advance(STEP);
    Enrolled { app, backup_codes, tokens }
}

/// Has a secret made, and scans it.
async fn begin(server: &TestServer, bearer: &str) -> Authenticator {
    let answer = server.post_as(bearer, "/auth/mfa/setup").await;
    answer.assert_status(200);
    Authenticator::scan(answer.json()["otpauthUri"].as_str().unwrap())
}

/// Enables the factor with the code that the app shows.
async fn confirm(server: &TestServer, bearer: &str, app: &Authenticator) -> Answer {
    let body = json!({ "code": shown(server, app) });
    server.post_json_as(bearer, "/auth/mfa/verify-setup", body).await
}

/// What the app shows now.
fn shown(server: &TestServer, app: &Authenticator) -> String {
    app.code(server.clock.now())
}

/// What it does not show anywhere near now.
fn wrong(server: &TestServer, app: &Authenticator) -> String {
    app.wrong_code(server.clock.now())
}

/// Signs Ada in by password, as far as that goes. Returns the session token.
async fn first_step(server: &TestServer) -> String {
    session_token(&server.try_sign_in(EMAIL, PASSWORD).await, "mfaRequired")
}

/// The session token of a sign-in that wants that.
#[track_caller]
fn session_token(answer: &Answer, wanted: &str) -> String {
    answer.assert_status(200);
    let body = answer.json();
    assert_eq!(body[wanted], true, "{answer:?}");
    assert!(body.get("accessToken").is_none(), "{answer:?}");
    body["sessionToken"].as_str().unwrap().to_owned()
}

async fn verify(server: &TestServer, session_token: &str, code: &str) -> Answer {
    let body = json!({ "sessionToken": session_token, "code": code });
    server.post("/auth/mfa/verify", body).await
}

async fn verify_backup(server: &TestServer, session_token: &str, code: &str) -> Answer {
    let body = json!({ "sessionToken": session_token, "backupCode": code });
    server.post("/auth/mfa/verify", body).await
}

/// Signs Ada in with both factors. Moves the clock, so that there is a new code next time.
async fn sign_in_with_both(server: &TestServer, app: &Authenticator) -> Tokens {
    let token = first_step(server).await;
    let tokens = Tokens::of(&verify(server, &token, &shown(server, app)).await);
    server.clock.advance(STEP);
    tokens
}

async fn me(server: &TestServer, bearer: &str) -> Value {
    let answer = server.get_as(bearer, "/auth/me").await;
    answer.assert_status(200);
    answer.json()
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

async fn subjects(server: &TestServer) -> Vec<String> {
    server.mails_to(EMAIL).await.into_iter().map(|mail| mail.subject).collect()
}
