//! Each server starts, answers, comes back with what it held, and is gone with its value.

#![expect(clippy::disallowed_methods, reason = "these tests wait for other processes")]
#![expect(clippy::unwrap_used, reason = "what the tests share fails like a test")]

mod aws;
mod aws_proxy;
mod killed;
mod mongo;
mod nginx;
mod postgres;
mod proxy;
mod redis;
mod waiting;
