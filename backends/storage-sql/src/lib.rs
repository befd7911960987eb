//! `SQLite` (embedded default) and PostgreSQL: one set of statements serves both dialects.
//!
//! An operation is data: statements, some of them guards, and how to read a row. An engine runs it
//! as one transaction. See `docs/decisions/0003-operations-are-data.md`.

mod codes;
mod dialect;
mod engine;
mod erasure;
mod factors;
mod limits;
mod mails;
mod notices;
mod outbox;
mod outcomes;
mod pending_sign_ins;
#[cfg(test)]
mod plans;
mod postgres;
mod records;
mod revocations;
mod rows;
mod schema;
mod sessions;
mod sqlite;
mod statement;
mod trusted_devices;
mod users;

use std::path::Path;

use async_trait::async_trait;
use contracts::{Probe, StoreError};

use dialect::CHECK;
use engine::Engine;
pub use postgres::PostgresSettings;
use postgres::Unopened;
use sqlite::Sqlite;
use statement::{RowReader, Statement};

/// The main store in a SQL database.
pub struct SqlStorage {
    engine: Engine,
}

impl SqlStorage {
    /// Opens the `SQLite` file at `path`, making it if it is missing, and takes all pending steps
    /// of the schema. Blocks while it does.
    pub fn open_sqlite(path: &Path) -> Result<Self, StoreError> {
        let mut connection = sqlite::open_database(path)?;
        schema::sqlite::migrate(&mut connection)?;
        Ok(Self { engine: Engine::Sqlite(Sqlite::start(path, connection)?) })
    }

    /// Opens the database on a PostgreSQL server, which must exist. Takes pending steps of the
    /// schema if the database is new, or if instances of the release before can go on working
    /// beside them; otherwise `migrate_postgres` has to take them first.
    pub async fn open_postgres(settings: &PostgresSettings) -> Result<Self, StoreError> {
        let unopened = Unopened::new(settings)?;
        schema::postgres::open(&mut unopened.connect().await?).await?;
        Ok(Self { engine: Engine::Postgres(unopened.start()?) })
    }
}

/// Takes the pending steps of the schema of the `SQLite` file at `path`, making it if it is
/// missing. Returns the names of the steps.
pub fn migrate_sqlite(path: &Path) -> Result<Vec<&'static str>, StoreError> {
    schema::sqlite::migrate(&mut sqlite::open_database(path)?)
}

/// Names of the steps that the `SQLite` file at `path` has yet to see. Makes the file if it is
/// missing, and nothing in it.
pub fn pending_sqlite(path: &Path) -> Result<Vec<&'static str>, StoreError> {
    schema::sqlite::pending(&sqlite::open_database(path)?)
}

/// Takes the pending steps of the schema of a PostgreSQL database. Returns the names of those that
/// this call took.
pub async fn migrate_postgres(
    settings: &PostgresSettings,
) -> Result<Vec<&'static str>, StoreError> {
    schema::postgres::migrate(&mut Unopened::new(settings)?.connect().await?).await
}

/// Names of the steps that the PostgreSQL database has yet to see. Changes nothing.
pub async fn pending_postgres(
    settings: &PostgresSettings,
) -> Result<Vec<&'static str>, StoreError> {
    schema::postgres::pending(&Unopened::new(settings)?.connect().await?).await
}

#[async_trait]
impl Probe for SqlStorage {
    fn name(&self) -> &'static str {
        "storage"
    }

    async fn check(&self) -> Result<(), StoreError> {
        let fold = |is_writable: &mut bool, _: &mut RowReader<'_>| {
            *is_writable = true;
            Ok(())
        };
        if !self.engine.read(&Statement::new(CHECK, []), false, fold).await? {
            return Err(StoreError::Unavailable("the database takes no changes".into()));
        }
        // An operation of no statements still needs a writer and a transaction.
        self.engine.write(Vec::new()).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use contracts::{Inserted, RecordStore};
    use rusqlite::Connection;
    use tempfile::TempDir;

    use super::*;

    /// A store that does not wait for other processes.
    fn open_impatiently() -> (SqlStorage, PathBuf, TempDir) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("doorward.db");
        let mut connection = sqlite::open_database(&path).unwrap();
        schema::sqlite::migrate(&mut connection).unwrap();
        connection.busy_timeout(Duration::ZERO).unwrap();
        let engine = Sqlite::start(&path, connection).unwrap();
        (SqlStorage { engine: Engine::Sqlite(engine) }, path, folder)
    }

    #[tokio::test]
    async fn while_another_process_holds_the_database_writes_are_unavailable_and_reads_go_on() {
        let (storage, path, _folder) = open_impatiently();
        storage.insert_record("before", b"", &[]).await.unwrap();
        for lock in ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"] {
            let other = Connection::open(&path).unwrap();
            other.execute_batch(lock).unwrap();

            let refused = storage.insert_record("during", b"", &[]).await;
            assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
            assert!(matches!(storage.check().await, Err(StoreError::Unavailable(_))));
            assert!(storage.find_record("before").await.unwrap().is_some());

            other.execute_batch("ROLLBACK").unwrap();
            storage.check().await.unwrap();
            assert_eq!(storage.find_record("during").await.unwrap(), None);
        }
        assert_eq!(storage.insert_record("after", b"", &[]).await.unwrap(), Inserted::Yes);
    }

    #[tokio::test]
    async fn a_healthy_store_says_so() {
        let (storage, _path, _folder) = open_impatiently();
        storage.check().await.unwrap();
    }
}
