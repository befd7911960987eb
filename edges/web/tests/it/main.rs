//! The whole service over real sockets: what a client meets.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod access_tokens;
mod bad_input;
mod contract;
mod cors;
mod discovery;
mod forged_access_tokens;
mod forward_auth;
mod hashing;
mod health;
mod logs;
mod own_sessions;
mod passwords;
mod refresh;
mod request_ids;
mod revocations;
mod sign_in;
mod sign_out;
mod sign_up;
mod store_failure;
