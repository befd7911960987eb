//! Steps of a file, which whoever opens it takes. How many it has seen stands in its header, as it
//! did before there were marks.

use contracts::StoreError;
use rusqlite::{Connection, TransactionBehavior};

use super::{known, names_after, refuse_newer, steps_after};
use crate::sqlite::unavailable;

const KEEP_STEPS: &str = "
    CREATE TABLE IF NOT EXISTS schema_steps (
        number     INTEGER PRIMARY KEY,
        name       TEXT NOT NULL,
        works_with INTEGER NOT NULL
    ) STRICT";

const KEEP_STEP: &str = "INSERT INTO schema_steps (number, name, works_with) VALUES ($1, $2, $3)";

const HAS_STEPS: &str = "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_steps'";

const UNKNOWN_STEPS: &str =
    "SELECT count(*), coalesce(max(works_with), 0) FROM schema_steps WHERE number > $1";

/// Names of the steps that the database has not seen, in order.
pub(crate) fn pending(connection: &Connection) -> Result<Vec<&'static str>, StoreError> {
    let seen = connection
        .query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0))
        .map_err(unavailable)?;
    if seen > known() {
        refuse_newer(seen, works_with(connection, seen).map_err(unavailable)?)?;
    }
    Ok(names_after(seen))
}

/// The fewest steps that a release must know to work with a database that has seen more than ours.
fn works_with(connection: &Connection, seen: u32) -> Result<u32, rusqlite::Error> {
    if connection.query_row(HAS_STEPS, [], |row| row.get::<_, u32>(0))? == 0 {
        return Ok(seen);
    }
    let (recorded, works_with) = connection.query_row(UNKNOWN_STEPS, [known()], |row| {
        Ok((row.get::<_, u32>(0)?, row.get::<_, u32>(1)?))
    })?;
    Ok(if recorded == seen - known() { works_with } else { seen })
}

/// Takes the steps that are pending, all or none, and returns their names. Of several processes at
/// once, one takes them and the others wait. Writes nothing, and waits for nobody, if none are.
pub(crate) fn migrate(connection: &mut Connection) -> Result<Vec<&'static str>, StoreError> {
    if pending(connection)?.is_empty() {
        return Ok(Vec::new());
    }
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(unavailable)?;
    // Another process may have taken them while we waited.
    let names = pending(&transaction)?;
    let count = u32::try_from(names.len()).expect("there are few steps");
    if count > 0 {
        transaction.execute_batch(KEEP_STEPS).map_err(unavailable)?;
    }
    for (number, step) in steps_after(known() - count) {
        transaction.execute_batch(step.sqlite).map_err(unavailable)?;
        let kept = (number, step.name, step.works_with(number));
        transaction.execute(KEEP_STEP, kept).map_err(unavailable)?;
    }
    if count > 0 {
        transaction.pragma_update(None, "user_version", known()).map_err(unavailable)?;
    }
    transaction.commit().map_err(unavailable)?;
    Ok(names)
}
