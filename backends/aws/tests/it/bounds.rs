//! Every wait has a bound, and what comes back is used again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws::rotation::{RotateError, RotationEvent, RotationStep, rotate};
use aws::{AwsClients, KmsSigner, SecretsManagerRing};
use contracts::{
    Algorithm, KeyRingStore, RemoteSigner, RingVersion, SecretSource as _, StoreError,
};
use tokio::time::{Instant, timeout};

use crate::fixtures::{Different, Marks, Outbox, clients, name};
use crate::secrets::{Place, manager};

/// What callers are promised.
const OPERATION_MAX: Duration = Duration::from_millis(2500);
/// Until operations succeed again.
const BACK_MAX: Duration = Duration::from_secs(2);

fn ring(clients: &AwsClients) -> SecretsManagerRing {
    SecretsManagerRing::new(clients, &name(), Arc::new(Outbox::default()), Arc::new(Different))
}

fn rotation_event() -> RotationEvent {
    RotationEvent {
        step: RotationStep::CreateSecret,
        secret_id: "any".to_owned(),
        client_request_token: "any".to_owned(),
        rotation_token: None,
    }
}

async fn assert_fails<T: fmt::Debug, E: fmt::Debug>(
    operation: impl Future<Output = Result<T, E>>,
) -> E {
    timeout(OPERATION_MAX, operation).await.unwrap().unwrap_err()
}

/// Every operation at once.
async fn assert_all_fail(place: &Place, clients: &AwsClients) {
    let (ring, signer) = (ring(clients), KmsSigner::new(clients));
    let (seen, content) = (RingVersion("seen".into()), b"{}".to_vec().into());
    let reference = manager("any");
    let event = rotation_event();
    let (rotated, _, _, _, found, first, next) = tokio::join!(
        assert_fails(rotate(clients, &event, &Marks)),
        assert_fails(place.secrets.read_secret(&reference)),
        assert_fails(signer.public_key("any")),
        assert_fails(signer.sign_digest("any", Algorithm::ES256, [0; 32])),
        assert_fails(ring.find_ring()),
        assert_fails(ring.replace_ring(None, &content, &[])),
        assert_fails(ring.replace_ring(Some(&seen), &content, &[])),
    );
    assert!(matches!(rotated, RotateError::Repeat(_)), "{rotated:?}");
    for error in [found, first, next] {
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    }
}

async fn assert_back(clients: &AwsClients) {
    let (ring, start) = (ring(clients), Instant::now());
    while ring.find_ring().await.is_err() {
        assert!(start.elapsed() < BACK_MAX, "it does not come back");
    }
    assert!(start.elapsed() < BACK_MAX, "it came back late");
}

#[tokio::test]
async fn a_server_that_says_nothing_fails_in_time_and_comes_back() {
    let place = Place::open();
    let clients = clients(&place.proxy);
    place.proxy.hang();
    assert_all_fail(&place, &clients).await;
    place.proxy.restore().unwrap();
    assert_back(&clients).await;
}

#[tokio::test]
async fn a_server_that_is_away_fails_in_time_and_comes_back() {
    let place = Place::open();
    let clients = clients(&place.proxy);
    assert_back(&clients).await;
    place.proxy.cut();
    assert_all_fail(&place, &clients).await;
    place.proxy.restore().unwrap();
    assert_back(&clients).await;
}
