//! The contract suite, under a list of what DocumentDB has, and what only a server can do wrong.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod allowed;
mod credentials;
mod failover;
mod outage;
mod place;
mod schema;
mod second_factor;
mod unanswered;

use std::sync::Arc;

use contract_tests::{Backend, Dump, Legible};
use storage_mongodb::MongoStorage;

use crate::place::Place;

/// An empty database. A command that DocumentDB does not have fails the case.
async fn open() -> Backend {
    let place = Place::new();
    let storage = MongoStorage::open(&place.settings()).await.unwrap();
    Backend::new(storage, place)
}

/// The same, with all documents of all collections.
async fn open_legible() -> Legible {
    let place = Arc::new(Place::new());
    let storage = MongoStorage::open(&place.settings()).await.unwrap();
    let backend = Backend::new(storage, Arc::clone(&place));
    let dump = move || {
        let place = Arc::clone(&place);
        let all: Dump = Box::pin(async move { place.documents().await });
        all
    };
    Legible { backend, dump: Box::new(dump) }
}

contract_tests::all!(open);
contract_tests::at_rest_tests!(open_legible);
