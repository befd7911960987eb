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
pub use jws::{TokenForm, verify_signed};
pub use key::VerifyingKey;
pub use key_set::{KeySet, ParseKeySetError};
pub use revocation_index::RevocationIndex;
pub use tokens::{Policy, verify_access_token, verify_revocations};
#[cfg(feature = "jwks")]
pub use verifier::{BuildVerifierError, Revocations, Verifier, VerifierBuilder};
