//! Password hashing: what is stored, what computes it, and the threads that do.

mod argon2;
mod bcrypt;
mod hasher;
mod params;
mod pool;
mod queue;
mod self_test;
mod stored_hash;
#[cfg(test)]
mod tests;

pub use argon2::Argon2EngineKind;
pub use hasher::HashingFailure;
pub use params::{Argon2Params, BcryptCost, HashAlgorithm, ParamsError};
pub use pool::{
    HashPasswordError, HashingSettings, Overloaded, PasswordPool, StartPoolError, Verdict,
    VerifyPasswordError,
};
pub use self_test::SelfTestError;
pub use stored_hash::UnusableHash;
