//! The contract suite on a server of `DynamoDB`, and what only a table can do wrong.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod credentials;
mod expiry;
mod fixtures;
mod lost_answers;
mod outages;
mod place;
mod proxy;
mod schema;
mod torn_reads;
mod volume;

use contract_tests::Backend;
use place::Place;

/// An empty table of one's own, which goes with the backend.
async fn open() -> Backend {
    let place = Place::with_table().await;
    Backend::new(place.open().await, place)
}

contract_tests::all!(open);
