//! What every backend must do. A backend that passes is done; one that cannot is not offered.
//!
//! A backend's tests name a function that opens an empty store and hand it to [`all!`], or to the
//! macro of each trait it implements:
//!
//! ```ignore
//! async fn open() -> contract_tests::Backend { … }
//!
//! contract_tests::all!(open); // one #[tokio::test] per case
//! ```
//!
//! The using crate needs `tokio` with `macros` and `rt-multi-thread`. Cases share no state, so they
//! run in any order and side by side.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a case is a test: it fails by panicking"
)]

mod backend;
mod deployment;
mod fixtures;
mod fixtures_factor;
mod fixtures_mail;
mod shortcuts;
#[macro_use]
mod suites;

pub mod at_rest;
pub mod codes;
pub mod codes_tries;
pub mod limits;
pub mod limits_in_time;
pub mod mails;
pub mod mails_claim;
pub mod mails_reseal;
pub mod outbox;
pub mod outbox_leases;
pub mod pending_sign_ins;
pub mod pending_sign_ins_tries;
pub mod records;
pub mod resealing;
pub mod revocations;
pub mod sessions;
pub mod sessions_authenticate;
pub mod sessions_devices;
pub mod sessions_end;
pub mod sessions_list;
pub mod sessions_reseal;
pub mod sessions_rotate;
pub mod sessions_trust;
pub mod trusted_devices;
pub mod trusted_devices_use;
pub mod users;
pub mod users_change;
pub mod users_erase;
pub mod users_factor;
pub mod users_insert_taken;
pub mod users_list;
pub mod users_remains;
pub mod users_replace;
pub mod users_replace_codes;
pub mod users_replace_sessions;
pub mod values;

pub use at_rest::{Dump, Legible};
pub use backend::{Backend, HasLimiter, LimiterAlone};
