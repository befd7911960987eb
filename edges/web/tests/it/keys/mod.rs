//! Keys that change while everybody goes on.

mod algorithms;
mod emergencies;
mod rotation;
mod shared_secrets;
mod stale_rings;

use harness::doorward_verify::{KeySet, Policy, VerifyError, verify_access_token};
use harness::{TestSecrets, TestServer, Tokens};
use serde_json::Value;
use service::KeysReloaded;

const JWKS: &str = "/.well-known/jwks.json";

/// What the server publishes.
async fn published(server: &TestServer) -> Vec<Value> {
    let answer = server.get(JWKS).await;
    answer.assert_status(200);
    answer.json()["keys"].as_array().unwrap().clone()
}

async fn published_kids(server: &TestServer) -> Vec<String> {
    let keys = published(server).await;
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn key_set(server: &TestServer) -> KeySet {
    KeySet::parse(server.get(JWKS).await.body.as_bytes()).unwrap()
}

fn kid(tokens: &Tokens) -> String {
    tokens.header()["kid"].as_str().unwrap().to_owned()
}

/// Has the server read its keys again, as it does every half minute.
async fn reload(server: &TestServer) {
    let reloaded = server.service.reload_keys().await.unwrap();
    assert!(matches!(reloaded, KeysReloaded::Fine), "{reloaded:?}");
}

/// A server that has just read a new secret before the one that signs, and tokens under that one.
async fn with_a_new_secret(old: &[u8], new: &[u8]) -> (TestServer, TestSecrets, Tokens) {
    let secrets = TestSecrets::of(&[old]);
    let server = TestServer::builder().shared_secrets(&secrets).start().await;
    let tokens = server.ada().await;
    secrets.replace(&[new, old]);
    reload(&server).await;
    (server, secrets, tokens)
}

/// What a service says of a token that knows these keys.
fn verified(server: &TestServer, keys: &KeySet, token: &str) -> Result<(), VerifyError> {
    let policy = Policy::new(&server.public_url, ["api"]);
    let now = server.service.clock().now().unix_seconds();
    verify_access_token(token, keys, &policy, now).map(|_| ())
}
