//! What signs: kept here or by AWS, changed by commands or under a running server.

pub(crate) mod aws;
mod commands;
mod in_aws;
mod reseal;
mod rotation;
mod shared_secrets;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;

/// The header of a token.
fn header(token: &str) -> Value {
    let segment = token.split('.').next().unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(segment).unwrap()).unwrap()
}

fn kid(token: &str) -> String {
    header(token)["kid"].as_str().unwrap().to_owned()
}
