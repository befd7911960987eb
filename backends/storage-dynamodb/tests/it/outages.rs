//! Servers that are away, or say nothing.

use std::time::Duration;

use contracts::{Limiter, OutboxStore, Probe, RecordStore, SessionStore, StoreError, UserStore};
use servers::AwsProxy;
use storage_dynamodb::DynamoStorage;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

use crate::fixtures::{LATER, NOW, begun, draw, event, session, user};
use crate::place::{Place, config, server};

/// What callers are promised.
const OPERATION_MAX: Duration = Duration::from_millis(2500);
/// Until operations succeed again.
const BACK_MAX: Duration = Duration::from_secs(2);

async fn assert_unavailable<T: std::fmt::Debug>(
    operation: impl Future<Output = Result<T, StoreError>>,
) {
    let answer = timeout(OPERATION_MAX, operation).await.unwrap();
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
}

/// Operations of every manner, at once.
async fn assert_all_unavailable(store: &DynamoStorage) {
    let user = user(1);
    let (new, draw, gone) = (begun(&session(&user)), draw(1), [event(1).id]);
    tokio::join!(
        assert_unavailable(store.check()),
        assert_unavailable(store.find_user(&user.id)),
        assert_unavailable(store.list_users(None, 10)),
        assert_unavailable(store.find_session(&user.id, session(&user).id)),
        assert_unavailable(store.insert_session(&new)),
        assert_unavailable(store.insert_record("name", b"", &[])),
        assert_unavailable(store.draw(&draw)),
        assert_unavailable(store.claim_events(NOW, LATER, 10)),
        assert_unavailable(store.delete_events(&gone)),
        assert_unavailable(store.delete_remains(NOW, 10)),
    );
}

async fn assert_back(store: &DynamoStorage) {
    let start = Instant::now();
    while store.check().await.is_err() || store.draw(&draw(1000)).await.is_err() {
        assert!(start.elapsed() < BACK_MAX, "the store does not come back");
    }
    assert!(start.elapsed() < BACK_MAX, "the store came back late");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_unavailable_in_time_and_comes_back() {
    let place = Place::with_table().await;
    let proxy = AwsProxy::open(&server()).unwrap();
    let store = DynamoStorage::open(&place.table, &config(&proxy.endpoint())).await.unwrap();
    proxy.hang();
    assert_all_unavailable(&store).await;
    proxy.restore().unwrap();
    assert_back(&store).await;
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable_in_time_and_comes_back() {
    let place = Place::with_table().await;
    let proxy = AwsProxy::open(&server()).unwrap();
    let store = DynamoStorage::open(&place.table, &config(&proxy.endpoint())).await.unwrap();
    proxy.cut();
    assert_all_unavailable(&store).await;
    proxy.restore().unwrap();
    assert_back(&store).await;
}

#[tokio::test]
async fn a_store_is_not_opened_where_nobody_answers() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let config = config(&format!("http://{address}"));
    let opened = timeout(OPERATION_MAX, DynamoStorage::open("table", &config)).await.unwrap();
    assert!(matches!(opened, Err(StoreError::Unavailable(_))));
    drop(silent);
    let opened = timeout(OPERATION_MAX, DynamoStorage::open("table", &config)).await.unwrap();
    assert!(matches!(opened, Err(StoreError::Unavailable(_))));
}
