//! The names that Doorward derives from keys, secrets and ids.

use std::collections::BTreeMap;

use aws_lc_rs::{digest, hmac};
use doorward_claims::Jwk;

use crate::base64url;
use crate::error::ParseKeyError;

/// Bytes of a digest that are kept where it only has to name something.
const NAME_BYTES: usize = 16;

/// Names a public key after its own numbers: the RFC 7638 thumbprint, which Doorward uses as `kid`.
pub fn jwk_thumbprint(jwk: &Jwk) -> Result<String, ParseKeyError> {
    let named: &[(&'static str, &Option<String>)] = match jwk.kty.as_str() {
        "RSA" => &[("e", &jwk.e), ("n", &jwk.n)],
        "EC" => &[("crv", &jwk.crv), ("x", &jwk.x), ("y", &jwk.y)],
        "OKP" => &[("crv", &jwk.crv), ("x", &jwk.x)],
        _ => return Err(ParseKeyError::Unsupported),
    };
    // A sorted map, since the RFC wants the required members in lexicographic order.
    let mut members = BTreeMap::from([("kty", jwk.kty.as_str())]);
    for (member, value) in named {
        members.insert(member, value.as_deref().ok_or(ParseKeyError::Member { member })?);
    }
    let text = serde_json::to_vec(&members).map_err(|_| ParseKeyError::Invalid)?;
    Ok(base64url::encode(digest::digest(&digest::SHA256, &text).as_ref()))
}

/// Names a shared secret without telling anything of it, as the `kid` of HS256 tokens:
/// the first 16 bytes of HMAC-SHA-256(secret, "doorward kid"), base64url.
pub fn shared_secret_kid(secret: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"doorward kid");
    base64url::encode(&tag.as_ref()[..NAME_BYTES])
}

/// Names a session or a user in the public list of revocations: the first 16 bytes of SHA-256,
/// base64url.
pub fn revocation_digest(id: &str) -> String {
    base64url::encode(&digest::digest(&digest::SHA256, id.as_bytes()).as_ref()[..NAME_BYTES])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key and thumbprint of RFC 7638 §3.1.
    #[test]
    fn the_thumbprint_is_that_of_the_standard() {
        let jwk: Jwk = serde_json::from_str(
            r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#,
        )
        .unwrap();
        assert_eq!(jwk_thumbprint(&jwk).unwrap(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    /// The key of RFC 8037 A.2 and its thumbprint of A.3.
    #[test]
    fn an_ed25519_thumbprint_is_that_of_the_standard() {
        let jwk: Jwk = serde_json::from_str(
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        )
        .unwrap();
        assert_eq!(jwk_thumbprint(&jwk).unwrap(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_key_without_its_members_has_no_thumbprint() {
        let jwk: Jwk = serde_json::from_str(r#"{"kty":"EC","crv":"P-256","x":"AA"}"#).unwrap();
        assert_eq!(jwk_thumbprint(&jwk), Err(ParseKeyError::Member { member: "y" }));
    }

    /// Computed with Python's `hashlib` and `hmac`.
    #[test]
    fn names_are_those_that_other_languages_compute() {
        assert_eq!(revocation_digest("sess_1"), REVOCATION_DIGEST_OF_SESS_1);
        assert_eq!(shared_secret_kid(&[7; 32]), KID_OF_SEVENS);
    }

    const REVOCATION_DIGEST_OF_SESS_1: &str = "isPGbcNPikw9Jd2airspFw";
    const KID_OF_SEVENS: &str = "gYEwWUNkBPnsNEiXBWGyHg";
}
