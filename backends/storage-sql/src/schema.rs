//! The schema, as numbered steps that only add, then move, then remove, one release apart.
//!
//! Releases run side by side while a deployment is rolled out, so a database may have seen steps
//! that a release does not know. Each step says how many steps a release must know to go on working
//! with the database after it, and the database keeps that beside the step's name. A step without
//! such a mark is for releases that know it. So a release refuses a newer database, unless every
//! step that it does not know was made to be worked beside; a step that is not recorded counts as
//! one without a mark.
//!
//! A database on a server takes pending steps when it is opened, if it is new, or if the releases
//! that know no more than it has seen can go on working with it: they may be at work while the
//! first instance of the next release starts. Otherwise whoever runs it stops all instances and
//! takes the steps on purpose, with `doorward migrate`. A file is for one process, which takes all
//! steps when it opens the file: whoever starts a release has stopped the one before.

pub(crate) mod postgres;
pub(crate) mod sqlite;

use contracts::StoreError;

/// A step: its number is its place, from 1.
struct Step {
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
    /// The fewest steps that a release must know to work with the database from now on, where that
    /// is fewer than this one's number.
    works_with: Option<u32>,
}

const STEPS: &[Step] = &[
    Step {
        name: "accounts",
        sqlite: include_str!("schema/sqlite/0001_accounts.sql"),
        postgres: include_str!("schema/postgres/0001_accounts.sql"),
        works_with: None,
    },
    Step {
        name: "mail",
        sqlite: include_str!("schema/sqlite/0002_mail.sql"),
        postgres: include_str!("schema/postgres/0002_mail.sql"),
        works_with: None,
    },
    Step {
        name: "limits",
        sqlite: include_str!("schema/sqlite/0003_limits.sql"),
        postgres: include_str!("schema/postgres/0003_limits.sql"),
        // A table that nobody else looks at.
        works_with: Some(2),
    },
    Step {
        name: "factors",
        sqlite: include_str!("schema/sqlite/0004_factors.sql"),
        postgres: include_str!("schema/postgres/0004_factors.sql"),
        // Tables that nobody else looks at, and columns that stay as they are where nobody names
        // them.
        works_with: Some(2),
    },
];

/// The steps from the one after the first `seen`, each with its number.
fn steps_after(seen: u32) -> impl Iterator<Item = (u32, &'static Step)> {
    (1..).zip(STEPS).skip_while(move |(number, _)| *number <= seen)
}

fn names_after(seen: u32) -> Vec<&'static str> {
    steps_after(seen).map(|(_, step)| step.name).collect()
}

impl Step {
    fn works_with(&self, number: u32) -> u32 {
        self.works_with.unwrap_or(number)
    }
}

/// How many steps this release knows.
fn known() -> u32 {
    u32::try_from(STEPS.len()).expect("there are few steps")
}

/// Refuses to take what is pending without being asked to, where that could disturb releases that
/// know no more than the `seen` steps that the database has seen.
fn refuse_unasked(seen: u32) -> Result<(), StoreError> {
    let disturbs = |(number, step): (u32, &Step)| step.works_with(number) > seen;
    if seen == 0 || !steps_after(seen).any(disturbs) {
        return Ok(());
    }
    let names = names_after(seen).join(", ");
    Err(StoreError::Malformed {
        what: "schema version",
        source: format!(
            "{seen}; before this release starts, stop all instances and take the pending steps \
             ({names}) with `doorward migrate`"
        )
        .into(),
    })
}

/// Refuses a database that has seen `seen` steps, if one that we do not know needs releases to know
/// more steps than we do: to write there could lose what newer releases rely on.
fn refuse_newer(seen: u32, works_with: u32) -> Result<(), StoreError> {
    if seen > known() && works_with > known() {
        return Err(StoreError::Malformed {
            what: "schema version",
            source: format!("{seen}; this release knows {}", known()).into(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_taken_unasked_where_a_database_is_new_or_nobody_is_disturbed() {
        for seen in [0, 2, 3, known()] {
            refuse_unasked(seen).unwrap();
        }
        let words = contracts::chain(&refuse_unasked(1).unwrap_err());
        assert!(words.contains("(mail, limits, factors) with `doorward migrate`"), "{words}");
    }
}
