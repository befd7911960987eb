//! Secrets while AWS is away.

use std::time::Duration;

use contracts::{ReadSecretError, SecretSource as _};
use servers::Fate;

use crate::fixtures::{other, put, secret, shown};
use crate::secrets::{Place, manager, read};

#[tokio::test]
async fn what_was_read_last_is_answered_for_an_hour_and_then_the_failure() {
    let place = Place::open();
    let reference = manager(&secret("s3cr3t").await);
    assert_eq!(read(&place.secrets, &reference).await, "s3cr3t");
    place.proxy.cut();
    for _ in 0..9 {
        place.clock.advance(Duration::from_secs(399));
        assert_eq!(read(&place.secrets, &reference).await, "s3cr3t");
        assert_eq!(read(&place.secrets.again(), &reference).await, "s3cr3t");
    }
    place.clock.advance(Duration::from_secs(9));
    let error = place.secrets.read_secret(&reference).await.unwrap_err();
    assert!(matches!(error, ReadSecretError::Failed { .. }), "{error:?}");
    shown(&error);

    place.proxy.restore().unwrap();
    place.clock.advance(Duration::from_secs(1));
    assert_eq!(read(&place.secrets, &reference).await, "s3cr3t");
}

#[tokio::test]
async fn a_value_that_was_never_read_is_a_failure_for_everyone_at_once() {
    let place = Place::open();
    let reference = manager(&secret("s3cr3t").await);
    place.proxy.cut();
    for _ in 0..64 {
        let error = place.secrets.read_secret(&reference).await.unwrap_err();
        assert!(matches!(error, ReadSecretError::Failed { .. }), "{error:?}");
    }
    place.proxy.restore().unwrap();
    place.clock.advance(Duration::from_secs(1));
    assert_eq!(read(&place.secrets, &reference).await, "s3cr3t");
    assert_eq!(place.proxy.operations().len(), 1);
}

#[tokio::test]
async fn a_refusal_is_no_reason_to_forget_and_neither_is_an_answer_that_makes_no_sense() {
    let place = Place::open();
    let reference = manager(&secret("s3cr3t").await);
    assert_eq!(read(&place.secrets, &reference).await, "s3cr3t");
    for fate in [Fate::Refused(400, "AccessDeniedException"), Fate::Babble("{")] {
        place.proxy.next("GetSecretValue", fate);
        place.clock.advance(Duration::from_mins(6));
        assert_eq!(read(&place.secrets, &reference).await, "s3cr3t");
        assert!(place.proxy.is_done());
    }
}

#[tokio::test]
async fn what_was_removed_is_missing_at_once_and_stays_so_when_aws_is_away() {
    let place = Place::open();
    let reference = manager(&secret("s3cr3t").await);
    assert_eq!(read(&place.secrets, &reference).await, "s3cr3t");
    let delete = other().delete_secret().secret_id(&reference.name);
    delete.force_delete_without_recovery(true).send().await.unwrap();
    place.clock.advance(Duration::from_mins(6));
    let error = place.secrets.read_secret(&reference).await.unwrap_err();
    assert!(matches!(error, ReadSecretError::Missing(_)), "{error:?}");

    place.proxy.cut();
    place.clock.advance(Duration::from_mins(1));
    let error = place.secrets.read_secret(&reference).await.unwrap_err();
    assert!(matches!(error, ReadSecretError::Failed { .. }), "{error:?}");
}

#[tokio::test]
async fn a_reader_that_gives_up_leaves_the_answer_to_the_next() {
    let place = Place::open();
    let reference = manager(&secret("old").await);
    {
        let reading = place.secrets.read_secret(&reference);
        let given_up = tokio::time::timeout(Duration::ZERO, reading).await;
        assert!(given_up.is_err());
    }
    put(&reference.name, "old").await;
    assert_eq!(read(&place.secrets, &reference).await, "old");
    assert_eq!(place.proxy.operations().len(), 1);
}
