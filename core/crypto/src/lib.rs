//! The cryptography of Doorward: encryption at rest, MACs, the signing of tokens, and password
//! hashing.
//!
//! It reads no clock and no random source: nonces, salts and keys are given by the caller. The one
//! exception lies in `aws-lc-rs`, which draws from its own generator when it makes an RSA, P-256 or
//! Ed25519 key, when it blinds an RSA operation, and for each ECDSA signature; nobody can give it
//! those bytes.
//!
//! - [`DataKeys`] seal what is kept in a store.
//! - [`MacKey`] and [`digest`] are for what is compared rather than opened.
//! - [`SigningKey`] signs tokens; `doorward-verify` checks them.
//! - [`PasswordPool`] hashes passwords, on threads of its own.

mod mac;
mod password;
mod seal;
mod signing;

pub use doorward_verify::{
    KeySet, Policy as TokenPolicy, VerifyError, revocation_digest, verify_access_token,
};
pub use mac::{MacKey, MacKeyError, digest};
pub use password::{
    Argon2EngineKind, Argon2Params, BcryptCost, HashAlgorithm, HashPasswordError, HashingFailure,
    HashingSettings, Overloaded, ParamsError, PasswordPool, SelfTestError, StartPoolError,
    UnusableHash, Verdict, VerifyPasswordError,
};
pub use seal::{DataKey, DataKeyError, DataKeys, NoDataKey, OpenError};
pub use signing::{GenerateKeyError, GeneratedKey, ParseKeyError, SignError, SigningKey};
