//! The contract suite on PostgreSQL, and what only a server can do wrong.

mod callers;
mod content;
mod credentials;
mod database;
mod gate;
mod outages;
mod schema;
mod way;

use contract_tests::Backend;

use database::Database;

/// An empty database of our own on the server that `TEST_POSTGRES_URL` names.
async fn open() -> Backend {
    let database = Database::create().await;
    Backend::new(database.open().await, database)
}

contract_tests::all!(open);
