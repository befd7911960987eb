//! Changes of the ring whose requests get lost on the way.

use std::time::Duration;

use contracts::{KeyRingStore as _, RingReplaced, StoreError};
use servers::Fate;
use tokio::time::timeout;

use crate::fixtures::{HIDDEN, Outbox, current, event, holder, put, secret, shown};
use crate::ring::{Place, content, text};

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_made_once() {
    for operation in ["DescribeSecret", "PutSecretValue", "UpdateSecretVersionStage"] {
        let place = Place::with("s3cr3t 1").await;
        let seen = place.find().await.version;
        place.proxy.next(operation, Fate::Cut);
        let outcome = place.replace(Some(&seen), "s3cr3t 2").await.unwrap();
        assert_eq!(outcome, RingReplaced::Yes, "{operation}");
        assert!(place.proxy.is_done());
        assert_eq!(text(&place.find().await), "s3cr3t 2");
        assert_eq!(place.told(), [event(1)]);
    }
}

#[tokio::test]
async fn a_move_that_another_won_is_stale_and_leaves_no_label() {
    let place = Place::with("s3cr3t 1").await;
    let seen = place.find().await.version;
    // Between the look and the move.
    put(&place.name, "s3cr3t of another").await;
    place.proxy.next(
        "DescribeSecret",
        Fate::Babble(format!(r#"{{"VersionIdsToStages":{{"{}":["AWSCURRENT"]}}}}"#, seen.0).leak()),
    );
    assert_eq!(place.replace(Some(&seen), "s3cr3t 2").await.unwrap(), RingReplaced::Stale);
    assert!(place.proxy.operations().contains(&"PutSecretValue".to_owned()));
    assert_eq!(current(&place.name).await, "s3cr3t of another");
    assert_eq!(holder(&place.name, "doorward-draft").await, None);
    assert!(place.told().is_empty());
}

#[tokio::test]
async fn a_refused_request_is_a_failure_that_names_the_code_and_changes_nothing() {
    for operation in ["DescribeSecret", "PutSecretValue", "UpdateSecretVersionStage"] {
        let place = Place::with("s3cr3t 1").await;
        let seen = place.find().await.version;
        place.proxy.next(operation, Fate::Refused(400, "AccessDeniedException"));
        let error = place.replace(Some(&seen), "s3cr3t 2").await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        assert!(shown(&error).contains("AccessDeniedException"), "{operation}");
        assert_eq!(text(&place.find().await), "s3cr3t 1");
        assert_eq!(place.replace(Some(&seen), "s3cr3t 2").await.unwrap(), RingReplaced::Yes);
    }
}

#[tokio::test]
async fn the_first_ring_may_be_refused_too() {
    let place = Place::open();
    place.proxy.next("CreateSecret", Fate::Refused(400, "AccessDeniedException"));
    let error = place.replace(None, "s3cr3t 1").await.unwrap_err();
    assert!(shown(&error).contains("AccessDeniedException"));
    place.proxy.next("GetSecretValue", Fate::Refused(400, "AccessDeniedException"));
    let error = place.ring.find_ring().await.unwrap_err();
    assert!(shown(&error).contains("AccessDeniedException"));
}

#[tokio::test]
async fn an_outbox_that_fails_is_reported_though_the_ring_has_changed() {
    let outbox = Outbox { is_failing: true, ..Outbox::default() };
    let place = Place::of(secret("s3cr3t 1").await, outbox);
    let seen = place.find().await.version;
    let error = place.replace(Some(&seen), "s3cr3t 2").await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert_eq!(text(&place.find().await), "s3cr3t 2");
    let seen = place.find().await.version;
    let silent = place.ring.replace_ring(Some(&seen), &content("s3cr3t 3"), &[]).await;
    assert_eq!(silent.unwrap(), RingReplaced::Yes);
}

#[tokio::test]
async fn a_change_that_has_begun_ends_although_its_caller_gives_up() {
    let place = Place::with("s3cr3t 1").await;
    let seen = place.find().await.version;
    timeout(Duration::ZERO, place.replace(Some(&seen), "s3cr3t 2")).await.unwrap_err();
    let told = async {
        while place.told().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(5), told).await.unwrap();
    assert_eq!(text(&place.find().await), "s3cr3t 2");
}

#[tokio::test]
async fn a_ring_shows_nothing_of_itself() {
    let place = Place::with("s3cr3t 1").await;
    let found = place.find().await;
    assert!(!format!("{found:?} {:?}", place.ring).contains(HIDDEN));
}
