use std::fs;
use std::path::Path;
use std::time::Duration;

use contracts::{BoxError, StoreError};
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, OpenFlags};

use super::unavailable;
use crate::statement::{Column, Columns, Value};

/// How long to wait for another process that holds the database, such as `doorward user create`.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// More than there are statements here.
const STATEMENTS_CACHED: usize = 64;

/// Opens the writing connection, making the file and its folder if they are missing, readable by
/// nobody else.
pub(crate) fn open_database(path: &Path) -> Result<Connection, StoreError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|error| StoreError::Unavailable(error.into()))?;
    }
    let is_new = !path.exists();
    let connection = Connection::open(path).map_err(unavailable)?;
    if is_new {
        keep_private(path)?;
    }
    configure(&connection)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(unavailable)?;
    // An acknowledged registration survives a loss of power.
    connection.pragma_update(None, "synchronous", "FULL").map_err(unavailable)?;
    Ok(connection)
}

#[cfg(unix)]
fn keep_private(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .map_err(|error| StoreError::Unavailable(error.into()))
}

#[cfg(not(unix))]
fn keep_private(_: &Path) -> Result<(), StoreError> {
    Ok(())
}

/// Opens a connection that only reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(unavailable)?;
    configure(&connection)?;
    connection.pragma_update(None, "query_only", true).map_err(unavailable)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY_TIMEOUT).map_err(unavailable)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    connection.pragma_update(None, "foreign_keys", true).map_err(unavailable)
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
