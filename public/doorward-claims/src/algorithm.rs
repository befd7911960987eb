use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The signature algorithms (RFC 7518 §3.1, RFC 8037) that an access token may bear.
///
/// A closed list: `none` and everything else cannot be represented, so it cannot be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256: the one that every AWS gateway verifies.
    RS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// Ed25519 under its older, widely understood name.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// HMAC with SHA-256: for services that can share only a secret.
    HS256,
}

impl Algorithm {
    /// Every one there is, in the order of their declaration.
    pub const ALL: [Self; 4] = [Self::RS256, Self::ES256, Self::EdDsa, Self::HS256];

    /// The name in the `alg` header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::ES256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::HS256 => "HS256",
        }
    }

    /// Whether the key that verifies can also sign, and so must never be published.
    pub const fn is_symmetric(self) -> bool {
        matches!(self, Self::HS256)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no algorithm of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownAlgorithm;

impl fmt::Display for UnknownAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not one of RS256, ES256, EdDSA, HS256")
    }
}

impl std::error::Error for UnknownAlgorithm {}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == text).ok_or(UnknownAlgorithm)
    }
}
