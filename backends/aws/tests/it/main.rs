//! Everything against an emulator of AWS, with a network in front of it on which requests get lost.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod bounds;
mod clients;
mod fixtures;
mod kms;
mod logs;
mod outages;
mod ring;
mod ring_outcomes;
mod rotation;
mod rotation_trouble;
mod secrets;
