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
//! - [`SigningKey`] signs tokens; `doorward-verify` checks them. A [`RemoteKey`] has them signed
//!   elsewhere, by a key that nobody can read.
//! - [`TotpSecret`] tells the codes of an authenticator app.
//! - [`PasswordPool`] hashes passwords, on threads of its own.
//!
//! # What remains of a key in memory
//!
//! Nothing on the heap. Key pairs, MAC states and expanded ciphers lie with AWS-LC, which wipes
//! whatever it frees; PKCS #8, decoded texts and opened values are made in buffers that do not
//! grow and wipe themselves; data keys and MAC keys never leave the box that wipes them. A
//! password is wiped with its job, and the memory of argon2 when its thread has been idle for ten
//! seconds.
//!
//! The stack is out of reach: what is given or returned by value, such as a `hmac::Key` on its way
//! to its box, may leave a copy there until a later call writes over it. Wiped is what was dropped:
//! a process that is killed or aborts wipes nothing, and what is swapped out or dumped stays there.

mod key_bytes;
mod mac;
mod password;
mod seal;
mod signing;
mod totp;

pub use doorward_verify::{
    KeySet, Policy as TokenPolicy, SharedSecret, Verified, VerifyError, VerifyingKey,
    check_access_token, revocation_digest, shared_secret_in,
};
pub use mac::{MacKey, MacKeyError, digest};
pub use password::{
    Argon2EngineKind, Argon2Params, BcryptCost, HashAlgorithm, HashPasswordError, HashingFailure,
    HashingSettings, Overloaded, ParamsError, PasswordPool, SelfTestError, StartPoolError,
    UnusableHash, Verdict, VerifyPasswordError,
};
pub use seal::{DataKey, DataKeyError, DataKeys, NoDataKey, OpenError};
pub use signing::{
    GenerateKeyError, GeneratedKey, ParseKeyError, RemoteKey, SignError, SigningKey, UnsignedToken,
    generate_shared_secret,
};
pub use totp::{TotpSecret, TotpSecretError};
