//! The wire format that Doorward and the services that trust it share: access-token claims
//! (RFC 9068), key sets (RFC 7517), and the signed list of revocations.
//!
//! Types only: no cryptography, no clock, no network.

mod access;
mod algorithm;
mod jwk;
mod revocations;

pub use access::{AccessClaims, Audience, TOKEN_KIND};
pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use jwk::{Jwk, JwkSet};
pub use revocations::{RevocationClaims, RevocationEntry};

/// `typ` of an access token's header (RFC 9068 §2.1).
pub const ACCESS_TOKEN_TYP: &str = "at+jwt";

/// `typ` of the header of the signed revocation list.
pub const REVOCATIONS_TYP: &str = "revocations+jwt";
