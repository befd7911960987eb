//! The whole service over real sockets: what a client meets.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod access_tokens;
mod bad_input;
mod browser;
mod contract;
mod cors;
mod dev_mailbox;
mod discovery;
mod enumeration;
mod erasure;
mod forged_access_tokens;
mod forward_auth;
mod hashing;
mod health;
mod keys;
mod limits;
mod logs;
mod mail_outbox;
mod mfa;
mod new_device;
mod one_time_codes;
mod own_sessions;
mod pages;
mod password_change;
mod password_reset;
mod passwords;
mod profile;
mod refresh;
mod relay;
mod request_ids;
mod revocations;
mod sign_in;
mod sign_out;
mod sign_up;
mod step_up;
mod store_failure;
mod verification;
