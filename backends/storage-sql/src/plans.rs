//! No statement reads a whole table: what takes a microsecond with ten users takes seconds with
//! five million, and the writing thread makes everybody wait.

use rusqlite::Connection;
use tempfile::TempDir;

use crate::{
    codes, erasure, mails, notices, outbox, records, revocations, schema, sessions, sqlite, users,
};

/// What `SQLite` means to do, one line for each step.
fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get("detail").unwrap());
    }
    steps
}

/// Steps that go from row to row and yet end early or stay small.
const WALKS: [&str; 7] = [
    // The dozen roles of a deployment.
    "SCAN roles",
    // One page of users, or of revocations, that an inner step has already cut to its limit.
    "SCAN u",
    "SCAN r LEFT-JOIN",
    // In the order of the key, and only until the limit is reached.
    "SCAN revocations",
    "SCAN outbox USING INDEX sqlite_autoindex_outbox_1",
    // The tombstones of the last few minutes: an older one leaves the index when it is settled.
    "SCAN e USING INDEX erased_users_with_remains",
    // No table at all: one row of parameters.
    "SCAN CONSTANT ROW",
];

/// Sorting is for one page, never for a backlog.
const SORTED_PAGES: [&str; 2] = ["SCAN u", "SCAN r LEFT-JOIN"];

#[test]
fn every_statement_finds_its_rows_by_an_index() {
    let folder = TempDir::new().unwrap();
    let mut connection = sqlite::open_database(&folder.path().join("doorward.db")).unwrap();
    schema::migrate(&mut connection).unwrap();
    let modules = [
        users::STATEMENTS,
        erasure::STATEMENTS,
        codes::STATEMENTS,
        mails::STATEMENTS,
        sessions::STATEMENTS,
        revocations::STATEMENTS,
        notices::STATEMENTS,
        outbox::STATEMENTS,
        records::STATEMENTS,
    ];
    for sql in modules.concat() {
        let steps = plan(&connection, sql);
        for step in steps.iter().filter(|step| step.starts_with("SCAN")) {
            assert!(WALKS.contains(&step.as_str()), "{step}:{sql}\n{steps:#?}");
        }
        let sorts = steps.iter().filter(|step| step.starts_with("USE TEMP B-TREE")).count();
        let pages = steps.iter().filter(|step| SORTED_PAGES.contains(&step.as_str())).count();
        assert!(sorts <= pages, "{sql}\n{steps:#?}");
    }
}
