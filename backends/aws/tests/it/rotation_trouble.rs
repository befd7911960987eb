//! Rotations that break off, meet each other, or are overtaken.

use async_trait::async_trait;
use aws::rotation::{RotateError, RotationStep, rotate};
use contracts::{BoxError, SecretRotation};
use secrecy::SecretString;
use servers::Fate;

use crate::fixtures::{Marks, current, holder, put, shown};
use crate::rotation::{Place, STEPS};

/// What a step asks of AWS, in order.
const REQUESTS: [(RotationStep, &[&str]); 4] = [
    (
        RotationStep::CreateSecret,
        &["DescribeSecret", "GetSecretValue", "GetSecretValue", "PutSecretValue"],
    ),
    (RotationStep::SetSecret, &["DescribeSecret"]),
    (RotationStep::TestSecret, &["DescribeSecret", "GetSecretValue", "GetSecretValue"]),
    (
        RotationStep::FinishSecret,
        &[
            "DescribeSecret",
            "GetSecretValue",
            "GetSecretValue",
            "UpdateSecretVersionStage",
            "UpdateSecretVersionStage",
        ],
    ),
];

/// Runs a round in which the request number `failing` of the step has that fate, and repeats the
/// step if it failed. Returns whether it did.
async fn round_with(place: &Place, at: RotationStep, failing: usize, fate: Fate) -> bool {
    let token = place.start().await;
    let mut has_failed = false;
    for (step, requests) in REQUESTS {
        if step == at {
            let operation = requests[failing];
            // Earlier requests of the same kind pass.
            let passing = requests[..failing].iter().filter(|one| **one == operation).count();
            for _ in 0..passing {
                place.proxy.next(operation, Fate::Pass);
            }
            place.proxy.next(operation, fate);
            if let Err(error) = place.step(step, &token).await {
                assert!(matches!(error, RotateError::Repeat(_)), "{error:?}");
                shown(&error);
                has_failed = true;
                place.step(step, &token).await.unwrap();
            }
            assert!(place.proxy.is_done(), "{step:?}, {operation}");
        } else {
            place.step(step, &token).await.unwrap();
        }
    }
    assert_eq!(holder(&place.name, "AWSCURRENT").await, Some(token));
    assert_eq!(holder(&place.name, "AWSPENDING").await, None);
    has_failed
}

#[tokio::test]
async fn a_step_that_fails_anywhere_is_repeated_and_the_round_ends_well() {
    let place = Place::open().await;
    let mut text = "s3cr3t".to_owned();
    for (step, requests) in REQUESTS {
        for failing in 0..requests.len() {
            let fate = Fate::Refused(400, "AccessDeniedException");
            assert!(round_with(&place, step, failing, fate).await, "{step:?}, {failing}");
            text.push('+');
            assert_eq!(current(&place.name).await, text);
        }
    }
}

#[tokio::test]
async fn a_step_whose_answers_are_lost_ends_well() {
    let place = Place::open().await;
    let mut text = "s3cr3t".to_owned();
    for (step, requests) in REQUESTS {
        for failing in 0..requests.len() {
            round_with(&place, step, failing, Fate::Cut).await;
            text.push('+');
            assert_eq!(current(&place.name).await, text);
        }
    }
}

#[tokio::test]
async fn a_pending_value_made_from_another_is_dropped_at_every_step() {
    for (step, done) in [
        (RotationStep::CreateSecret, &STEPS[..1]),
        (RotationStep::TestSecret, &STEPS[..2]),
        (RotationStep::FinishSecret, &STEPS[..3]),
    ] {
        let place = Place::open().await;
        let token = place.start().await;
        place.steps(done, &token).await;
        put(&place.name, "s3cr3t by hand").await;

        let error = place.step(step, &token).await.unwrap_err();
        assert!(matches!(error, RotateError::StartAgain(_)), "{error:?}");
        assert!(shown(&error).contains("start the rotation again"));
        assert_eq!(holder(&place.name, "AWSPENDING").await, None);
        assert_eq!(current(&place.name).await, "s3cr3t by hand");

        let token = place.start().await;
        place.steps(&STEPS, &token).await;
        assert_eq!(current(&place.name).await, "s3cr3t by hand+");
    }
}

#[tokio::test]
async fn a_second_rotation_takes_the_place_of_the_first() {
    let place = Place::open().await;
    let first = place.start().await;
    place.steps(&STEPS[..2], &first).await;
    let second = place.start().await;
    for step in STEPS {
        let error = place.step(step, &first).await.unwrap_err();
        assert!(matches!(error, RotateError::UnknownVersion), "{error:?}");
    }
    place.steps(&STEPS, &second).await;
    assert_eq!(current(&place.name).await, "s3cr3t+");
    for step in STEPS {
        place.step(step, &first).await.unwrap_err();
    }
    assert_eq!(current(&place.name).await, "s3cr3t+");
}

/// Somebody puts another value while the pending one is tested.
struct Overtaken<'a>(&'a Place);

#[async_trait]
impl SecretRotation for Overtaken<'_> {
    async fn next_value(&self, current: &SecretString) -> Result<SecretString, BoxError> {
        Marks.next_value(current).await
    }

    async fn test_value(
        &self,
        current: &SecretString,
        pending: &SecretString,
    ) -> Result<(), BoxError> {
        Marks.test_value(current, pending).await?;
        put(&self.0.name, "s3cr3t by hand").await;
        Ok(())
    }
}

#[tokio::test]
async fn a_value_that_becomes_current_after_the_test_is_not_overwritten() {
    let place = Place::open().await;
    let token = place.start().await;
    place.steps(&STEPS[..3], &token).await;
    let event = place.event(RotationStep::FinishSecret, &token);
    let error = rotate(&place.clients, &event, &Overtaken(&place)).await.unwrap_err();
    assert!(matches!(error, RotateError::Repeat(_)), "{error:?}");
    assert_eq!(current(&place.name).await, "s3cr3t by hand");
    let error = place.step(RotationStep::FinishSecret, &token).await.unwrap_err();
    assert!(matches!(error, RotateError::StartAgain(_)), "{error:?}");
}

/// No value can be made.
struct Unable;

#[async_trait]
impl SecretRotation for Unable {
    async fn next_value(&self, _current: &SecretString) -> Result<SecretString, BoxError> {
        Err("the ring is full".into())
    }

    async fn test_value(
        &self,
        _current: &SecretString,
        _pending: &SecretString,
    ) -> Result<(), BoxError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_value_that_cannot_be_made_leaves_the_rotation_pending() {
    let place = Place::open().await;
    let token = place.start().await;
    let event = place.event(RotationStep::CreateSecret, &token);
    let error = rotate(&place.clients, &event, &Unable).await.unwrap_err();
    assert!(matches!(error, RotateError::NextValue(_)), "{error:?}");
    assert!(shown(&error).contains("the ring is full"));
    place.steps(&STEPS, &token).await;
    assert_eq!(current(&place.name).await, "s3cr3t+");
}

#[tokio::test]
async fn the_same_step_run_twice_at_once_keeps_one_value() {
    let place = Place::open().await;
    let token = place.start().await;
    // What AWS answers to the slower one; the emulator would overwrite the value.
    place.proxy.next("PutSecretValue", Fate::Refused(400, "ResourceExistsException"));
    place.step(RotationStep::CreateSecret, &token).await.unwrap();
}
