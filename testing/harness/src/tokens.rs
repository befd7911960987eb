use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::{SessionId, UserId};
use serde_json::Value;

use crate::Answer;

/// What a sign-in or a refresh answered.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
    /// The whole answer.
    pub body: Value,
}

impl Tokens {
    /// Reads them from an answer, which must be `200`.
    #[track_caller]
    pub fn of(answer: &Answer) -> Self {
        answer.assert_status(200);
        let body = answer.json();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        let tokens = Self { access: text("accessToken"), refresh: text("refreshToken"), body };
        used_secrets::remember_token(&tokens.access);
        used_secrets::remember_token(&tokens.refresh);
        tokens
    }

    /// What the access token says, unverified.
    pub fn claims(&self) -> Value {
        segment(&self.access, 1)
    }

    /// The access token's header.
    pub fn header(&self) -> Value {
        segment(&self.access, 0)
    }

    /// The claims as they were written, with every id replaced by the name of its kind.
    pub fn masked_claims(&self) -> String {
        crate::mask_ids(&String::from_utf8(segment_bytes(&self.access, 1)).unwrap())
    }

    /// Whose they are.
    pub fn user(&self) -> UserId {
        UserId::parse(self.claims()["sub"].as_str().unwrap()).unwrap()
    }

    /// Their session.
    pub fn session(&self) -> SessionId {
        SessionId::parse(self.claims()["sid"].as_str().unwrap()).unwrap()
    }
}

fn segment(token: &str, index: usize) -> Value {
    serde_json::from_slice(&segment_bytes(token, index)).unwrap()
}

fn segment_bytes(token: &str, index: usize) -> Vec<u8> {
    let encoded = token.split('.').nth(index).unwrap();
    BASE64_URL_SAFE_NO_PAD.decode(encoded).unwrap()
}
