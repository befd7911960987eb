//! The key ring in one secret.

use std::sync::Arc;

use aws::SecretsManagerRing;
use aws_sdk_secretsmanager::primitives::Blob;
use contracts::{KeptRing, KeyRingStore as _, OutboxEvent, RingReplaced, RingVersion, StoreError};
use secrecy::{ExposeSecret as _, SecretSlice};
use servers::AwsProxy;

use crate::fixtures::{
    Different, Outbox, clients, current, event, holder, name, other, put, secret, server, shown,
};

/// A ring behind a network of its own.
pub(crate) struct Place {
    pub(crate) proxy: AwsProxy,
    pub(crate) name: String,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) ring: SecretsManagerRing,
}

impl Place {
    /// There is no secret of that name.
    pub(crate) fn open() -> Self {
        Self::of(name(), Outbox::default())
    }

    /// The ring is this text.
    pub(crate) async fn with(text: &str) -> Self {
        Self::of(secret(text).await, Outbox::default())
    }

    pub(crate) fn of(name: String, outbox: Outbox) -> Self {
        let (proxy, outbox) = (AwsProxy::open(&server()).unwrap(), Arc::new(outbox));
        let clients = clients(&proxy);
        let events = Arc::clone(&outbox);
        let ring = SecretsManagerRing::new(&clients, &name, events, Arc::new(Different));
        Self { proxy, name, outbox, ring }
    }

    pub(crate) async fn find(&self) -> KeptRing {
        self.ring.find_ring().await.unwrap().unwrap()
    }

    pub(crate) async fn replace(
        &self,
        seen: Option<&RingVersion>,
        text: &str,
    ) -> Result<RingReplaced, StoreError> {
        self.ring.replace_ring(seen, &content(text), &[event(1)]).await
    }

    pub(crate) fn told(&self) -> Vec<OutboxEvent> {
        self.outbox.events.lock().unwrap().clone()
    }
}

pub(crate) fn content(text: &str) -> SecretSlice<u8> {
    text.as_bytes().to_vec().into()
}

pub(crate) fn text(ring: &KeptRing) -> &str {
    str::from_utf8(ring.content.expose_secret()).unwrap()
}

#[tokio::test]
async fn the_first_ring_makes_the_secret() {
    let place = Place::open();
    assert!(place.ring.find_ring().await.unwrap().is_none());
    assert_eq!(place.replace(None, "s3cr3t 1").await.unwrap(), RingReplaced::Yes);
    assert_eq!(text(&place.find().await), "s3cr3t 1");
    assert_eq!(current(&place.name).await, "s3cr3t 1");
    assert_eq!(place.told(), [event(1)]);
}

#[tokio::test]
async fn a_secret_without_a_value_is_no_ring_and_takes_the_first() {
    let empty = name();
    other().create_secret().name(&empty).send().await.unwrap();
    let place = Place::of(empty, Outbox::default());
    assert!(place.ring.find_ring().await.unwrap().is_none());
    assert_eq!(place.replace(None, "s3cr3t 1").await.unwrap(), RingReplaced::Yes);
    assert_eq!(text(&place.find().await), "s3cr3t 1");
    let asked = place.proxy.operations();
    assert!(!asked.contains(&"CreateSecret".to_owned()), "no right to it is needed: {asked:?}");
}

#[tokio::test]
async fn a_ring_is_replaced_once_and_its_draft_bears_no_label_of_ours_then() {
    let place = Place::with("s3cr3t 1").await;
    let first = place.find().await;
    assert_eq!(place.replace(Some(&first.version), "s3cr3t 2").await.unwrap(), RingReplaced::Yes);
    let second = place.find().await;
    assert_eq!(text(&second), "s3cr3t 2");
    assert_ne!(second.version, first.version);
    assert_eq!(holder(&place.name, "doorward-draft").await, None);
    assert_eq!(holder(&place.name, "AWSPREVIOUS").await.as_deref(), Some(&*first.version.0));

    assert_eq!(place.replace(Some(&first.version), "s3cr3t 3").await.unwrap(), RingReplaced::Stale);
    assert_eq!(place.replace(None, "s3cr3t 3").await.unwrap(), RingReplaced::Stale);
    assert_eq!(text(&place.find().await), "s3cr3t 2");
    assert_eq!(place.told(), [event(1)]);
}

#[tokio::test]
async fn a_ring_that_is_gone_is_stale() {
    let place = Place::with("s3cr3t 1").await;
    let seen = place.find().await.version;
    let delete = other().delete_secret().secret_id(&place.name);
    delete.force_delete_without_recovery(true).send().await.unwrap();
    assert_eq!(place.replace(Some(&seen), "s3cr3t 2").await.unwrap(), RingReplaced::Stale);
    assert!(place.ring.find_ring().await.unwrap().is_none());
}

async fn race(place: &Place, seen: Option<RingVersion>) -> usize {
    let mut racers = tokio::task::JoinSet::new();
    for number in 0..16 {
        let (ring, seen) = (place.ring.clone(), seen.clone());
        racers.spawn(async move {
            let content = content(&format!("s3cr3t of {number}"));
            ring.replace_ring(seen.as_ref(), &content, &[event(number)]).await.unwrap()
        });
    }
    let outcomes = racers.join_all().await;
    outcomes.into_iter().filter(|outcome| *outcome == RingReplaced::Yes).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sixteen_first_rings_one_is_kept() {
    let place = Place::open();
    assert_eq!(race(&place, None).await, 1);
    assert_eq!(place.told().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sixteen_next_rings_one_is_kept() {
    let place = Place::with("s3cr3t 1").await;
    for round in 1..=4 {
        let seen = place.find().await.version;
        assert_eq!(race(&place, Some(seen)).await, 1);
        assert_eq!(place.told().len(), round);
    }
}

#[tokio::test]
async fn no_ring_is_replaced_while_a_rotation_is_under_way() {
    let place = Place::with("s3cr3t 1").await;
    let seen = place.find().await.version;
    let pending = other().put_secret_value().secret_id(&place.name).secret_string("s3cr3t 2");
    let pending = pending.version_stages("AWSPENDING").send().await.unwrap();
    let refused = place.replace(Some(&seen), "s3cr3t 3").await.unwrap();
    assert_eq!(refused, RingReplaced::RotationUnderWay);
    assert!(!place.proxy.operations().contains(&"PutSecretValue".to_owned()));

    let end = other().update_secret_version_stage().secret_id(&place.name);
    let end = end.version_stage("AWSPENDING").set_remove_from_version_id(pending.version_id);
    end.send().await.unwrap();
    assert_eq!(place.replace(Some(&seen), "s3cr3t 3").await.unwrap(), RingReplaced::Yes);
}

#[tokio::test]
async fn the_label_that_a_finished_rotation_left_blocks_no_change_now_or_later() {
    let place = Place::with("s3cr3t 1").await;
    let seen = place.find().await.version;
    let left = other().update_secret_version_stage().secret_id(&place.name);
    left.version_stage("AWSPENDING").move_to_version_id(&*seen.0).send().await.unwrap();
    for number in 2..5 {
        let seen = place.find().await.version;
        let next = format!("s3cr3t {number}");
        assert_eq!(place.replace(Some(&seen), &next).await.unwrap(), RingReplaced::Yes);
        assert_eq!(holder(&place.name, "AWSPENDING").await, None);
    }
}

#[tokio::test]
async fn a_change_by_others_is_seen_and_makes_what_was_seen_stale() {
    let place = Place::with("s3cr3t 1").await;
    let seen = place.find().await.version;
    put(&place.name, "s3cr3t by hand").await;
    assert_eq!(text(&place.find().await), "s3cr3t by hand");
    assert_eq!(place.replace(Some(&seen), "s3cr3t 2").await.unwrap(), RingReplaced::Stale);
}

#[tokio::test]
async fn what_is_no_text_is_no_ring() {
    let binary = name();
    let bytes = Blob::new([0xff]);
    other().create_secret().name(&binary).secret_binary(bytes).send().await.unwrap();
    let place = Place::of(binary, Outbox::default());
    let error = place.ring.find_ring().await.unwrap_err();
    assert!(matches!(error, StoreError::Malformed { .. }), "{error:?}");
    assert_eq!(place.replace(None, "s3cr3t 1").await.unwrap(), RingReplaced::Stale);

    let wrong = vec![0xff].into();
    let error = place.ring.replace_ring(None, &wrong, &[]).await.unwrap_err();
    assert!(shown(&error).contains("the store holds a malformed key ring"));
}
