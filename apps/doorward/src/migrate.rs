use settings::{Settings, StorageSettings};

use crate::console;
use crate::failure::Failure;

/// Creates or upgrades the schema, or only says what is pending.
pub(crate) fn migrate(settings: &Settings, is_check: bool, is_json: bool) -> Result<(), Failure> {
    let StorageSettings::Sqlite { path } = &settings.storage;
    let failed = || Failure::of(format!("the database {} cannot be migrated", path.display()));
    let steps = if is_check {
        storage_sql::pending_sqlite(path).map_err(failed())?
    } else {
        storage_sql::migrate_sqlite(path).map_err(failed())?
    };
    let word = if is_check { "pending" } else { "done" };
    if is_json {
        console::print(&serde_json::json!({ word: steps }).to_string())?;
    } else if steps.is_empty() {
        console::print("The schema is up to date.")?;
    } else {
        console::print(&format!("{word}: {}", steps.join(", ")))?;
    }
    if is_check && !steps.is_empty() {
        return Err(Failure::Refused(
            "the schema has pending steps: run `doorward migrate`".into(),
        ));
    }
    Ok(())
}
