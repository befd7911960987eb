//! What has no answer in time, or a caller that does not wait for it: nothing stays locked, and
//! nothing happens twice.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use contracts::{
    Draw, Drawn, EndSession, Ended, InsertSession, LimitKey, Limiter as _, OutboxEvent,
    OutboxStore as _, Record, RecordStore as _, RevocationStore as _, SessionStore as _,
    UserStore as _,
};
use domain::{EventId, Quota, SessionId};
use mongodb::bson::{Document, doc};
use storage_mongodb::{MongoSettings, MongoStorage};
use tokio::time::{Instant, sleep};

use crate::failover::{
    LATER, NOW, end, insertion, lost, open, session, sign_in, user, with_session,
};
use crate::place::Place;

/// The server waits before it carries the command out, whoever has hung up by then.
pub(crate) fn late(command: &str, delay: Duration) -> Document {
    let delay = i32::try_from(delay.as_millis()).unwrap();
    doc! { "failCommands": [command], "blockConnection": true, "blockTimeMS": delay }
}

fn failed(command: &str) -> Document {
    let error = doc! { "code": 100, "errmsg": "Not enough data-bearing nodes" };
    doc! { "failCommands": [command], "writeConcernError": error }
}

/// A write of somebody else, which waits for no lock.
async fn assert_unlocked(place: &Place) {
    let start = Instant::now();
    let sessions = place.database().await.collection::<Document>("sessions");
    let change = doc! { "$set": { "touched": true } };
    let touched = sessions.update_one(doc! { "_id": session().id.to_string() }, change).await;
    assert_eq!(touched.unwrap().matched_count, 1);
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_first_statement_without_an_answer_leaves_nothing_locked() {
    let (storage, place) = open().await;
    with_session(&storage).await;
    place.fail(1, late("update", Duration::from_millis(1_500))).await;
    assert_eq!(storage.end_session(&end(), &[]).await.unwrap(), Ended::Yes);
    assert_unlocked(&place).await;
    // By then the late one has come.
    sleep(Duration::from_millis(700)).await;
    assert_unlocked(&place).await;
    let list = storage.list_revocations(NOW, 10).await.unwrap();
    assert_eq!((list.rows.len(), list.sequence), (1, 1));
}

#[tokio::test]
async fn a_first_statement_that_is_lost_for_everybody_leaves_nothing_locked() {
    let (storage, place) = open().await;
    with_session(&storage).await;
    place.fail(3, late("update", Duration::from_millis(1_200))).await;
    storage.end_session(&end(), &[]).await.unwrap_err();
    sleep(Duration::from_millis(1_500)).await;
    place.fail(0, late("update", Duration::from_millis(1_200))).await;
    assert_unlocked(&place).await;
    storage.end_session(&end(), &[]).await.unwrap();
}

#[tokio::test]
async fn a_commit_without_an_answer_is_sent_again() {
    let (storage, place) = open().await;
    with_session(&storage).await;
    place.fail(1, late("commitTransaction", Duration::from_millis(1_500))).await;
    assert_eq!(storage.end_session(&end(), &[]).await.unwrap(), Ended::Yes);
    assert_unlocked(&place).await;
    let list = storage.list_revocations(NOW, 10).await.unwrap();
    assert_eq!((list.rows.len(), list.sequence), (1, 1));
}

#[tokio::test]
async fn a_caller_who_goes_away_leaves_nothing_locked() {
    for command in ["update", "insert", "commitTransaction"] {
        let (storage, place) = open().await;
        with_session(&storage).await;
        place.fail(1, late(command, Duration::from_millis(400))).await;
        let caller = tokio::spawn(async move { storage.end_session(&end(), &[]).await });
        sleep(Duration::from_millis(200)).await;
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        sleep(Duration::from_millis(500)).await;
        assert_unlocked(&place).await;
    }
}

/// The commit is carried out, and its answer is an error that is no reason to repeat it.
#[tokio::test]
async fn a_commit_that_fails_may_have_happened() {
    let (storage, place) = open().await;
    with_session(&storage).await;
    place.fail(1, failed("commitTransaction")).await;
    assert_eq!(storage.end_session(&end(), &[]).await.unwrap(), Ended::Yes);
    let list = storage.list_revocations(NOW, 10).await.unwrap();
    assert_eq!((list.rows.len(), list.sequence), (1, 1));
}

#[tokio::test]
async fn a_gift_whose_answer_is_lost_is_not_made_twice() {
    let (storage, place) = open().await;
    let quota = Quota::new(NonZeroU32::new(3).unwrap(), Duration::from_mins(1)).unwrap();
    let draw = Draw { key: LimitKey([1; 16]), quota, at: NOW };
    for _ in 0..3 {
        assert_eq!(storage.draw(&draw).await.unwrap(), Drawn::Yes);
    }
    place.fail(1, lost("update")).await;
    storage.give_back(&draw).await.unwrap();
    assert_eq!(storage.draw(&draw).await.unwrap(), Drawn::Yes);
    assert!(matches!(storage.draw(&draw).await.unwrap(), Drawn::No { .. }));
}

fn event(number: u8) -> OutboxEvent {
    OutboxEvent {
        id: EventId::new(NOW, [number; 10]),
        name: "test.event".to_owned(),
        subject: Some(user().id),
        at: NOW,
        envelope: "{}".to_owned(),
    }
}

/// The session is kept after a second; the time of the sign-in is noted by nobody.
#[tokio::test]
async fn what_follows_a_sign_in_has_only_the_time_that_is_left() {
    let (storage, place) = open().await;
    storage.insert_user(&insertion(), None).await.unwrap();
    place.fail(1, late("update", Duration::from_millis(900))).await;
    let (new, start) = (sign_in(), Instant::now());
    let (inserted, ()) = tokio::join!(storage.insert_session(&new), async {
        sleep(Duration::from_millis(500)).await;
        place.fail(3, late("update", Duration::from_millis(1_500))).await;
    });
    assert_eq!(inserted.unwrap(), InsertSession::Yes);
    assert!(start.elapsed() < Duration::from_millis(2_500), "{:?}", start.elapsed());
    place.fail(0, late("update", Duration::ZERO)).await;
    let found = storage.find_session(&user().id, session().id).await.unwrap();
    assert_eq!(found.unwrap().session, session());
}

/// A relay is quicker than whoever asks again whether the events were kept.
#[tokio::test]
async fn events_whose_answer_is_lost_are_kept_once_though_others_claim_them() {
    let (storage, place) = open().await;
    let relay = MongoStorage::open(&MongoSettings::new(
        place.url_with("").replace("&appName=", "&appName=relay").as_str().into(),
    ))
    .await
    .unwrap();
    for (first, is_published) in [(1, false), (3, true)] {
        let events = [event(first), event(first + 1)];
        // Kept after a quarter of a second, and looked for after another.
        let mut trouble = failed("commitTransaction");
        trouble.extend(late("commitTransaction", Duration::from_millis(250)));
        trouble.insert("failCommands", ["commitTransaction", "update"].to_vec());
        place.fail(2, trouble).await;
        let (kept, ()) = tokio::join!(storage.insert_events(&events), async {
            sleep(Duration::from_millis(400)).await;
            assert_eq!(relay.claim_events(NOW, LATER, 10).await.unwrap(), events);
            if is_published {
                relay.delete_events(&[events[0].id]).await.unwrap();
            }
        });
        kept.unwrap();
    }
    let outbox = place.database().await.collection::<Document>("outbox");
    assert_eq!(outbox.count_documents(doc! {}).await.unwrap(), 3);
}

/// Every one of them waits for its turn, none for what another keeps.
#[tokio::test]
async fn one_connection_suffices() {
    for pool_max in [0, 1, 2] {
        let place = Place::new();
        let settings = MongoSettings { pool_max, ..place.settings() };
        let storage = Arc::new(MongoStorage::open(&settings).await.unwrap());
        with_session(&storage).await;
        storage.insert_record("r", b"0", &[]).await.unwrap();
        let mut callers = tokio::task::JoinSet::new();
        for number in 0..8 {
            let storage = Arc::clone(&storage);
            let ending = EndSession { session: session().id, ..end() };
            callers.spawn(async move {
                if number % 2 == 0 {
                    storage.end_session(&ending, &[]).await.map(|_| ())
                } else {
                    storage.find_record("r").await.map(|_: Option<Record>| ())
                }
            });
        }
        for result in callers.join_all().await {
            result.unwrap();
        }
        let gone = SessionId::new(NOW, [9; 10]);
        let ending = EndSession { session: gone, ..end() };
        assert_eq!(storage.end_session(&ending, &[]).await.unwrap(), Ended::Already);
    }
}
