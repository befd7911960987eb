//! Bearer tokens in HTTP requests (RFC 6750), and the answers to those that are not accepted.

mod access_token;
mod credentials;
#[cfg(feature = "axum")]
mod extractor;
mod layer;
mod refusal;

pub use self::access_token::AccessToken;
pub use self::layer::{BearerLayer, BearerService};
pub use self::refusal::Refusal;
