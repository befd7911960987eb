mod error;
mod identity;
mod jwk;
mod remote_key;
mod shared_secret;
mod signer;
mod signing_key;
mod unsigned_token;

#[cfg(test)]
mod tests;

pub use error::{GenerateKeyError, ParseKeyError, SignError};
pub use remote_key::RemoteKey;
pub use shared_secret::generate_shared_secret;
pub use signing_key::{GeneratedKey, SigningKey};
pub use unsigned_token::UnsignedToken;
