//! The contract where two backends make one store: sessions in Redis over `SQLite`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod main_alone;
mod redis_keys;

use std::sync::Arc;

use contract_tests::{Backend, Dump, Legible};
use ephemeral::{MemoryLimiter, RedisConnection, RedisSessions, RedisSettings};
use storage_sql::SqlStorage;
use tempfile::TempDir;

use redis_keys::RedisKeys;

#[allow(clippy::unused_async, reason = "the suite waits for it")]
async fn open() -> Backend {
    open_both().0
}

/// An empty database in a folder of its own, and keys that begin with the folder's name. The
/// database alone as well.
fn open_both() -> (Backend, Arc<SqlStorage>) {
    let (backend, main, _) = open_all();
    (backend, main)
}

fn open_all() -> (Backend, Arc<SqlStorage>, Arc<(RedisKeys, TempDir)>) {
    let folder = TempDir::new().unwrap();
    let main = Arc::new(SqlStorage::open_sqlite(&folder.path().join("doorward.db")).unwrap());
    let keys = RedisKeys::of(folder.path());
    let connection = RedisConnection::open(RedisSettings {
        key_prefix: keys.prefix.clone(),
        ..RedisSettings::new(keys.url.as_str().into())
    });
    let home = Arc::new((keys, folder));
    let backend = Backend {
        users: main.clone(),
        sessions: Arc::new(RedisSessions::new(connection.unwrap(), main.clone())),
        pending_sign_ins: main.clone(),
        trusted_devices: main.clone(),
        codes: main.clone(),
        revocations: main.clone(),
        outbox: main.clone(),
        mails: main.clone(),
        records: main.clone(),
        limiter: Arc::new(MemoryLimiter::new()),
        home: home.clone(),
    };
    (backend, main, home)
}

/// The same, with all that is in Redis and in the folder.
#[allow(clippy::unused_async, reason = "the suite waits for it")]
async fn open_legible() -> Legible {
    let (backend, _, home) = open_all();
    let dump = move || {
        let (keys, folder) = &*home;
        let mut all = keys.content();
        assert!(!all.is_empty());
        for file in std::fs::read_dir(folder.path()).unwrap() {
            all.extend(std::fs::read(file.unwrap().path()).unwrap());
        }
        let all: Dump = Box::pin(std::future::ready(all));
        all
    };
    Legible { backend, dump: Box::new(dump) }
}

contract_tests::session_tests!(open);
contract_tests::trusted_device_tests!(open);
contract_tests::user_tests!(open);
contract_tests::revocation_tests!(open);
contract_tests::outbox_tests!(open);
contract_tests::value_tests!(open);
contract_tests::resealing_tests!(open);
contract_tests::at_rest_tests!(open_legible);
