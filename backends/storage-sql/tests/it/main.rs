//! The contract suite on both engines, what only a file can do wrong, and what only a server can.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod content;
mod factor_content;
mod file;
mod fixtures;
mod mail_content;
mod postgres;
mod schema;
mod upgrade;

use std::path::PathBuf;
use std::sync::Arc;

use contract_tests::{Backend, Dump, Legible};
use storage_sql::SqlStorage;
use tempfile::TempDir;

/// An empty database in a folder of its own.
#[allow(clippy::unused_async, reason = "backends on a server wait for it")]
async fn open() -> Backend {
    let (folder, path) = place();
    Backend::new(SqlStorage::open_sqlite(&path).unwrap(), folder)
}

/// A folder of one's own, and the path of a database to be made in it.
fn place() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("doorward.db");
    (folder, path)
}

/// The same, with all that is in the folder.
#[allow(clippy::unused_async, reason = "backends on a server wait for it")]
async fn open_legible() -> Legible {
    let (folder, path) = place();
    let folder = Arc::new(folder);
    let backend = Backend::new(SqlStorage::open_sqlite(&path).unwrap(), Arc::clone(&folder));
    let dump = move || {
        let files = std::fs::read_dir(folder.path()).unwrap();
        let files: Vec<Vec<u8>> =
            files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
        let all: Dump = Box::pin(std::future::ready(files.concat()));
        all
    };
    Legible { backend, dump: Box::new(dump) }
}

contract_tests::all!(open);
contract_tests::at_rest_tests!(open_legible);
