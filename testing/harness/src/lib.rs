//! The whole service as tests need it: real sockets, a real store in a file of its own, real
//! cryptography made cheap, and a clock that only moves when it is told to.
//!
//! [`TestServer`] owns all of it. [`TestServer::beside`] starts another instance on the same store.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "what fails here fails the test that uses it"
)]

mod answer;
mod authenticator;
mod builder;
mod clock;
mod codes;
mod entropy;
mod factor_stores;
mod hashing_gate;
mod log_capture;
mod mail_script;
mod mail_stores;
mod mails;
mod mask;
mod people;
mod raw_http;
mod requests;
mod server;
mod signing;
mod store_calls;
mod stores;
mod tokens;

pub use answer::Answer;
pub use authenticator::Authenticator;
pub use builder::TestServerBuilder;
pub use clock::{START, TestClock};
pub use codes::NEW_PASSWORD;
pub use entropy::CountingEntropy;
pub use hashing_gate::HashingGate;
pub use log_capture::LogCapture;
pub use mail_script::{MailAnswer, ScriptedTransport};
pub use mails::ReceivedMail;
pub use mask::{fold, mask_ids};
pub use people::{EMAIL, PASSWORD};
pub use requests::REQUEST_ID;
pub use server::TestServer;
pub use signing::TestSecrets;
pub use store_calls::Paused;
pub use stores::ObservedStore;
pub use tokens::Tokens;

pub use contracts;
pub use crypto;
pub use domain;
pub use doorward_verify;
pub use mail;
pub use reqwest;
