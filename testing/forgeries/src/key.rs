use std::collections::HashSet;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use aws_lc_rs::{error::Unspecified, hmac};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use crypto::SigningKey;
use doorward_claims::{ACCESS_TOKEN_TYP, Algorithm, Jwk};
use doorward_verify::{VerifyingKey, shared_secret_kid};
use secrecy::{ExposeSecret as _, SecretSlice};
use serde_json::{Value, json};

/// A key that signs whatever it is given, as an attacker would.
pub struct Key {
    /// Its name in tokens.
    pub kid: String,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// Its public half, as the issuer publishes it; a secret has none.
    pub jwk: Option<Jwk>,
    /// Its private half, PKCS #8 DER, or the secret: for whoever lets a server sign with it.
    pub private: SecretSlice<u8>,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Secret(Box<hmac::Key>),
}

impl Key {
    /// A new key of a public-key algorithm.
    pub fn generate(algorithm: Algorithm) -> Self {
        let made = SigningKey::generate(algorithm).unwrap();
        Self::from_pkcs8(algorithm, made.pkcs8.expose_secret())
    }

    /// A private key that somebody keeps.
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Self {
        let pair = match algorithm {
            Algorithm::RS256 => Pair::Rsa(RsaKeyPair::from_pkcs8(pkcs8).unwrap()),
            Algorithm::ES256 => {
                let signing = &ECDSA_P256_SHA256_FIXED_SIGNING;
                Pair::P256(EcdsaKeyPair::from_pkcs8(signing, pkcs8).unwrap())
            }
            Algorithm::EdDsa => Pair::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8).unwrap()),
            Algorithm::HS256 => panic!("a secret has no private half"),
        };
        let key = SigningKey::from_pkcs8(algorithm, pkcs8).unwrap();
        let private = pkcs8.to_vec().into();
        Self { kid: key.kid().to_owned(), algorithm, jwk: key.public_jwk(), private, pair }
    }

    /// A secret of any length.
    pub fn from_secret(secret: &[u8]) -> Self {
        Self {
            kid: shared_secret_kid(secret),
            algorithm: Algorithm::HS256,
            jwk: None,
            private: secret.to_vec().into(),
            pair: Pair::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret))),
        }
    }

    /// What verifies its tokens.
    pub fn verifying_key(&self) -> VerifyingKey {
        match &self.pair {
            Pair::Secret(_) => {
                VerifyingKey::from_shared_secret(self.private.expose_secret()).unwrap()
            }
            _ => VerifyingKey::from_jwk(self.jwk.as_ref().unwrap()).unwrap(),
        }
    }

    /// The header of an access token that it signs.
    pub fn header(&self) -> Value {
        json!({ "alg": self.algorithm, "kid": self.kid, "typ": ACCESS_TOKEN_TYP })
    }

    /// A well-signed token of these texts, whatever they say.
    pub fn compact(&self, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
        self.sign(&format!("{}.{}", encode(header), encode(payload)))
    }

    /// Appends the signature of `message`.
    pub fn sign(&self, message: &str) -> String {
        format!("{message}.{}", encode(self.signature(message.as_bytes()).unwrap()))
    }

    /// The key as it would be written in a header: a secret too.
    pub(crate) fn to_jwk(&self) -> Value {
        match &self.pair {
            Pair::Secret(_) => {
                json!({ "kty": "oct", "k": encode(self.private.expose_secret()), "kid": self.kid })
            }
            _ => json!(self.jwk),
        }
    }

    /// All forms in which a program may hold the public half, and so could take it for a secret.
    pub(crate) fn public_forms(&self) -> Vec<(&'static str, Vec<u8>)> {
        let (der, bytes) = match &self.pair {
            Pair::Rsa(pair) => (pair.public_key().as_der(), pair.public_key().as_ref()),
            Pair::P256(pair) => (pair.public_key().as_der(), pair.public_key().as_ref()),
            Pair::Ed25519(pair) => (pair.public_key().as_der(), pair.public_key().as_ref()),
            Pair::Secret(_) => return Vec::new(),
        };
        let der: PublicKeyX509Der<'_> = der.unwrap();
        let pem = to_pem("PUBLIC KEY", der.as_ref());
        let jwk = json!(self.jwk);
        let mut forms = vec![
            ("the PEM", pem.clone().into_bytes()),
            ("the PEM without its last line feed", pem.trim_end().as_bytes().to_vec()),
            ("the PEM with CRLF", pem.replace('\n', "\r\n").into_bytes()),
            ("the base64 of the DER", BASE64_STANDARD.encode(der.as_ref()).into_bytes()),
            ("the DER", der.as_ref().to_vec()),
            ("the raw key", bytes.to_vec()),
            ("the PEM of the raw key", to_pem("RSA PUBLIC KEY", bytes).into_bytes()),
            ("the JWK", jwk.to_string().into_bytes()),
            ("the JWK as it is published", serde_json::to_vec(&self.jwk).unwrap()),
            ("the JWK set", serde_json::to_vec(&json!({ "keys": [jwk] })).unwrap()),
            ("the kid", self.kid.clone().into_bytes()),
        ];
        let members = [
            ("n", "n as it is written", "n"),
            ("x", "x as it is written", "x"),
            ("y", "y as it is written", "y"),
        ];
        for (member, written, meant) in members {
            if let Some(text) = jwk[member].as_str() {
                forms.push((written, text.as_bytes().to_vec()));
                forms.push((meant, BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()));
            }
        }
        // The raw key of Ed25519 is its x.
        let mut seen = HashSet::new();
        forms.retain(|(_, bytes)| seen.insert(bytes.clone()));
        forms
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(&RSA_PKCS1_SHA256, &digest(&SHA256, message), &mut signature)?;
                Ok(signature)
            }
            Pair::P256(pair) => Ok(pair.sign_digest(&digest(&SHA256, message))?.as_ref().to_vec()),
            Pair::Ed25519(pair) => Ok(pair.try_sign(message)?.as_ref().to_vec()),
            Pair::Secret(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
        }
    }
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The textual form of RFC 7468.
fn to_pem(label: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
