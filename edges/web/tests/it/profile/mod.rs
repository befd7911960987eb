//! `PATCH /auth/me`.

mod address;
mod confirmation;
mod fields;
mod taken;

use harness::{Answer, EMAIL, PASSWORD, TestServer, Tokens};
use serde_json::{Value, json};

const PATH: &str = "/auth/me";
/// The address that Ada wants to have.
const NEW: &str = "lovelace@example.com";

async fn patch(server: &TestServer, tokens: &Tokens, wanted: Value) -> Answer {
    server.patch_as(&tokens.access, PATH, wanted).await
}

/// Asks for that address, and returns what the answer says of it.
async fn ask(server: &TestServer, tokens: &Tokens, email: &str) -> Value {
    let answer = patch(server, tokens, json!({ "email": email })).await;
    answer.assert_status(200);
    answer.json()["emailChange"].clone()
}

/// Sends the token of the mail to [`NEW`] back, with the password.
async fn confirm(server: &TestServer, token: &str) -> Answer {
    server.post("/auth/verify-email", json!({ "token": token, "password": PASSWORD })).await
}

/// Fails unless Ada is as she was made.
async fn assert_unchanged(server: &TestServer) {
    let user = server.account(EMAIL).await.user;
    assert_eq!((user.email.as_typed(), user.session_epoch), (EMAIL, 0));
    assert!(server.events_of_type("user.updated").await.is_empty());
    server.try_sign_in(NEW, PASSWORD).await.assert_problem(401, "invalid_credentials");
}
