use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::Result;

/// The bare operation under every verification: a parsed key of `aws-lc-rs`.
pub(crate) enum RawKey {
    Public(ParsedPublicKey),
    Secret(Box<hmac::Key>),
}

impl RawKey {
    pub(crate) fn from_jwk(jwk: &Value) -> Result<Self> {
        let member = |name: &str| -> Result<Vec<u8>> {
            let text = jwk[name].as_str().ok_or_else(|| format!("the key has no {name}"))?;
            Ok(BASE64_URL_SAFE_NO_PAD.decode(text)?)
        };
        let key = match jwk["kty"].as_str() {
            Some("RSA") => RsaPublicKeyComponents { n: member("n")?, e: member("e")? }
                .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256),
            Some("EC") => {
                let point = [vec![4], member("x")?, member("y")?].concat();
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            }
            _ => ParsedPublicKey::new(&ED25519, member("x")?),
        };
        Ok(Self::Public(key.map_err(|_| "the key cannot be parsed")?))
    }

    pub(crate) fn from_secret(secret: &[u8]) -> Self {
        Self::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    pub(crate) fn is_genuine(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Public(key) => key.verify_sig(message, signature).is_ok(),
            Self::Secret(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }
}

/// What a token's signature is over, and the signature.
pub(crate) fn split(token: &str) -> Result<(&[u8], Vec<u8>)> {
    let (message, signature) = token.rsplit_once('.').ok_or("not a token")?;
    Ok((message.as_bytes(), BASE64_URL_SAFE_NO_PAD.decode(signature)?))
}
