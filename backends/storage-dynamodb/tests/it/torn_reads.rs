//! What is told of revocations while a transaction that writes one is being carried out.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use contracts::{
    EndSession, Ended, EpochRaise, Notices, RevocationStore, Revocations, SessionStore, StoreError,
    UserStore,
};
use domain::{EndReason, Revocation, RevocationScope, SessionEnd};
use servers::AwsProxy;
use storage_dynamodb::DynamoStorage;

use crate::fixtures::{LATER, NOW, begun, new, session, user};
use crate::place::{Place, config, server};

type Item = std::collections::HashMap<String, AttributeValue>;

/// Ends a session, and takes the row away, as if it were not yet there.
async fn torn(place: &Place, store: &DynamoStorage) -> (Revocation, Item) {
    let user = user(1);
    store.insert_user(&new(&user, Notices::default()), None).await.unwrap();
    let session = session(&user);
    store.insert_session(&begun(&session)).await.unwrap();
    let scope = RevocationScope::Session(session.id);
    let revocation = Revocation { scope, ended_at: NOW, expires_at: LATER };
    let end = EndSession {
        user: user.id,
        session: session.id,
        end: SessionEnd { at: NOW, reason: EndReason::SignedOut },
        revocation: revocation.clone(),
    };
    assert_eq!(store.end_session(&end, &[]).await.unwrap(), Ended::Yes);
    let is_row = |item: &Item| item["PK"].as_s().unwrap().starts_with("REVOCATIONS#");
    let row = place.items().await.into_iter().find(is_row).unwrap();
    let delete = place.client().delete_item().table_name(&place.table);
    let delete = delete.key("PK", row["PK"].clone()).key("SK", row["SK"].clone());
    delete.send().await.unwrap();
    (revocation, row)
}

async fn put(place: &Place, row: Item) {
    let put = place.client().put_item().table_name(&place.table);
    put.set_item(Some(row)).send().await.unwrap();
}

#[tokio::test]
async fn what_is_counted_is_waited_for() {
    let place = Place::with_table().await;
    let proxy = AwsProxy::open(&server()).unwrap();
    let store = DynamoStorage::open(&place.table, &config(&proxy.endpoint())).await.unwrap();
    let (revocation, row) = torn(&place, &store).await;
    proxy.operations();
    let coming = async {
        // It is asked for by its name: it was missing.
        while !proxy.operations().contains(&"BatchGetItem".to_owned()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        put(&place, row).await;
    };
    // Whoever asks for none is not told of it either before it is there.
    let (listed, counted, ()) =
        tokio::join!(store.list_revocations(NOW, 10), store.list_revocations(NOW, 0), coming);
    assert_eq!(listed.unwrap(), Revocations { sequence: 1, rows: vec![revocation] });
    assert_eq!(counted.unwrap(), Revocations { sequence: 1, rows: Vec::new() });
}

#[tokio::test]
async fn what_is_counted_but_does_not_come_is_no_answer_for_a_minute() {
    let place = Place::with_table().await;
    let store = place.open().await;
    torn(&place, &store).await;
    let limit = Duration::from_millis(2500);
    let listed = tokio::time::timeout(limit, store.list_revocations(NOW, 10)).await.unwrap();
    assert!(matches!(listed, Err(StoreError::Unavailable(_))), "{listed:?}");
    let later = NOW.plus(Duration::from_mins(1));
    let listed = store.list_revocations(later, 10).await.unwrap();
    assert_eq!(listed, Revocations { sequence: 1, rows: Vec::new() });
}

#[tokio::test]
async fn a_part_of_the_sequence_stays_small() {
    let place = Place::with_table().await;
    let store = place.open().await;
    let user = user(1);
    store.insert_user(&new(&user, Notices::default()), None).await.unwrap();
    for from in 0..160 {
        let scope =
            RevocationScope::User { user: user.id.clone(), epoch_below: from + 1, except: None };
        let revocation = Revocation { scope, ended_at: NOW, expires_at: LATER };
        let raise = EpochRaise { user: user.id.clone(), from, to: from + 1, revocation };
        store.advance_session_epoch(&raise, &[]).await.unwrap();
    }
    let listed = store.list_revocations(NOW, 1000).await.unwrap();
    assert_eq!((listed.sequence, listed.rows.len()), (160, 160));
    let is_part = |item: &Item| item["PK"].as_s().unwrap() == "COUNTERS";
    let items = place.items().await;
    for part in items.into_iter().filter(is_part) {
        assert!(part["named"].as_l().unwrap().len() <= 8, "{part:?}");
    }
}
