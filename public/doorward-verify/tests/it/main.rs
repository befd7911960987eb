//! The crate as a service meets it: real keys, real sockets, and an issuer that misbehaves.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod http;
mod issuer;
mod keys;
mod log;
mod move_to_public_keys;
mod properties;
mod refusals;
mod revocations;
mod rotation;
mod secret_sources;
mod shared_secret_profile;
mod signing;
