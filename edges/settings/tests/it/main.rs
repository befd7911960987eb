//! Settings from the outside: what a person meets who deploys the service.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod borrowed_names;
mod defaults;
mod given;
mod keys;
mod limits;
mod mail;
mod mfa;
mod mistakes;
mod precedence;
mod rules;
mod secrets_stay_hidden;
mod stores;
