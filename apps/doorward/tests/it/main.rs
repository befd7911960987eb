//! The real binaries over real sockets, as those meet them who deploy and use them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and then shows what its processes said"
)]

mod accounts;
mod authenticator;
mod borrowed_names;
mod catcher;
mod certificates;
mod chatbot;
mod client;
mod command_line;
mod config_commands;
mod crashes;
mod crowd;
mod database;
mod deployment;
mod detour;
mod discretion;
mod doctor;
mod doctor_outside;
mod durable;
mod faults;
mod journey;
mod keys;
mod mail_commands;
mod mail_delivery;
mod mail_trouble;
mod mails;
mod mfa;
mod outbox;
mod outbox_commands;
mod outside;
mod process;
mod python;
mod quick_start;
mod registration;
mod replicas;
mod shutdown;
mod silence;
mod start_up;
mod store;
mod upgrade;
mod user_commands;
mod waiting;
