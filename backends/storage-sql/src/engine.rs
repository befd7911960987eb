//! Runs operations, whichever engine there is.

use contracts::StoreError;

use crate::postgres::Postgres;
use crate::sqlite::Sqlite;
use crate::statement::{RowReader, Statement, Written};

/// An open database.
pub(crate) enum Engine {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Engine {
    /// Runs statements as one operation, durable when this returns.
    pub(crate) async fn write(&self, statements: Vec<Statement>) -> Result<Written, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.write(statements).await,
            Self::Postgres(postgres) => postgres.write(statements).await,
        }
    }

    /// Runs one statement that changes rows and returns them. Where one cannot be read, none is
    /// changed.
    pub(crate) async fn write_returning<T: Send + 'static>(
        &self,
        statement: Statement,
        to_item: fn(&mut RowReader<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.write_returning(statement, to_item).await,
            Self::Postgres(postgres) => postgres.write_returning(statement, to_item).await,
        }
    }

    /// Runs one statement that deletes rows, and counts them.
    pub(crate) async fn delete(&self, statement: Statement) -> Result<usize, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.delete(statement).await,
            Self::Postgres(postgres) => postgres.delete(statement).await,
        }
    }

    /// Folds the rows of one statement, which sees one consistent state.
    pub(crate) async fn read<T: Send>(
        &self,
        statement: &Statement,
        folded: T,
        fold: impl FnMut(&mut T, &mut RowReader<'_>) -> Result<(), StoreError> + Send,
    ) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.read(statement, folded, fold),
            Self::Postgres(postgres) => postgres.read(statement.clone(), folded, fold).await,
        }
    }
}
