//! The crate as a service meets it: real keys, real sockets, and an issuer that misbehaves.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod http;
mod issuer;
mod keys;
mod properties;
mod refusals;
mod revocations;
mod rotation;
mod signing;
