//! The embedded engine: one writer thread that commits a queue of operations together, and reads
//! on the caller's thread.

mod connection;
mod writer;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use contracts::StoreError;
use rusqlite::Connection;

use crate::statement::{RowReader, Statement, Written};
use connection::SqliteRow;
pub(crate) use connection::open_database;
use writer::Writer;

/// An open database file.
pub(crate) struct Sqlite {
    path: Box<Path>,
    /// Idle reading connections. Each read takes one out, so there are never more than threads
    /// that read at once. Closed before the writer, which then folds its log into the file.
    readers: Mutex<Vec<Connection>>,
    writer: Writer,
}

impl Sqlite {
    /// Takes over a migrated database.
    pub(crate) fn start(path: &Path, connection: Connection) -> Result<Self, StoreError> {
        Ok(Self {
            path: path.into(),
            readers: Mutex::default(),
            writer: Writer::start(connection)?,
        })
    }

    /// Runs statements as one operation, durable when this returns.
    pub(crate) async fn write(&self, statements: Vec<Statement>) -> Result<Written, StoreError> {
        self.writer.write(statements).await
    }

    /// Runs one statement that changes rows and returns them.
    pub(crate) async fn write_returning<T: Send + 'static>(
        &self,
        statement: Statement,
        to_item: fn(&mut RowReader<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.writer.write_returning(statement, to_item).await
    }

    /// Runs one statement that deletes rows, and counts them.
    pub(crate) async fn delete(&self, statement: Statement) -> Result<usize, StoreError> {
        self.writer.delete(statement).await
    }

    /// Folds the rows of one statement, which sees one consistent state.
    ///
    /// Runs on the caller's thread: in WAL mode a reader waits for nobody, and handing a read of a
    /// few microseconds to another thread would cost more than the read.
    pub(crate) fn read<T>(
        &self,
        statement: &Statement,
        mut folded: T,
        mut fold: impl FnMut(&mut T, &mut RowReader<'_>) -> Result<(), StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connection::open_reader(&self.path)?,
        };
        {
            let mut prepared =
                connection.prepare_cached(statement.sql.sqlite).map_err(unavailable)?;
            connection::bind(&mut prepared, &statement.parameters)?;
            let mut rows = prepared.raw_query();
            while let Some(row) = rows.next().map_err(unavailable)? {
                fold(&mut folded, &mut RowReader::new(&SqliteRow(row)))?;
            }
        }
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(folded)
    }
}

/// The engine failed: not a refusal, and perhaps passing.
pub(crate) fn unavailable(error: rusqlite::Error) -> StoreError {
    StoreError::Unavailable(error.into())
}
