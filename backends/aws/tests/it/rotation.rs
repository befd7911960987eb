//! The four steps of a rotation.

use aws::AwsClients;
use aws::rotation::{RotateError, RotationEvent, RotationStep, rotate};
use serde::Deserialize as _;
use serde::de::value::{Error as ValueError, StrDeserializer};
use servers::AwsProxy;
use uuid::Uuid;

use crate::fixtures::{Marks, clients, current, holder, other, secret, server};

pub(crate) const STEPS: [RotationStep; 4] = [
    RotationStep::CreateSecret,
    RotationStep::SetSecret,
    RotationStep::TestSecret,
    RotationStep::FinishSecret,
];

/// A secret with rotation turned on.
pub(crate) struct Place {
    pub(crate) proxy: AwsProxy,
    pub(crate) clients: AwsClients,
    pub(crate) name: String,
}

impl Place {
    pub(crate) async fn open() -> Self {
        let place = Self::without_rotation().await;
        // The emulator turns it on, and makes a new version of the same text at once.
        other().rotate_secret().secret_id(&place.name).send().await.unwrap();
        place
    }

    pub(crate) async fn without_rotation() -> Self {
        let proxy = AwsProxy::open(&server()).unwrap();
        let clients = clients(&proxy);
        Self { proxy, clients, name: secret("s3cr3t").await }
    }

    /// Announces a version without a value, as Secrets Manager does when a rotation starts.
    pub(crate) async fn start(&self) -> String {
        #[allow(clippy::disallowed_methods, reason = "it stands for AWS")]
        let token = Uuid::new_v4().to_string();
        if let Some(pending) = holder(&self.name, "AWSPENDING").await {
            let end = other().update_secret_version_stage().secret_id(&self.name);
            let end = end.version_stage("AWSPENDING").remove_from_version_id(pending);
            end.send().await.unwrap();
        }
        let announce = other().put_secret_value().secret_id(&self.name);
        let announce = announce.client_request_token(&token).version_stages("AWSPENDING");
        announce.send().await.unwrap();
        token
    }

    pub(crate) fn event(&self, step: RotationStep, token: &str) -> RotationEvent {
        RotationEvent {
            step,
            secret_id: self.name.clone(),
            client_request_token: token.to_owned(),
            rotation_token: None,
        }
    }

    pub(crate) async fn step(&self, step: RotationStep, token: &str) -> Result<(), RotateError> {
        rotate(&self.clients, &self.event(step, token), &Marks).await
    }

    pub(crate) async fn steps(&self, steps: &[RotationStep], token: &str) {
        for step in steps {
            self.step(*step, token).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_round_puts_the_next_value_in_place_of_the_current_one() {
    let place = Place::open().await;
    for text in ["s3cr3t+", "s3cr3t++"] {
        let before = holder(&place.name, "AWSCURRENT").await;
        let token = place.start().await;
        place.steps(&STEPS[..3], &token).await;
        assert_eq!(holder(&place.name, "AWSCURRENT").await, before);
        place.step(RotationStep::FinishSecret, &token).await.unwrap();
        assert_eq!(current(&place.name).await, text);
        assert_eq!(holder(&place.name, "AWSCURRENT").await, Some(token));
        assert_eq!(holder(&place.name, "AWSPREVIOUS").await, before);
        assert_eq!(holder(&place.name, "AWSPENDING").await, None);
    }
}

#[tokio::test]
async fn a_step_that_is_repeated_changes_nothing_more() {
    let place = Place::open().await;
    let token = place.start().await;
    for step in STEPS {
        place.steps(&[step, step, step], &token).await;
    }
    place.steps(&STEPS, &token).await;
    assert_eq!(current(&place.name).await, "s3cr3t+");
    let puts = place.proxy.operations().into_iter().filter(|one| one == "PutSecretValue");
    assert_eq!(puts.count(), 1);
}

#[tokio::test]
async fn a_rotation_that_is_turned_off_is_refused() {
    let place = Place::without_rotation().await;
    let token = place.start().await;
    for step in STEPS {
        let error = place.step(step, &token).await.unwrap_err();
        assert!(matches!(error, RotateError::RotationOff), "{error:?}");
    }
}

#[tokio::test]
async fn a_token_of_no_version_is_refused_and_so_is_no_secret() {
    let place = Place::open().await;
    place.start().await;
    for step in STEPS {
        let error = place.step(step, "11111111-2222-4333-8444-555555555555").await.unwrap_err();
        assert!(matches!(error, RotateError::UnknownVersion), "{error:?}");
        let mut event = place.event(step, "any");
        event.secret_id.push_str("-gone");
        let error = rotate(&place.clients, &event, &Marks).await.unwrap_err();
        assert!(matches!(error, RotateError::NoSecret), "{error:?}");
    }
}

#[tokio::test]
async fn a_version_that_is_not_pending_is_refused() {
    let place = Place::open().await;
    let previous = holder(&place.name, "AWSPREVIOUS").await.unwrap();
    for step in STEPS {
        let error = place.step(step, &previous).await.unwrap_err();
        assert!(matches!(error, RotateError::NotPending), "{error:?}");
    }
}

#[tokio::test]
async fn the_steps_keep_their_order() {
    let place = Place::open().await;
    let token = place.start().await;
    for step in [RotationStep::TestSecret, RotationStep::FinishSecret] {
        let error = place.step(step, &token).await.unwrap_err();
        assert!(matches!(error, RotateError::NoPendingValue), "{error:?}");
    }
    place.steps(&STEPS, &token).await;
    assert_eq!(current(&place.name).await, "s3cr3t+");
}

#[tokio::test]
async fn a_secret_without_a_current_text_has_nothing_to_follow() {
    let place = Place::open().await;
    let token = place.start().await;
    let version = holder(&place.name, "AWSCURRENT").await.unwrap();
    let empty = other().update_secret_version_stage().secret_id(&place.name);
    let empty = empty.version_stage("AWSCURRENT").remove_from_version_id(version);
    empty.send().await.unwrap();
    let error = place.step(RotationStep::CreateSecret, &token).await.unwrap_err();
    assert!(matches!(error, RotateError::NoCurrentValue), "{error:?}");
}

#[test]
fn the_steps_have_their_names_on_the_wire() {
    let names = ["createSecret", "setSecret", "testSecret", "finishSecret"];
    for (name, step) in names.into_iter().zip(STEPS) {
        let read = RotationStep::deserialize(StrDeserializer::<ValueError>::new(name));
        assert_eq!(read.unwrap(), step);
    }
}

#[test]
fn an_event_is_read_with_and_without_a_rotation_token_and_shows_none() {
    let with: RotationEvent = serde_json::from_str(
        r#"{"Step":"createSecret","SecretId":"arn","ClientRequestToken":"t",
            "RotationToken":"s3cr3t","Newer":{"a":1}}"#,
    )
    .unwrap();
    assert_eq!((with.secret_id.as_str(), with.client_request_token.as_str()), ("arn", "t"));
    assert!(with.rotation_token.is_some());
    assert!(!format!("{with:?}").contains("s3cr3t"));
    let without: RotationEvent = serde_json::from_str(
        r#"{"Step":"finishSecret","SecretId":"arn","ClientRequestToken":"t"}"#,
    )
    .unwrap();
    assert!(without.rotation_token.is_none());
    let other = r#"{"Step":"create_secret","SecretId":"arn","ClientRequestToken":"t"}"#;
    serde_json::from_str::<RotationEvent>(other).unwrap_err();
}
