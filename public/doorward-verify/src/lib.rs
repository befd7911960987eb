#![cfg_attr(feature = "axum", doc = include_str!("../README.md"))]
#![cfg_attr(not(feature = "axum"), doc = "Checks Doorward's access tokens: no I/O, no clock.")]

mod authorization;
mod base64url;
mod digests;
mod error;
mod header;
mod jws;
mod key;
mod key_set;
mod revocation_index;
mod shared_secret;
mod shared_secret_claims;
mod token_claims;
mod tokens;

#[cfg(feature = "tower")]
mod bearer;
#[cfg(feature = "jwks")]
mod verifier;

pub use authorization::{Authorize, InsufficientScope, Requirement};
#[cfg(feature = "tower")]
pub use bearer::{AccessToken, BearerLayer, BearerService, Refusal};
pub use digests::{jwk_thumbprint, revocation_digest, shared_secret_kid};
pub use doorward_claims::{
    AccessClaims, Algorithm, Audience, Jwk, JwkSet, RevocationClaims, RevocationEntry,
};
pub use error::{ParseKeyError, VerifyError};
pub use jws::{TokenForm, Verified, verify_signed};
pub use key::VerifyingKey;
pub use key_set::{KeySet, ParseKeySetError};
pub use revocation_index::RevocationIndex;
pub use shared_secret::{ParseSharedSecretError, SharedSecret, shared_secret_in};
pub use shared_secret_claims::SharedSecretClaims;
pub use token_claims::TokenClaims;
pub use tokens::{
    Policy, check_access_token, verify_access_token, verify_revocations, verify_shared_secret_token,
};
#[cfg(feature = "jwks")]
pub use verifier::{
    BoxError, BuildVerifierError, RefusalKind, Revocations, TokensSeen, Verifier, VerifierBuilder,
};
