//! The schema, as numbered steps that only add, then move, then remove, one release apart.

use contracts::StoreError;
use rusqlite::{Connection, TransactionBehavior};

use crate::sqlite::unavailable;

/// A step: its number is its place, from 1.
const STEPS: &[(&str, &str)] = &[
    ("accounts", include_str!("schema/sqlite/0001_accounts.sql")),
    ("mail", include_str!("schema/sqlite/0002_mail.sql")),
];

/// Names of the steps that the database has not seen, in order.
pub(crate) fn pending(connection: &Connection) -> Result<Vec<&'static str>, StoreError> {
    let done = version(connection)?;
    Ok(STEPS.iter().skip(done).map(|(name, _)| *name).collect())
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
    for (_, sql) in STEPS.iter().skip(STEPS.len() - names.len()) {
        transaction.execute_batch(sql).map_err(unavailable)?;
    }
    let version = u32::try_from(STEPS.len()).expect("there are few steps");
    transaction.pragma_update(None, "user_version", version).map_err(unavailable)?;
    transaction.commit().map_err(unavailable)?;
    Ok(names)
}

/// How many steps the database has seen. One that has seen more than we know belongs to a newer
/// release, and writing to it could lose what that release relies on.
fn version(connection: &Connection) -> Result<usize, StoreError> {
    let done: usize = connection
        .query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0))
        .map_err(unavailable)
        .map(|done| done as usize)?;
    if done > STEPS.len() {
        return Err(StoreError::Malformed {
            what: "schema version",
            source: format!("{done}; this release knows {}", STEPS.len()).into(),
        });
    }
    Ok(done)
}
