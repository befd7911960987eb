//! Callers who go away before they are answered, as those of an aborted request do.

use std::time::Duration;

use contracts::{MailOutboxStore, OneTimeCodeStore, OutboxStore, Probe, RecordStore, UserStore};
use domain::Timestamp;
use futures_util::future::join_all;
use storage_sql::SqlStorage;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::Client;

use super::database::Database;
use crate::fixtures::{LATER, NOW, code, event, mail, put};

/// Longer than any operation goes on.
const BOUND: Duration = Duration::from_secs(4);

/// Opens all connections that there may be, and leaves them idle.
async fn warm(storage: &SqlStorage) {
    for _ in 0..3 {
        let writes = [0; 16].map(|_| storage.check());
        join_all(writes).await.into_iter().for_each(|answer| answer.unwrap());
    }
}

/// The server's processes that work for the service, and what they do.
async fn processes(other: &Client) -> Vec<(i32, String)> {
    let list = "SELECT pid, state FROM pg_stat_activity
                 WHERE datname = current_database() AND application_name = 'doorward'
                 ORDER BY pid";
    let rows = other.query(list, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// The processes, once each of them waits for something to do.
async fn idle_processes(other: &Client) -> Vec<i32> {
    let begun = Instant::now();
    loop {
        let processes = processes(other).await;
        if processes.iter().all(|(_, state)| state == "idle") {
            return processes.into_iter().map(|(pid, _)| pid).collect();
        }
        assert!(begun.elapsed() < BOUND, "{processes:?}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Starts an operation and goes away, after some time or none.
async fn start<T>(operation: impl Future<Output = T>, micros: u64) {
    let _ = timeout(Duration::from_micros(micros), operation).await;
}

/// Else strangers who send requests and close could keep all of them busy with connecting.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_who_go_away_cost_no_connection_and_what_they_began_is_done() {
    let database = Database::create().await;
    let storage = database.open().await;
    let other = database.connect().await;
    storage.insert_record("content", b"content", &[]).await.unwrap();
    warm(&storage).await;
    let before = idle_processes(&other).await;
    for number in 0..100 {
        let name = format!("name-{number}");
        let micros = number * 20;
        start(storage.insert_record(&name, b"", &[]), micros).await;
        start(storage.find_record("content"), micros).await;
        start(storage.delete_remains(NOW, 10), micros).await;
        let events = [event(1), event(2)];
        start(storage.claim_events(NOW, NOW, 10), micros).await;
        start(storage.insert_events(&events), micros).await;
        start(storage.check(), micros).await;
    }
    let count = "SELECT count(*) FROM records WHERE name LIKE 'name-%'";
    let begun = Instant::now();
    while other.query_one(count, &[]).await.unwrap().get::<_, i64>(0) < 100 {
        assert!(begun.elapsed() < BOUND);
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(idle_processes(&other).await, before);
}

/// How many events and mails somebody has.
async fn leased(other: &Client) -> i64 {
    let count = "SELECT (SELECT count(*) FROM outbox WHERE lease_until_ms > 0)
                      + (SELECT count(*) FROM mails WHERE due_at_ms >= $1)";
    other.query_one(count, &[&LATER.unix_ms()]).await.unwrap().get(0)
}

/// Nobody else waits for rows that somebody who has gone had locked, and nothing is done by halves.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_claim_whose_caller_goes_away_is_ended_and_whole() {
    let database = Database::create().await;
    let storage = database.open().await;
    let other = database.connect().await;
    let until = Timestamp::from_unix_ms(i64::MAX);
    storage.insert_events(&[event(1), event(2)]).await.unwrap();
    storage.put_code(&put(&code(), &[mail(1), mail(2)])).await.unwrap();
    warm(&storage).await;
    let before = idle_processes(&other).await;
    for micros in 0..100 {
        start(storage.claim_events(NOW, until, 10), micros * 30).await;
        start(storage.claim_mails(NOW, LATER, 10), micros * 30).await;
        let begun = Instant::now();
        while leased(&other).await < 4 {
            assert!(begun.elapsed() < BOUND);
        }
        assert_eq!(idle_processes(&other).await, before);
        let free = "SET statement_timeout = '1s'; UPDATE outbox SET lease_until_ms = 0;
             UPDATE mails SET due_at_ms = created_at_ms";
        other.batch_execute(free).await.unwrap();
    }
}
