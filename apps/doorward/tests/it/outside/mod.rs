//! Tokens and second factors of ours in the hands of others, and tokens of theirs: libraries that
//! others wrote, the examples that use them, and `doorward-verify`, while keys and secrets are
//! replaced.

mod authenticator_apps;
mod examples;
mod foreign_tokens;
mod libraries;
mod load;
mod move_to_public_keys;
mod node;
mod secret_rotation;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::client::{PASSWORD, Tokens};
use crate::deployment::Server;

const EMAIL: &str = "ada@example.com";
const SECRET: &str = "a secret that is shared, of more than 32 bytes";

/// A script beside this file.
fn path_of(script: &str) -> String {
    format!("{}/tests/it/outside/{script}", env!("CARGO_MANIFEST_DIR"))
}

/// Signs Ada Lovelace up and in.
async fn ada_signs_in(server: &Server) -> Tokens {
    let person = json!({ "email": EMAIL, "password": PASSWORD, "name": "Ada Lovelace" });
    server.client.post("/auth/register", person).await.is(201);
    server.client.log_in(EMAIL).await
}

/// The header of a token.
fn header(token: &str) -> Value {
    let segment = token.split('.').next().unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(segment).unwrap()).unwrap()
}

fn kid(token: &str) -> String {
    header(token)["kid"].as_str().unwrap().to_owned()
}

fn algorithm(token: &str) -> String {
    header(token)["alg"].as_str().unwrap().to_owned()
}
