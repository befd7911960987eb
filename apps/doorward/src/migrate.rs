use settings::Settings;

use crate::elsewhere::Elsewhere;
use crate::failure::Failure;
use crate::{console, stores};

/// Creates or upgrades the schema, or only says what is pending.
pub(crate) fn migrate(settings: &Settings, is_check: bool, is_json: bool) -> Result<(), Failure> {
    let storage = &settings.storage;
    let failed = Failure::of(format!("{} cannot be migrated", stores::place(storage)));
    let steps = console::runtime()?.block_on(async {
        let elsewhere = Elsewhere::default();
        if is_check {
            stores::pending(storage, &elsewhere).await
        } else {
            stores::migrate(storage, &elsewhere).await
        }
    });
    let steps = steps.map_err(failed)?;
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
