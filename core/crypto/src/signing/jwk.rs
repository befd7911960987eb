//! How public keys are written as JWK (RFC 7518 §6, RFC 8037 §2), all but their names.

use aws_lc_rs::signature::RsaSubjectPublicKey;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_claims::{Algorithm, Jwk};

/// Bytes of an uncompressed point of P-256 (SEC 1 §2.3.3): 4, x, y.
pub(super) const P256_POINT_BYTES: usize = 1 + 2 * P256_COORDINATE_BYTES;

const P256_COORDINATE_BYTES: usize = 32;

pub(super) fn of_rsa(key: &RsaSubjectPublicKey) -> Jwk {
    Jwk {
        n: Some(number(key.modulus().big_endian_without_leading_zero())),
        e: Some(number(key.exponent().big_endian_without_leading_zero())),
        ..empty("RSA", Algorithm::RS256)
    }
}

pub(super) fn of_p256(point: &[u8; P256_POINT_BYTES]) -> Jwk {
    let (x, y) = point[1..].split_at(P256_COORDINATE_BYTES);
    Jwk {
        crv: Some("P-256".to_owned()),
        x: Some(number(x)),
        y: Some(number(y)),
        ..empty("EC", Algorithm::ES256)
    }
}

pub(super) fn of_ed25519(public: &[u8]) -> Jwk {
    Jwk {
        crv: Some("Ed25519".to_owned()),
        x: Some(number(public)),
        ..empty("OKP", Algorithm::EdDsa)
    }
}

fn empty(kty: &str, algorithm: Algorithm) -> Jwk {
    Jwk {
        kty: kty.to_owned(),
        purpose: Some("sig".to_owned()),
        alg: Some(algorithm.name().to_owned()),
        kid: None,
        n: None,
        e: None,
        crv: None,
        x: None,
        y: None,
    }
}

fn number(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
