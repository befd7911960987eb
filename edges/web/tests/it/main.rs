//! The whole service over real sockets: what a client meets.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod refresh;
