use thiserror::Error;

/// Why a token was not accepted.
///
/// Each text is fixed, so that it may be shown to the caller: nothing of the token is in it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// Not a compact JWS of the form that we accept, or its claims are not ours.
    #[error("the token is malformed: {what}")]
    Malformed {
        /// The rule that it breaks.
        what: &'static str,
    },
    /// The header's `alg` is not the one algorithm that the key is for.
    #[error("the token is signed with another algorithm than the key is for")]
    WrongAlgorithm,
    /// The header's `alg` is one of ours, but not of those that the service accepts.
    #[error("the token is signed with an algorithm that is not accepted here")]
    UnacceptedAlgorithm,
    /// No key bears the header's `kid`. New keys appear when the issuer rotates.
    #[error("the token is signed with an unknown key")]
    UnknownKey {
        /// The `kid` as the token has it: anyone may have written it.
        kid: String,
    },
    /// The signature does not belong to header and payload.
    #[error("the signature of the token is wrong")]
    BadSignature,
    /// A token for another purpose (RFC 8725 §3.11).
    #[error("the token is of another type")]
    WrongType,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` lies in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iss` is not the issuer that we trust.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// `aud` names none of our audiences.
    #[error("the token is for another audience")]
    WrongAudience,
    /// Its session has ended before the token expired.
    #[error("the session of the token has ended")]
    Revoked,
    /// Failure, not refusal: the issuer's keys could not be fetched, or the shared secrets not be
    /// read. Only a `Verifier` says so.
    #[error("the keys of the issuer cannot be fetched")]
    KeysUnavailable,
    /// Failure, not refusal: there is no valid list of revocations, and the service has chosen to
    /// let nobody in without one. Only a `Verifier` says so.
    #[error("the revocations of the issuer cannot be fetched")]
    RevocationsUnavailable,
}

impl VerifyError {
    /// Whether the fault is on our side, so that the same token may be accepted later (a 503).
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::KeysUnavailable | Self::RevocationsUnavailable)
    }

    pub(crate) const fn malformed(what: &'static str) -> Self {
        Self::Malformed { what }
    }
}

/// Why a key cannot be used to verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ParseKeyError {
    /// Not RSA for RS256, P-256 for ES256, or Ed25519 for `EdDSA`, or not for signatures at all.
    #[error("the key is of a kind that is not supported")]
    Unsupported,
    /// A member that the kind of key needs is missing or is not base64url.
    #[error("the key lacks a well-formed {member}")]
    Member {
        /// The member's name in the JWK.
        member: &'static str,
    },
    /// An RSA modulus of fewer than 2,048 or more than 8,192 bits.
    #[error("an RSA key must have 2048 to 8192 bits")]
    RsaSize,
    /// Numbers that are no key, such as a point off the curve.
    #[error("the key is not valid")]
    Invalid,
    /// A shared secret of fewer than 32 bytes (RFC 7518 §3.2).
    #[error("a shared secret must have at least 32 bytes")]
    SecretTooShort,
}
