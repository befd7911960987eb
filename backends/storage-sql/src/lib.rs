//! `SQLite` (embedded default) and later PostgreSQL: one set of statements serves both dialects.
//!
//! An operation is data: statements, some of them guards, and how to read a row. An engine runs it
//! as one transaction. See `docs/decisions/0003-operations-are-data.md`.

mod outbox;
mod records;
mod revocations;
mod rows;
mod schema;
mod sessions;
mod sqlite;
mod statement;
mod users;

use std::path::Path;

use async_trait::async_trait;
use contracts::{Probe, StoreError};

use sqlite::Sqlite;
use statement::Statement;

/// The main store in a SQL database.
pub struct SqlStorage {
    engine: Sqlite,
}

impl SqlStorage {
    /// Opens the `SQLite` file at `path`, making it if it is missing, and takes all pending steps
    /// of the schema. Blocks while it does.
    pub fn open_sqlite(path: &Path) -> Result<Self, StoreError> {
        let mut connection = sqlite::open_database(path)?;
        schema::migrate(&mut connection)?;
        Ok(Self { engine: Sqlite::start(path, connection)? })
    }
}

/// Takes the pending steps of the schema of the `SQLite` file at `path`, making it if it is
/// missing. Returns the names of the steps.
pub fn migrate_sqlite(path: &Path) -> Result<Vec<&'static str>, StoreError> {
    schema::migrate(&mut sqlite::open_database(path)?)
}

/// Names of the steps that the `SQLite` file at `path` has yet to see. Makes the file if it is
/// missing, and nothing in it.
pub fn pending_sqlite(path: &Path) -> Result<Vec<&'static str>, StoreError> {
    schema::pending(&sqlite::open_database(path)?)
}

#[async_trait]
impl Probe for SqlStorage {
    fn name(&self) -> &'static str {
        "storage"
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.engine.read(&Statement::new("SELECT 1", []), (), |(), _| Ok(()))?;
        // An operation of no statements still needs the writing thread and a transaction.
        self.engine.write(Vec::new()).await.map(|_| ())
    }
}
