//! The refusal matrix: every way to forge, bend or misuse an access token that we know of, and what
//! it is refused as. `doorward-verify` and the service run the same rows.
//!
//! A row differs from a genuine token in one thing; [`genuine`] says that all else about it is
//! right, so that no row is refused for another reason than its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "what fails here fails the test that uses it"
)]

mod algorithms;
mod claims;
mod headers;
mod key;
mod keys;
mod scene;
mod segments;

use doorward_verify::VerifyError;

pub use key::Key;
pub use scene::{ISSUER_SECRETS, Scene, trusted_keys};

/// One forged token.
#[derive(Clone, Debug)]
pub struct Forgery {
    /// What is wrong with it.
    pub name: String,
    /// The token; not always one that fits into a header of HTTP.
    pub token: String,
    /// What a verifier says of it.
    pub refusal: VerifyError,
}

/// A token that must be accepted.
#[derive(Clone, Debug)]
pub struct Genuine {
    /// What is uncommon about it.
    pub name: String,
    /// The token.
    pub token: String,
}

/// All forgeries of tokens that the scene's key signs.
pub fn forgeries(scene: &Scene<'_>) -> Vec<Forgery> {
    let parts = [algorithms::rows, keys::rows, headers::rows, claims::rows, segments::rows];
    parts.iter().flat_map(|rows| rows(scene)).collect()
}

/// Tokens that the forgeries are made of, and others that are written unlike ours and mean the
/// same.
pub fn genuine(scene: &Scene<'_>) -> Vec<Genuine> {
    let tokens = [("as it is", scene.token())].into_iter();
    let tokens = tokens.chain(headers::accepted(scene)).chain(claims::accepted(scene));
    tokens.map(|(name, token)| Genuine { name: name.to_owned(), token }).collect()
}

fn row(name: impl Into<String>, token: String, refusal: VerifyError) -> Forgery {
    Forgery { name: name.into(), token, refusal }
}

const fn malformed(what: &'static str) -> VerifyError {
    VerifyError::Malformed { what }
}

const NO_HEADER: VerifyError = malformed("its header is not a plain JSON object");
const NO_CLAIMS: VerifyError = malformed("its claims are not those of its type");
const NO_KID: VerifyError = malformed("its header has no kid");
const HEADER_NOT_BASE64: VerifyError = malformed("its header is not base64url, or too long");
const PAYLOAD_NOT_BASE64: VerifyError = malformed("its payload is not base64url");
const SIGNATURE_NOT_BASE64: VerifyError = malformed("its signature is not base64url, or too long");

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use doorward_claims::Algorithm;
    use serde_json::json;

    use super::*;

    #[test]
    fn each_row_is_another_token_with_a_name_of_its_own() {
        let trusted = trusted_keys();
        let claims = json!({
            "iss": "https://a.example", "sub": "user_1", "aud": "api", "client_id": "first-party",
            "iat": 1_731_333_100, "exp": 1_731_334_000, "sid": "sess_1", "session_epoch": 0,
            "type": "access",
        });
        for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDsa, Algorithm::HS256] {
            let scene = Scene::new(claims.clone(), 1_731_333_100, &trusted, algorithm);
            let (rows, genuine) = (forgeries(&scene), genuine(&scene));
            let names: HashSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
            let tokens: HashSet<&str> = rows.iter().map(|row| row.token.as_str()).collect();
            assert_eq!((names.len(), tokens.len()), (rows.len(), rows.len()), "{algorithm}");
            assert!(genuine.iter().all(|good| !tokens.contains(good.token.as_str())));
            assert!(rows.len() > 250, "{} for {algorithm}", rows.len());
        }
    }
}
