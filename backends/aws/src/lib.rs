//! What AWS keeps for us: secrets, the key ring, and keys that sign without being read.
//!
//! Everything here is asked of services that may be away. A single operation answers within 2.5
//! seconds; errors name what AWS called them, and never show anything of a secret.

mod cache;
mod clients;
mod credentials;
mod failure;
mod fetch;
mod kms;
mod ring;
pub mod rotation;
mod secrets;
mod signature;
mod text;
mod versions;

pub use aws_config::SdkConfig;
pub use clients::{AwsClients, lasting, sdk_config};
pub use kms::KmsSigner;
pub use ring::SecretsManagerRing;
pub use secrets::{AwsSecrets, AwsSecretsAgain};
