//! The real binaries over real sockets, as those meet them who deploy and use them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and then shows what its processes said"
)]

mod borrowed_names;
mod chatbot;
mod client;
mod command_line;
mod config_commands;
mod crashes;
mod deployment;
mod journey;
mod outside_verifier;
mod process;
mod quick_start;
mod shutdown;
mod silence;
mod start_up;
mod user_commands;
mod waiting;
