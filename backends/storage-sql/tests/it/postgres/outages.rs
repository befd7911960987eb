//! A server that goes away, hangs, or comes back.

use std::time::Duration;

use contracts::{Inserted, Probe, RecordStore, StoreError};
use storage_sql::{PostgresSettings, SqlStorage};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::database::Database;
use super::way::{Traffic, Way};

/// How long any operation may take.
const BOUND: Duration = Duration::from_millis(2_500);

/// A store that reaches the server over a way of its own.
async fn open_over(way: &Way, database: &Database) -> SqlStorage {
    let settings = database.settings_at(&way.place.to_string());
    let storage = SqlStorage::open_postgres(&settings).await.unwrap();
    storage.insert_record("before", b"content", &[]).await.unwrap();
    storage
}

/// Uses several connections at once, so that several are idle afterwards.
async fn read_at_once(storage: &SqlStorage) -> Vec<Result<(), StoreError>> {
    let reads = [(); 8].map(|()| async { storage.find_record("before").await.map(|_| ()) });
    let mut answers = Vec::new();
    for read in futures_util::future::join_all(reads).await {
        answers.push(read);
    }
    answers
}

#[tokio::test]
async fn connections_that_the_server_ended_are_replaced() {
    let database = Database::create().await;
    let storage = database.open().await;
    storage.insert_record("before", b"content", &[]).await.unwrap();
    for number in 0..5 {
        assert!(read_at_once(&storage).await.iter().all(Result::is_ok));
        database.end_connections().await;
        // Reads notice at the latest when they are answered, and ask again.
        assert!(read_at_once(&storage).await.iter().all(Result::is_ok));
        let name = format!("after-{number}");
        assert_eq!(storage.insert_record(&name, b"", &[]).await.unwrap(), Inserted::Yes);
    }
}

/// What was in the middle of it fails, soon and with a word, and is not done by halves.
#[tokio::test]
async fn an_operation_that_the_server_ends_in_the_middle_is_unavailable() {
    let database = Database::create().await;
    let storage = database.open().await;
    let other = database.connect().await;
    storage.insert_record("name", b"before", &[]).await.unwrap();
    other.batch_execute("BEGIN; SELECT 1 FROM records FOR UPDATE").await.unwrap();
    let write = storage.replace_record("name", 1, b"after", &[]);
    let (answer, ()) = tokio::join!(write, async {
        let waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
                        AND wait_event_type = 'Lock'";
        let watcher = database.connect().await;
        while watcher.query(waits, &[]).await.unwrap().is_empty() {}
        database.end_connections().await;
    });
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    assert_eq!(storage.find_record("name").await.unwrap().unwrap().version, 1);
}

/// Somebody who holds a row for ever holds up those who want it, for a while.
#[tokio::test]
async fn a_row_that_another_program_holds_is_unavailable_in_time() {
    let database = Database::create().await;
    let storage = database.open().await;
    let other = database.connect().await;
    storage.insert_record("name", b"before", &[]).await.unwrap();
    other.batch_execute("BEGIN; SELECT 1 FROM records FOR UPDATE").await.unwrap();
    let answer = timeout(BOUND, storage.replace_record("name", 1, b"after", &[])).await.unwrap();
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    other.batch_execute("ROLLBACK").await.unwrap();
    storage.replace_record("name", 1, b"after", &[]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_hangs_is_unavailable_in_time_and_comes_back_at_once() {
    let database = Database::create().await;
    let way = Way::to(database.place()).await;
    let storage = open_over(&way, &database).await;
    assert!(read_at_once(&storage).await.iter().all(Result::is_ok));

    way.set(Traffic::Stands);
    for _ in 0..2 {
        let answers = timeout(BOUND, async {
            let write = storage.insert_record("during", b"", &[]);
            tokio::join!(read_at_once(&storage), write, storage.check())
        });
        let (reads, write, check) = answers.await.unwrap();
        assert!(reads.iter().all(|read| matches!(read, Err(StoreError::Unavailable(_)))));
        assert!(matches!(write, Err(StoreError::Unavailable(_))), "{write:?}");
        assert!(matches!(check, Err(StoreError::Unavailable(_))), "{check:?}");
    }

    way.set(Traffic::Flows);
    storage.insert_record("after", b"", &[]).await.unwrap();
    assert!(read_at_once(&storage).await.iter().all(Result::is_ok));
    storage.check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_is_cut_off_is_unavailable_in_time_and_comes_back_at_once() {
    let database = Database::create().await;
    let way = Way::to(database.place()).await;
    let storage = open_over(&way, &database).await;
    assert!(read_at_once(&storage).await.iter().all(Result::is_ok));

    way.set(Traffic::IsCut);
    for _ in 0..3 {
        let reads = timeout(BOUND, read_at_once(&storage)).await.unwrap();
        assert!(reads.iter().all(|read| matches!(read, Err(StoreError::Unavailable(_)))));
        let write = timeout(BOUND, storage.insert_record("during", b"", &[])).await.unwrap();
        assert!(matches!(write, Err(StoreError::Unavailable(_))), "{write:?}");
    }

    way.set(Traffic::Flows);
    storage.insert_record("after", b"", &[]).await.unwrap();
    assert!(read_at_once(&storage).await.iter().all(Result::is_ok));
}

/// A caller who goes away in the middle leaves no connection behind that others must not have.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_who_go_away_do_no_harm() {
    let database = Database::create().await;
    let storage = database.open().await;
    for micros in 0..200 {
        let name = format!("name-{micros}");
        let write = storage.insert_record(&name, b"", &[]);
        let _ = timeout(Duration::from_micros(micros * 10), write).await;
        let check = timeout(Duration::from_micros(micros * 10), storage.check()).await;
        assert!(!matches!(check, Ok(Err(_))), "{check:?}");
    }
    assert!(read_at_once(&storage).await.iter().all(Result::is_ok));
    let other = database.connect().await;
    let idle = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    assert_eq!(other.query_one(idle, &[]).await.unwrap().get::<_, i64>(0), 0);
}

/// More callers than connections wait for their turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_shares_the_connections() {
    let database = Database::create().await;
    let storage = std::sync::Arc::new(database.open().await);
    let mut callers = JoinSet::new();
    for number in 0..200 {
        let storage = storage.clone();
        callers.spawn(async move { storage.insert_record(&format!("{number}"), b"", &[]).await });
    }
    for answer in callers.join_all().await {
        assert_eq!(answer.unwrap(), Inserted::Yes);
    }
    let count = "SELECT count(*) FROM pg_stat_activity
                  WHERE datname = current_database() AND application_name = 'doorward'";
    let open = database.connect().await.query_one(count, &[]).await.unwrap().get::<_, i64>(0);
    assert!((1..=8).contains(&open), "{open}");
}

#[tokio::test]
async fn a_server_that_never_answers_or_is_not_there_is_unavailable_when_it_is_opened() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = listener.local_addr().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for place in [silent, closed] {
        let begun = Instant::now();
        let settings = PostgresSettings::new(format!("postgres://user@{place}/name").into());
        let refused = SqlStorage::open_postgres(&settings).await.map(|_| ());
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        assert!(begun.elapsed() < BOUND);
    }
}

/// Whether it takes connections and says nothing, or is a port that nobody answers for.
#[tokio::test]
async fn a_machine_that_is_silent_or_away_leaves_time_for_the_next() {
    let database = Database::create().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mute = listener.local_addr().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    // Nobody is there: the addresses are for documents (RFC 5737).
    for first in [mute.to_string(), closed.to_string(), "192.0.2.1:5432".to_owned()] {
        let settings = database.settings_at(&format!("{first},{mute},{}", database.place()));
        let begun = Instant::now();
        let storage = SqlStorage::open_postgres(&settings).await.unwrap();
        assert!(begun.elapsed() < BOUND);
        timeout(BOUND, storage.check()).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn encryption_that_was_asked_for_is_never_left_out() {
    let database = Database::create().await;
    for mode in ["require", "verify-ca", "verify-full"] {
        let url =
            format!("postgres://postgres@{}/{}?sslmode={mode}", database.place(), database.name());
        let refused = SqlStorage::open_postgres(&PostgresSettings::new(url.into())).await;
        let error = refused.map(|_| ()).unwrap_err();
        let words = contracts::chain(&error);
        assert!(words.contains("server does not support TLS"), "{words}");
    }
}
