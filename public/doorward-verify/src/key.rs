use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents,
};
use doorward_claims::{ACCESS_TOKEN_TYP, Algorithm, Jwk};
use serde::Serialize;

use crate::base64url;
use crate::digests::{jwk_thumbprint, shared_secret_kid};
use crate::error::{ParseKeyError, VerifyError};

/// Fewest bytes of a shared secret: the size of the hash (RFC 7518 §3.2).
const SECRET_BYTES_MIN: usize = 32;

/// Sizes of an RSA modulus, in bits. 2,048 is the least of RFC 7518 §3.3; the most keeps a
/// hostile key set from making each check take seconds.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;

/// Bytes of a coordinate of P-256 (RFC 7518 §6.2.1.2).
const P256_COORDINATE_BYTES: usize = 32;

/// A key that checks signatures: parsed once, bound to one algorithm.
///
/// The algorithm is the key's, never the token's, so that a public key cannot be used as an HMAC
/// secret (RFC 8725 §2.1).
#[derive(Clone)]
pub struct VerifyingKey {
    kid: String,
    algorithm: Algorithm,
    usual_header: String,
    material: Material,
}

#[derive(Clone)]
enum Material {
    Public(ParsedPublicKey),
    Secret(Box<hmac::Key>),
}

impl VerifyingKey {
    /// Reads a published key. One without a `kid` is named by its thumbprint.
    ///
    /// A symmetric key (`oct`) is refused: whoever publishes one has lost it.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, ParseKeyError> {
        let (algorithm, key) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => (Algorithm::RS256, rsa(jwk)?),
            ("EC", Some("P-256")) => (Algorithm::ES256, p256(jwk)?),
            ("OKP", Some("Ed25519")) => (Algorithm::EdDsa, ed25519(jwk)?),
            _ => return Err(ParseKeyError::Unsupported),
        };
        let is_for_it = jwk.alg.as_deref().is_none_or(|alg| alg == algorithm.name());
        let is_for_signatures = jwk.purpose.as_deref().is_none_or(|purpose| purpose == "sig");
        if !(is_for_it && is_for_signatures) {
            return Err(ParseKeyError::Unsupported);
        }
        let kid = match &jwk.kid {
            Some(kid) => kid.clone(),
            None => jwk_thumbprint(jwk)?,
        };
        Ok(Self::new(kid, algorithm, Material::Public(key)))
    }

    /// Takes a secret that is shared with the issuer, for HS256: the bytes as they are, at least
    /// 32 of them.
    pub fn from_shared_secret(secret: &[u8]) -> Result<Self, ParseKeyError> {
        if secret.len() < SECRET_BYTES_MIN {
            return Err(ParseKeyError::SecretTooShort);
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let material = Material::Secret(Box::new(key));
        Ok(Self::new(shared_secret_kid(secret), Algorithm::HS256, material))
    }

    fn new(kid: String, algorithm: Algorithm, material: Material) -> Self {
        let usual_header = usual_header(&kid, algorithm);
        Self { kid, algorithm, usual_header, material }
    }

    /// The name by which tokens choose the key.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The one algorithm that the key is for.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The header segment that Doorward writes over every access token of this key. To compare it
    /// spares us to parse it; one that is written otherwise, and means the same, is parsed.
    pub(crate) fn usual_header(&self) -> &str {
        &self.usual_header
    }

    /// Checks that `signature` is of `message`, in the form of RFC 7518 §3 (raw `r‖s` for ES256).
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
        match &self.material {
            Material::Public(key) => key.verify_sig(message, signature),
            Material::Secret(key) => hmac::verify(key, message, signature),
        }
        .map_err(|_| VerifyError::BadSignature)
    }
}

/// Logs show which key it is, never a secret.
impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({} {})", self.algorithm, self.kid)
    }
}

fn usual_header(kid: &str, algorithm: Algorithm) -> String {
    #[derive(Serialize)]
    struct Header<'a> {
        alg: Algorithm,
        kid: &'a str,
        typ: &'a str,
    }
    let header = Header { alg: algorithm, kid, typ: ACCESS_TOKEN_TYP };
    base64url::encode(&serde_json::to_vec(&header).expect("text can be written as JSON"))
}

fn rsa(jwk: &Jwk) -> Result<ParsedPublicKey, ParseKeyError> {
    let n = member("n", jwk.n.as_deref())?;
    let e = member("e", jwk.e.as_deref())?;
    let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
    if !RSA_BITS.contains(&bits) {
        return Err(ParseKeyError::RsaSize);
    }
    // With an exponent of one, every text would be its own signature.
    let is_odd_and_above_one = e.last().is_some_and(|last| last % 2 == 1) && e != [1];
    if !is_odd_and_above_one {
        return Err(ParseKeyError::Member { member: "e" });
    }
    RsaPublicKeyComponents { n, e }
        .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
        .map_err(|_| ParseKeyError::Invalid)
}

fn p256(jwk: &Jwk) -> Result<ParsedPublicKey, ParseKeyError> {
    // The uncompressed point of SEC 1 §2.3.3: 4, x, y.
    let mut point = vec![4];
    for (name, text) in [("x", &jwk.x), ("y", &jwk.y)] {
        let coordinate = member(name, text.as_deref())?;
        if coordinate.len() != P256_COORDINATE_BYTES {
            return Err(ParseKeyError::Member { member: name });
        }
        point.extend(coordinate);
    }
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| ParseKeyError::Invalid)
}

fn ed25519(jwk: &Jwk) -> Result<ParsedPublicKey, ParseKeyError> {
    let x = member("x", jwk.x.as_deref())?;
    // Other lengths would be read as a DER structure.
    if x.len() != aws_lc_rs::signature::ED25519_PUBLIC_KEY_LEN {
        return Err(ParseKeyError::Member { member: "x" });
    }
    ParsedPublicKey::new(&ED25519, x).map_err(|_| ParseKeyError::Invalid)
}

fn member(member: &'static str, text: Option<&str>) -> Result<Vec<u8>, ParseKeyError> {
    text.and_then(base64url::decode)
        .filter(|bytes| !bytes.is_empty())
        .ok_or(ParseKeyError::Member { member })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_header_is_the_one_that_the_contract_shows() {
        let key = VerifyingKey::from_shared_secret(&[7; 32]).unwrap();
        let json = base64url::decode(key.usual_header()).unwrap();
        let expected = format!(r#"{{"alg":"HS256","kid":"{}","typ":"at+jwt"}}"#, key.kid());
        assert_eq!(String::from_utf8(json).unwrap(), expected);
    }
}
