use doorward_claims::Algorithm;

use super::shared_secret::SECRET_BYTES_MIN;

/// Why no key could be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenerateKeyError {
    /// A shared secret is chosen by the deployment, not made here.
    #[error("a shared secret is given, not generated")]
    Symmetric,
    /// The library refused.
    #[error("the {0} key could not be generated")]
    Failed(Algorithm),
}

/// Why bytes are not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseKeyError {
    /// They are not a private key of that algorithm in PKCS #8 DER, or one that is too weak.
    #[error("the bytes are not a private key for {0}")]
    Rejected(Algorithm),
    /// They are not a public key of that algorithm in DER, or one that is too weak, or keys for it
    /// cannot be elsewhere.
    #[error("the bytes are not the public key of a remote signer for {0}")]
    NotPublic(Algorithm),
    /// A secret must have at least as many bytes as the hash (RFC 7518 §3.2).
    #[error("a shared secret has at least {SECRET_BYTES_MIN} bytes, not {bytes}")]
    SecretTooShort {
        /// How many bytes it has.
        bytes: usize,
    },
}

/// Why no token was signed. None of it depends on who asks.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The claims have no JSON form.
    #[error("the claims could not be written as JSON")]
    Claims(#[source] serde_json::Error),
    /// The library refused.
    #[error("the {0} signature could not be made")]
    Failed(Algorithm),
    /// Whoever holds the private key signed something else, or with another key, or wrote the
    /// signature in another form.
    #[error("the {0} signature that was made elsewhere is not of this token and key")]
    NotOfKey(Algorithm),
}
