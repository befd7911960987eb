//! The contract suite, under a list of what DocumentDB has, and what only a server can do wrong.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod allowed;
mod credentials;
mod failover;
mod outage;
mod place;
mod schema;
mod unanswered;

use contract_tests::Backend;
use storage_mongodb::MongoStorage;

use crate::place::Place;

/// An empty database. A command that DocumentDB does not have fails the case.
async fn open() -> Backend {
    let place = Place::new();
    let storage = MongoStorage::open(&place.settings()).await.unwrap();
    Backend::new(storage, place)
}

contract_tests::all!(open);
