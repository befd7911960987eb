//! The contract suite on PostgreSQL, and what only a server can do wrong.

mod callers;
mod content;
mod credentials;
mod database;
mod gate;
mod outages;
mod schema;
mod way;

use std::sync::Arc;

use contract_tests::{Backend, Dump, Legible};

use database::Database;

/// An empty database of our own on the server that `TEST_POSTGRES_URL` names.
async fn open() -> Backend {
    let database = Database::create().await;
    Backend::new(database.open().await, database)
}

/// The same, with all rows of all tables.
async fn open_legible() -> Legible {
    let database = Arc::new(Database::create().await);
    let backend = Backend::new(database.open().await, Arc::clone(&database));
    let dump = move || {
        let database = Arc::clone(&database);
        let all: Dump = Box::pin(async move { database.rows().await });
        all
    };
    Legible { backend, dump: Box::new(dump) }
}

contract_tests::all!(open);
contract_tests::at_rest_tests!(open_legible);
