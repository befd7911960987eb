//! Sign-ins that want another step, and trusted devices, whose requests are carried out although no
//! answer says so.

use std::time::Duration;

use contracts::{
    Advanced, InsertSession, NewSession, Notices, PendingSignInStore, SessionStore, StoreError,
    TrustedDeviceStore, TrustedDeviceUse, UserStore,
};
use domain::{PendingSignIn, Session, SessionId, TrustedDevice};
use servers::{AwsProxy, Fate};
use storage_dynamodb::DynamoStorage;
use tokio::time::{Instant, timeout};

use crate::fates::{CONFLICT, SERVER_ERROR};
use crate::fixtures::{LATER, NOW, begun, new, pending, session, trusted, user, user_id};
use crate::place::{Place, config, server};

const LOSSES: [Fate; 2] = [Fate::Cut, SERVER_ERROR];

/// A store behind a network that loses answers.
async fn lossy() -> (DynamoStorage, AwsProxy, Place) {
    let place = Place::with_table().await;
    let proxy = AwsProxy::open(&server()).unwrap();
    let store = DynamoStorage::open(&place.table, &config(&proxy.endpoint())).await.unwrap();
    (store, proxy, place)
}

async fn find(store: &DynamoStorage, pending: &PendingSignIn) -> Option<PendingSignIn> {
    store.find_pending_sign_in(&pending.user, pending.secret_digest, NOW).await.unwrap()
}

async fn try_code(store: &DynamoStorage, pending: &PendingSignIn) -> Option<PendingSignIn> {
    store.advance_pending_tries(&pending.user, pending.secret_digest, 2, NOW).await.unwrap()
}

async fn take(store: &DynamoStorage, pending: &PendingSignIn) -> Option<PendingSignIn> {
    store.take_pending_sign_in(&pending.user, pending.secret_digest, NOW).await.unwrap()
}

#[tokio::test]
async fn a_sign_in_whose_beginning_was_not_answered_has_begun() {
    for fate in LOSSES {
        let (store, proxy, _place) = lossy().await;
        let pending = pending(&user_id(1), 1);
        proxy.next("PutItem", fate);
        store.insert_pending_sign_in(&pending).await.unwrap();
        assert!(proxy.is_done());
        assert_eq!(find(&store, &pending).await, Some(pending));
    }
}

#[tokio::test]
async fn a_second_sign_in_of_one_digest_does_not_replace_the_first() {
    let (store, _proxy, _place) = lossy().await;
    let first = pending(&user_id(1), 1);
    store.insert_pending_sign_in(&first).await.unwrap();
    let tried = try_code(&store, &first).await;
    assert!(store.insert_pending_sign_in(&first).await.is_err());
    assert_eq!(find(&store, &first).await, tried);
}

#[tokio::test]
async fn a_try_of_a_sign_in_that_was_not_answered_counts_once() {
    for fate in LOSSES {
        let (store, proxy, _place) = lossy().await;
        let pending = pending(&user_id(1), 1);
        store.insert_pending_sign_in(&pending).await.unwrap();
        for tries in 1..=2 {
            proxy.next("UpdateItem", fate);
            let tried = try_code(&store, &pending).await;
            assert_eq!(tried, Some(PendingSignIn { tries, ..pending.clone() }));
        }
        assert!(proxy.is_done());
        assert_eq!(try_code(&store, &pending).await, None);
    }
}

#[tokio::test]
async fn whoever_takes_a_sign_in_without_an_answer_has_it() {
    for fate in LOSSES {
        let (store, proxy, _place) = lossy().await;
        let pending = pending(&user_id(1), 1);
        store.insert_pending_sign_in(&pending).await.unwrap();
        let tried = try_code(&store, &pending).await;
        proxy.next("TransactWriteItems", fate);
        assert_eq!(take(&store, &pending).await, tried);
        assert!(proxy.is_done());
        assert_eq!(take(&store, &pending).await, None);
    }
}

#[tokio::test]
async fn a_sign_in_that_others_are_at_is_taken_in_the_end() {
    let (store, proxy, _place) = lossy().await;
    let pending = pending(&user_id(1), 1);
    store.insert_pending_sign_in(&pending).await.unwrap();
    for _ in 0..3 {
        proxy.next("TransactWriteItems", CONFLICT);
    }
    assert_eq!(take(&store, &pending).await, Some(pending));
    assert!(proxy.is_done());
}

/// Tries of one sign-in, while it is taken: what is taken has every try that was counted before.
#[tokio::test]
async fn a_sign_in_is_taken_with_the_tries_that_were_counted() {
    let (store, _proxy, _place) = lossy().await;
    for number in 1..=20 {
        let pending = pending(&user_id(1), number);
        store.insert_pending_sign_in(&pending).await.unwrap();
        let (first, second, taken) = tokio::join!(
            try_code(&store, &pending),
            try_code(&store, &pending),
            take(&store, &pending)
        );
        let counted = first.iter().chain(&second).map(|tried| tried.tries).max();
        assert_eq!(taken.map(|taken| taken.tries), Some(counted.unwrap_or(0)));
        assert_eq!(find(&store, &pending).await, None);
    }
}

fn next_use(device: &TrustedDevice) -> TrustedDeviceUse {
    TrustedDeviceUse {
        user: device.user.clone(),
        device: device.id,
        epoch: device.epoch,
        session: SessionId::new(LATER, [4; 10]),
        at: NOW,
    }
}

async fn with_trusted(store: &DynamoStorage) -> Session {
    let user = user(1);
    store.insert_user(&new(&user, Notices::default()), None).await.unwrap();
    let session = session(&user);
    let new = NewSession { trusts: Some(trusted(&session, 1)), ..begun(&session) };
    assert_eq!(store.insert_session(&new).await.unwrap(), InsertSession::Yes);
    session
}

#[tokio::test]
async fn a_device_whose_trust_was_not_answered_is_trusted() {
    for fate in LOSSES {
        let (store, proxy, _place) = lossy().await;
        proxy.next("TransactWriteItems", Fate::Pass);
        proxy.next("TransactWriteItems", fate);
        let session = with_trusted(&store).await;
        assert!(proxy.is_done());
        let listed = store.list_trusted_devices(&session.user_id, NOW, None, 10).await.unwrap();
        assert_eq!(listed, [trusted(&session, 1)]);
    }
}

#[tokio::test]
async fn a_use_of_a_trusted_device_that_was_not_answered_is_known_again() {
    for fate in LOSSES {
        let (store, proxy, _place) = lossy().await;
        let session = with_trusted(&store).await;
        let device = trusted(&session, 1);
        let next = next_use(&device);
        proxy.next("UpdateItem", fate);
        assert_eq!(store.advance_trusted_device(&next).await.unwrap(), Advanced::Yes);
        proxy.next("DeleteItem", fate);
        store.delete_trusted_device(&device.user, device.id).await.unwrap();
        assert!(proxy.is_done());
        assert_eq!(store.advance_trusted_device(&next).await.unwrap(), Advanced::Stale);
        let found = store.find_trusted_device(&device.user, device.id, NOW).await.unwrap();
        assert_eq!(found, None);
    }
}

async fn assert_unavailable<T: std::fmt::Debug>(
    operation: impl Future<Output = Result<T, StoreError>>,
) {
    let answer = timeout(Duration::from_millis(2500), operation).await.unwrap();
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
}

#[tokio::test]
async fn a_server_that_is_away_or_says_nothing_is_unavailable_in_time_and_comes_back() {
    for stop in [AwsProxy::cut, AwsProxy::hang] {
        let (store, proxy, _place) = lossy().await;
        let session = with_trusted(&store).await;
        let (device, pending) = (trusted(&session, 1), pending(&session.user_id, 1));
        let (user, digest, next) = (&pending.user, pending.secret_digest, next_use(&device));
        stop(&proxy);
        tokio::join!(
            assert_unavailable(store.insert_pending_sign_in(&pending)),
            assert_unavailable(store.find_pending_sign_in(user, digest, NOW)),
            assert_unavailable(store.advance_pending_tries(user, digest, 5, NOW)),
            assert_unavailable(store.take_pending_sign_in(user, digest, NOW)),
            assert_unavailable(store.find_trusted_device(user, device.id, NOW)),
            assert_unavailable(store.list_trusted_devices(user, NOW, None, 10)),
            assert_unavailable(store.advance_trusted_device(&next)),
            assert_unavailable(store.delete_trusted_device(user, device.id)),
        );
        proxy.restore().unwrap();
        let start = Instant::now();
        while store.find_trusted_device(user, device.id, NOW).await.is_err() {
            assert!(start.elapsed() < Duration::from_secs(2), "the store does not come back");
        }
        assert_eq!(store.advance_trusted_device(&next).await.unwrap(), Advanced::Yes);
    }
}
