//! The file: who may read it, what outlives a restart, and what happens if it is damaged.

use std::fs;

use contracts::{Inserted, RecordStore, StoreError};
use rusqlite::Connection;
use storage_sql::{SqlStorage, migrate_sqlite, pending_sqlite};

use crate::place;

#[tokio::test]
async fn what_was_written_survives_a_restart() {
    let (_folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    for number in 0..100 {
        storage.insert_record(&format!("record-{number}"), b"content", &[]).await.unwrap();
    }
    drop(storage);

    let storage = SqlStorage::open_sqlite(&path).unwrap();
    for number in 0..100 {
        let found = storage.find_record(&format!("record-{number}")).await.unwrap().unwrap();
        assert_eq!(&*found.content, b"content");
    }
}

/// Whoever copies the file after the service has stopped has it all.
#[tokio::test]
async fn a_closed_database_is_one_file() {
    let (folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    storage.insert_record("name", b"content", &[]).await.unwrap();
    storage.find_record("name").await.unwrap();
    drop(storage);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_a_new_database() {
    use std::os::unix::fs::PermissionsExt;

    let (folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    storage.insert_record("name", b"content", &[]).await.unwrap();
    storage.find_record("name").await.unwrap();
    let mut names = Vec::new();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["doorward.db", "doorward.db-shm", "doorward.db-wal"]);
}

/// An administrator may have let a backup's group in.
#[cfg(unix)]
#[test]
fn the_permissions_of_an_existing_database_are_left_alone() {
    use std::os::unix::fs::PermissionsExt;

    let (_folder, path) = place();
    migrate_sqlite(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    migrate_sqlite(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn the_folder_of_a_new_database_is_made() {
    let (folder, _) = place();
    let path = folder.path().join("var/lib/doorward.db");
    SqlStorage::open_sqlite(&path).unwrap();
    assert!(path.is_file());
}

#[test]
fn a_file_that_is_no_database_is_a_failure_of_the_store() {
    let (_folder, path) = place();
    let garbage = "no database at all ".repeat(1000);
    fs::write(&path, &garbage).unwrap();
    assert_fails(&SqlStorage::open_sqlite(&path).map(|_| ()));
    assert_fails(&pending_sqlite(&path));
    assert_eq!(fs::read_to_string(&path).unwrap(), garbage);
}

#[test]
fn a_path_that_is_no_file_is_a_failure_of_the_store() {
    let (folder, path) = place();
    assert_fails(&SqlStorage::open_sqlite(folder.path()).map(|_| ()));
    fs::write(&path, "").unwrap();
    assert_fails(&SqlStorage::open_sqlite(&path.join("below-a-file.db")).map(|_| ()));
}

#[tokio::test]
async fn a_file_that_turns_to_garbage_is_a_failure_of_the_store() {
    let (_folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    assert_eq!(storage.insert_record("name", b"content", &[]).await.unwrap(), Inserted::Yes);
    // Everything into the main file, then the main file to nothing.
    let other = Connection::open(&path).unwrap();
    other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let bytes = fs::metadata(&path).unwrap().len();
    fs::write(&path, vec![0xa5; usize::try_from(bytes).unwrap()]).unwrap();

    assert_fails(&storage.find_record("name").await);
    // What it still remembers it may write, but it must answer.
    let _ = storage.replace_record("name", 1, b"changed", &[]).await;
    let _ = storage.insert_record("other", b"content", &[]).await;
}

#[track_caller]
fn assert_fails<T: std::fmt::Debug>(answer: &Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
}
