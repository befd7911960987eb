//! Mails from the outside: their words, a relay that takes or refuses them, and the mailbox of
//! development.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod catcher;
mod certificates;
mod delivery;
mod development;
mod fixtures;
mod overrides;
mod protection;
mod scripted;
mod second_factor;
mod trouble;
mod words;
