use std::fs::{self, OpenOptions};
use std::io;
use std::mem;
use std::path::Path;
use std::time::Duration;

use contracts::{BoxError, StoreError};
use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, ErrorCode, OpenFlags};

use super::unavailable;
use crate::statement::{Column, Columns, Value};

/// How long to wait for another process that holds the database, such as `doorward user create`.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// How often to try again when other processes open a new database at the same moment.
const SWITCHES_MAX: usize = 100;
/// More than there are statements here.
const STATEMENTS_CACHED: usize = 128;

/// Opens the writing connection, making the file and its folder if they are missing, readable by
/// nobody else.
pub(crate) fn open_database(path: &Path) -> Result<Connection, StoreError> {
    make_file(path).map_err(|error| StoreError::Unavailable(error.into()))?;
    let connection = open_file(path)?;
    keep_log(&connection)?;
    // An acknowledged registration survives a loss of power.
    connection.pragma_update(None, "synchronous", "FULL").map_err(unavailable)?;
    // What is deleted is overwritten: an erased person is not in the file's free space, either.
    connection.pragma_update(None, "secure_delete", true).map_err(unavailable)?;
    Ok(connection)
}

/// Makes an empty file if there is none. It is private from its first moment: whoever had opened it
/// before could read on for ever.
fn make_file(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        // Closing it would take away, as POSIX has it, the locks of every connection that this
        // process has to the file by now. So one descriptor stays open, the first time only.
        Ok(file) => mem::forget(file),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Switches to a write-ahead log, in which readers wait for nobody; the file remembers it.
fn keep_log(connection: &Connection) -> Result<(), StoreError> {
    for _ in 0..SWITCHES_MAX {
        let mode = connection
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                let error = format!("the database keeps its journal as {mode} and not as a log");
                return Err(StoreError::Unavailable(error.into()));
            }
            // `SQLite` does not wait where waiting could be mutual: another process is switching
            // too. For a transaction of that process we can wait, and then look again.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                connection.execute_batch("BEGIN IMMEDIATE; COMMIT").map_err(unavailable)?;
            }
            Err(error) => return Err(unavailable(error)),
        }
    }
    Err(StoreError::Unavailable("other processes keep the database from switching to a log".into()))
}

/// Opens a connection that only reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = open_file(path)?;
    connection.pragma_update(None, "query_only", true).map_err(unavailable)?;
    Ok(connection)
}

/// Opens a file that exists. The path is a path: no `file:` address that brings options along.
fn open_file(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(unavailable)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(unavailable)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    // Else `SQLite` takes each bound value for a hint on how best to join, and compiles the kept
    // statement anew whenever it is bound: twenty times the work of running it.
    let keeps_plans = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true);
    keeps_plans.map_err(unavailable)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(unavailable)?;
    Ok(connection)
}

pub(super) fn bind(
    statement: &mut CachedStatement<'_>,
    parameters: &[Value],
) -> Result<(), StoreError> {
    for (index, value) in (1..).zip(parameters) {
        let bound = match value {
            Value::Null => statement.raw_bind_parameter(index, rusqlite::types::Null),
            Value::Bool(value) => statement.raw_bind_parameter(index, value),
            Value::Integer(value) => statement.raw_bind_parameter(index, value),
            Value::Text(value) => statement.raw_bind_parameter(index, value),
            Value::Bytes(value) => statement.raw_bind_parameter(index, value),
        };
        bound.map_err(unavailable)?;
    }
    Ok(())
}

/// A row as the shared reading code sees it.
pub(super) struct SqliteRow<'a>(pub(super) &'a rusqlite::Row<'a>);

impl Columns for SqliteRow<'_> {
    fn column(&self, index: usize) -> Result<Column<'_>, BoxError> {
        Ok(match self.0.get_ref(index)? {
            ValueRef::Null => Column::Null,
            ValueRef::Integer(value) => Column::Integer(value),
            ValueRef::Text(value) => Column::Text(std::str::from_utf8(value)?),
            ValueRef::Blob(value) => Column::Bytes(value),
            ValueRef::Real(_) => return Err("a floating-point number".into()),
        })
    }
}
