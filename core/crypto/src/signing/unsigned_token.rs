use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_claims::ACCESS_TOKEN_TYP;
use serde::Serialize;

use super::SignError;
use super::identity::{KeyIdentity, header};

/// Room for two dots and the longest usual signature, that of RSA with 2,048 bits.
const SIGNATURE_CHARACTERS: usize = 2 + 342;

/// A compact JWS (RFC 7515 §3.1) that lacks its signature, which comes from elsewhere.
///
/// Its header is `alg`, `kid` and `typ`.
pub struct UnsignedToken<'k> {
    key: &'k KeyIdentity,
    /// Header, dot, payload.
    text: String,
}

impl<'k> UnsignedToken<'k> {
    pub(super) fn write(
        key: &'k KeyIdentity,
        typ: &str,
        claims: &impl Serialize,
    ) -> Result<Self, SignError> {
        let payload = serde_json::to_vec(claims).map_err(SignError::Claims)?;
        let mut text = String::with_capacity(
            key.access_token_header().len() + payload.len().div_ceil(3) * 4 + SIGNATURE_CHARACTERS,
        );
        if typ == ACCESS_TOKEN_TYP {
            text.push_str(key.access_token_header());
        } else {
            text.push_str(&header(key.verifying(), typ));
        }
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(&payload, &mut text);
        Ok(Self { key, text })
    }

    /// What is signed, to be hashed or not as the algorithm has it.
    pub(super) const fn message(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// SHA-256 of what is signed: what RS256 and ES256 sign.
    pub fn digest(&self) -> [u8; 32] {
        crate::digest(self.message())
    }

    /// The whole token, with a signature in the form of RFC 7518 §3 (raw `r‖s` for ES256).
    ///
    /// Refuses one that is not the key's and of this token, so that no verifier ever sees it: one
    /// who signs elsewhere may have been given another key under the same name.
    pub fn signed(self, signature: &[u8]) -> Result<String, SignError> {
        match self.key.verifying().verify(self.message(), signature) {
            Ok(()) => Ok(self.signed_unchecked(signature)),
            Err(_) => Err(SignError::NotOfKey(self.key.algorithm())),
        }
    }

    /// The whole token, with a signature that we have just made ourselves.
    pub(super) fn signed_unchecked(mut self, signature: &[u8]) -> String {
        self.text.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut self.text);
        self.text
    }
}

/// The claims tell of a person, so logs show only which key the token is under.
impl fmt::Debug for UnsignedToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnsignedToken({} {})", self.key.algorithm(), self.key.kid())
    }
}
