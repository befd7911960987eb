//! Opening and migrating.

use std::error::Error;
use std::path::Path;
use std::sync::Barrier;
use std::thread;

use contracts::{Probe, RecordStore, StoreError};
use rusqlite::Connection;
use storage_sql::{SqlStorage, migrate_sqlite, pending_sqlite};

use crate::fixtures::execute;
use crate::place;

const STEPS: [&str; 4] = ["accounts", "mail", "limits", "factors"];

#[test]
fn each_step_is_taken_once() {
    let (_folder, path) = place();
    assert_eq!(pending_sqlite(&path).unwrap(), STEPS);
    assert_eq!(pending_sqlite(&path).unwrap(), STEPS);
    assert_eq!(migrate_sqlite(&path).unwrap(), STEPS);
    assert_eq!(migrate_sqlite(&path).unwrap(), [""; 0]);
    assert_eq!(pending_sqlite(&path).unwrap(), [""; 0]);
}

#[test]
fn of_several_that_open_a_new_database_at_once_one_migrates_it() {
    for _ in 0..20 {
        let (_folder, path) = place();
        let start = Barrier::new(8);
        let taken: Vec<_> = thread::scope(|scope| {
            let open = || {
                start.wait();
                migrate_sqlite(&path).unwrap()
            };
            let openers = [(); 8].map(|()| scope.spawn(open));
            openers.into_iter().map(|opener| opener.join().unwrap()).collect()
        });
        assert_eq!(taken.concat(), STEPS);
    }
}

#[tokio::test]
async fn several_instances_on_one_file_see_each_others_writes() {
    let (_folder, path) = place();
    let one = SqlStorage::open_sqlite(&path).unwrap();
    let other = SqlStorage::open_sqlite(&path).unwrap();
    one.insert_record("name", b"content", &[]).await.unwrap();
    assert_eq!(&*other.find_record("name").await.unwrap().unwrap().content, b"content");
    drop(one);
    other.replace_record("name", 1, b"changed", &[]).await.unwrap();
    assert_eq!(other.find_record("name").await.unwrap().unwrap().version, 2);
}

#[test]
fn a_schema_of_a_newer_release_is_refused_and_left_alone() {
    let (_folder, path) = place();
    migrate_sqlite(&path).unwrap();
    set_version(&path, 99);
    for refused in [
        SqlStorage::open_sqlite(&path).map(|_| ()),
        migrate_sqlite(&path).map(|_| ()),
        pending_sqlite(&path).map(|_| ()),
    ] {
        let error = refused.unwrap_err();
        assert!(matches!(error, StoreError::Malformed { .. }), "{error:?}");
        assert_eq!(error.to_string(), "the store holds a malformed schema version");
        let known = format!("99; this release knows {}", STEPS.len());
        assert_eq!(error.source().unwrap().to_string(), known);
    }
    set_version(&path, STEPS.len());
    SqlStorage::open_sqlite(&path).unwrap();
}

/// A release that is being replaced goes on working beside the next, if that release's steps were
/// made for it.
#[tokio::test]
async fn a_newer_schema_that_says_it_can_be_worked_beside_is_left_alone_and_used() {
    let (_folder, path) = place();
    migrate_sqlite(&path).unwrap();
    execute(&path, "INSERT INTO schema_steps VALUES (5, 'next', 4), (6, 'last', 2)");
    set_version(&path, 6);
    assert_eq!(pending_sqlite(&path).unwrap(), [""; 0]);
    assert_eq!(migrate_sqlite(&path).unwrap(), [""; 0]);
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    storage.insert_record("name", b"content", &[]).await.unwrap();
    drop(storage);

    for refused in
        ["UPDATE schema_steps SET works_with = 5", "DELETE FROM schema_steps WHERE number = 5"]
    {
        execute(&path, refused);
        assert!(pending_sqlite(&path).is_err(), "{refused}");
        execute(&path, "UPDATE schema_steps SET works_with = 4");
    }
}

fn set_version(path: &Path, version: usize) {
    let connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "user_version", i64::try_from(version).unwrap()).unwrap();
}

/// A second instance must be able to start while the first is busy.
#[tokio::test]
async fn a_migrated_database_opens_while_another_process_writes() {
    let (_folder, path) = place();
    migrate_sqlite(&path).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // This would take five seconds and fail if it wanted to write.
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    assert_eq!(storage.find_record("name").await.unwrap(), None);
    other.execute_batch("COMMIT").unwrap();
    storage.check().await.unwrap();
}
