//! Keys that are made at run time, and tokens signed with them, good and bad.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use aws_lc_rs::{hmac, rand, rsa::KeySize};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use doorward_verify::{
    AccessClaims, Algorithm, Audience, Jwk, KeySet, VerifyingKey, jwk_thumbprint, shared_secret_kid,
};
use serde_json::{Value, json};

/// When the tests take place.
pub(crate) const NOW: i64 = 1_731_333_160;

pub(crate) const ISSUER: &str = "https://auth.example.com";

pub(crate) const SECRET: &[u8] = b"a shared secret of thirty-two bytes or so";

pub(crate) struct SigningKey {
    pub(crate) kid: String,
    pub(crate) algorithm: Algorithm,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Secret(Box<hmac::Key>),
}

impl SigningKey {
    pub(crate) fn rsa() -> Self {
        Self::public(Algorithm::RS256, Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))
    }

    pub(crate) fn ecdsa() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self::public(Algorithm::ES256, Pair::Ecdsa(pair))
    }

    pub(crate) fn ed25519() -> Self {
        Self::public(Algorithm::EdDsa, Pair::Ed25519(Ed25519KeyPair::generate().unwrap()))
    }

    pub(crate) fn secret(secret: &[u8]) -> Self {
        let pair = Pair::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret)));
        Self { kid: shared_secret_kid(secret), algorithm: Algorithm::HS256, pair }
    }

    fn public(algorithm: Algorithm, pair: Pair) -> Self {
        let mut key = Self { kid: String::new(), algorithm, pair };
        key.kid = jwk_thumbprint(&key.jwk()).unwrap();
        key
    }

    /// The public half, as the issuer publishes it.
    pub(crate) fn jwk(&self) -> Jwk {
        let mut jwk = match &self.pair {
            Pair::Rsa(pair) => {
                let (n, e) = rsa_numbers(pair.public_key().as_ref());
                json!({ "kty": "RSA", "n": encode(n), "e": encode(e) })
            }
            Pair::Ecdsa(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = point[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y) })
            }
            Pair::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key()) })
            }
            Pair::Secret(_) => panic!("a secret has no public half"),
        };
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(self.algorithm.name());
        jwk["kid"] = json!(self.kid);
        serde_json::from_value(jwk).unwrap()
    }

    pub(crate) fn key_set(&self) -> KeySet {
        [VerifyingKey::from_jwk(&self.jwk()).unwrap()].into_iter().collect()
    }

    pub(crate) fn header(&self) -> Value {
        json!({ "alg": self.algorithm.name(), "kid": self.kid, "typ": "at+jwt" })
    }

    /// A token with the header that belongs to the key.
    pub(crate) fn token(&self, claims: &impl serde::Serialize) -> String {
        self.compact(&self.header().to_string(), &serde_json::to_string(claims).unwrap())
    }

    /// A token with this header, well signed whatever it says.
    pub(crate) fn compact(&self, header: &str, payload: &str) -> String {
        self.sign(&format!("{}.{}", encode(header), encode(payload)))
    }

    /// Appends the signature of `message`.
    pub(crate) fn sign(&self, message: &str) -> String {
        format!("{message}.{}", encode(self.signature(message.as_bytes())))
    }

    #[expect(clippy::disallowed_types, reason = "RSA and ECDSA want randomness to sign")]
    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = rand::SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Pair::Ecdsa(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Secret(key) => hmac::sign(key, message).as_ref().to_vec(),
        }
    }
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The claims of a token that was issued a minute ago and lives for 15.
pub(crate) fn claims() -> AccessClaims {
    AccessClaims {
        iss: ISSUER.into(),
        sub: "user_1".into(),
        aud: Audience::One("api".into()),
        client_id: "first-party".into(),
        iat: NOW - 60,
        exp: NOW + 840,
        nbf: None,
        jti: "token-1".into(),
        sid: "sess_1".into(),
        session_epoch: 3,
        kind: "access".into(),
        email: Some("john@example.com".into()),
        email_verified: true,
        username: Some("johndoe".into()),
        name: Some("John Doe".into()),
        role: Some("USER".into()),
        roles: vec!["USER".into()],
        permissions: vec!["profile:read".into(), "chat:write".into()],
        scope: Some("profile:read chat:write".into()),
        auth_time: Some(NOW - 60),
        amr: vec!["pwd".into()],
    }
}

/// Modulus and exponent of a PKCS #1 `RSAPublicKey`: a sequence of two integers.
fn rsa_numbers(der: &[u8]) -> (&[u8], &[u8]) {
    let (sequence, _) = der_value(der);
    let (n, rest) = der_value(sequence);
    let (e, _) = der_value(rest);
    (n.strip_prefix(&[0]).unwrap_or(n), e)
}

/// The contents of the first DER value, and what follows it.
fn der_value(der: &[u8]) -> (&[u8], &[u8]) {
    let (length, start) = match der[1] {
        short @ 0..0x80 => (usize::from(short), 2),
        long => {
            let bytes = usize::from(long & 0x7f);
            let length =
                der[2..2 + bytes].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            (length, 2 + bytes)
        }
    };
    der[start..].split_at(length)
}
