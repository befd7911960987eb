//! The second factor: what is kept of it, and what an answer that was lost means.

use std::time::Duration;

use contracts::{
    Advanced, Expiry, InsertSession, NewSession, PendingSignInStore as _, RevocationStore as _,
    SessionStore as _, StoreError, TrustedDeviceStore as _, TrustedDeviceUse, UserStore as _,
};
use domain::{
    AuthenticationMethod, BackupCodeMac, Client, EnabledTotp, PendingSignIn, PendingStep,
    SessionId, TotpFactor, TrustedDevice, TrustedDeviceId, User,
};
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, Document, doc};
use storage_mongodb::MongoStorage;
use tokio::time::Instant;

use crate::failover::{LATER, NOW, insertion, lost, open, refused, session, sign_in, user};
use crate::unanswered::late;

const DIGEST: [u8; 32] = [7; 32];
const TRIES_MAX: u32 = 2;

fn pending() -> PendingSignIn {
    PendingSignIn {
        user: user().id,
        secret_digest: DIGEST,
        epoch: 1,
        step: PendingStep::Verification,
        methods: vec![AuthenticationMethod::Password],
        tries: 0,
        created_at: NOW,
        expires_at: LATER,
    }
}

fn device() -> TrustedDevice {
    TrustedDevice {
        id: TrustedDeviceId::new(NOW, [8; 10]),
        user: user().id,
        epoch: 1,
        session: session().id,
        client: Client { address: None, user_agent: None },
        created_at: NOW,
        last_used_at: NOW,
        expires_at: LATER,
    }
}

fn used() -> TrustedDeviceUse {
    TrustedDeviceUse {
        user: user().id,
        device: device().id,
        epoch: 1,
        session: SessionId::new(NOW, [9; 10]),
        at: NOW,
    }
}

async fn find(storage: &MongoStorage) -> Option<PendingSignIn> {
    storage.find_pending_sign_in(&user().id, DIGEST, NOW).await.unwrap()
}

async fn advance(storage: &MongoStorage) -> Option<PendingSignIn> {
    storage.advance_pending_tries(&user().id, DIGEST, TRIES_MAX, NOW).await.unwrap()
}

async fn take(storage: &MongoStorage) -> Option<PendingSignIn> {
    storage.take_pending_sign_in(&user().id, DIGEST, NOW).await.unwrap()
}

async fn assert_gone(storage: &MongoStorage) {
    assert_eq!(find(storage).await, None);
    assert_eq!(advance(storage).await, None);
    assert_eq!(take(storage).await, None);
}

#[tokio::test]
async fn a_sign_in_is_kept_tried_and_taken_once_whatever_answers_are_lost() {
    let (storage, place) = open().await;
    place.fail(1, lost("insert")).await;
    storage.insert_pending_sign_in(&pending()).await.unwrap();
    for tries in 1..=TRIES_MAX {
        place.fail(1, lost("findAndModify")).await;
        let tried = PendingSignIn { tries, ..pending() };
        assert_eq!(advance(&storage).await, Some(tried));
    }
    assert_eq!(advance(&storage).await, None);
    place.fail(1, lost("findAndModify")).await;
    let tried = PendingSignIn { tries: TRIES_MAX, ..pending() };
    assert_eq!(take(&storage).await, Some(tried));
    assert_gone(&storage).await;
}

/// The first attempt is carried out when the second has taken it.
#[tokio::test]
async fn a_taking_without_an_answer_is_done_once() {
    let (storage, place) = open().await;
    storage.insert_pending_sign_in(&pending()).await.unwrap();
    place.fail(1, late("findAndModify", Duration::from_millis(1_400))).await;
    assert_eq!(take(&storage).await, Some(pending()));
    assert_gone(&storage).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_gone(&storage).await;
}

#[tokio::test]
async fn what_is_taken_is_gone_before_it_is_removed() {
    let (storage, place) = open().await;
    storage.insert_pending_sign_in(&pending()).await.unwrap();
    place.fail(1, refused("delete", 13)).await;
    assert_eq!(take(&storage).await, Some(pending()));
    assert_gone(&storage).await;
    let expiry = Expiry { now: LATER, sessions: NOW };
    assert_eq!(storage.delete_expired(expiry, 10).await.unwrap(), 1);
}

#[tokio::test]
async fn a_removal_without_an_answer_is_not_waited_for() {
    let (storage, place) = open().await;
    storage.insert_pending_sign_in(&pending()).await.unwrap();
    // The mark takes a while, so that there is less time for the removal.
    place.fail(1, late("findAndModify", Duration::from_millis(800))).await;
    let start = Instant::now();
    let (taken, ()) = tokio::join!(take(&storage), async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        place.fail(3, late("delete", Duration::from_millis(1_500))).await;
    });
    assert_eq!(taken, Some(pending()));
    assert!(start.elapsed() < Duration::from_millis(2_500), "{:?}", start.elapsed());
    place.fail(0, late("delete", Duration::ZERO)).await;
    assert_gone(&storage).await;
}

#[tokio::test]
async fn a_digest_is_kept_once() {
    let (storage, _place) = open().await;
    storage.insert_pending_sign_in(&pending()).await.unwrap();
    let other = PendingSignIn { step: PendingStep::Enrolment, ..pending() };
    let refused = storage.insert_pending_sign_in(&other).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    assert_eq!(find(&storage).await, Some(pending()));
}

#[tokio::test]
async fn a_device_is_trusted_used_and_forgotten_whatever_answers_are_lost() {
    let (storage, place) = open().await;
    storage.insert_user(&insertion(), None).await.unwrap();
    place.fail(7, lost("commitTransaction")).await;
    let new = NewSession { trusts: Some(device()), ..sign_in() };
    assert_eq!(storage.insert_session(&new).await.unwrap(), InsertSession::Yes);
    place.fail(0, lost("commitTransaction")).await;
    let TrustedDevice { id, user, .. } = device();
    let find = || storage.find_trusted_device(&user, id, NOW);
    assert_eq!(find().await.unwrap(), Some(device()));

    place.fail(1, lost("update")).await;
    assert_eq!(storage.advance_trusted_device(&used()).await.unwrap(), Advanced::Yes);
    let moved = TrustedDevice { session: used().session, ..device() };
    assert_eq!(find().await.unwrap(), Some(moved));

    place.fail(1, lost("delete")).await;
    storage.delete_trusted_device(&user, id).await.unwrap();
    assert_eq!(storage.advance_trusted_device(&used()).await.unwrap(), Advanced::Stale);
    assert_eq!(find().await.unwrap(), None);
}

fn with_factor() -> User {
    let enabled =
        EnabledTotp { at: NOW, last_step: 3, backup_codes: vec![BackupCodeMac([4; 32]); 2] };
    let totp = TotpFactor { sealed_secret: [5; 9].into(), begun_at: NOW, enabled: Some(enabled) };
    User { totp: Some(totp), ..user() }
}

#[tokio::test]
async fn half_a_factor_is_malformed() {
    let (storage, place) = open().await;
    let mut new = insertion();
    new.user = with_factor();
    storage.insert_user(&new, None).await.unwrap();
    let users = place.database().await.collection::<Document>("users");
    let whole = users.find_one(doc! {}).await.unwrap().unwrap();
    let short = Binary { subtype: BinarySubtype::Generic, bytes: vec![4; 63] };
    for change in [
        doc! { "$unset": { "totp.sealed_secret": "" } },
        doc! { "$unset": { "totp.begun_at": "" } },
        doc! { "$unset": { "totp.enabled.at": "" } },
        doc! { "$unset": { "totp.enabled.last_step": "" } },
        doc! { "$unset": { "totp.enabled.backup_codes": "" } },
        doc! { "$set": { "totp.enabled.backup_codes": short } },
        doc! { "$set": { "totp.enabled.last_step": -1_i64 } },
        doc! { "$set": { "totp.enabled": true } },
        doc! { "$set": { "totp": Bson::Null } },
    ] {
        assert_eq!(storage.find_user(&user().id).await.unwrap().unwrap().user, with_factor());
        users.update_one(doc! {}, change.clone()).await.unwrap();
        let found = storage.find_user(&user().id).await;
        assert!(matches!(found, Err(StoreError::Malformed { .. })), "{change}: {found:?}");
        users.replace_one(doc! {}, whole.clone()).await.unwrap();
    }
}

/// So a user of the release before is one without a factor.
#[tokio::test]
async fn without_a_factor_there_is_no_field() {
    let (storage, place) = open().await;
    storage.insert_user(&insertion(), None).await.unwrap();
    let users = place.database().await.collection::<Document>("users");
    let kept = users.find_one(doc! {}).await.unwrap().unwrap();
    assert!(!kept.contains_key("totp"), "{kept}");
}

#[tokio::test]
async fn a_trusted_device_under_a_strange_key_is_malformed() {
    let (storage, place) = open().await;
    let devices = place.database().await.collection::<Document>("trusted_devices");
    let (user, later) = (user().id, LATER.unix_ms());
    let strange = doc! { "_id": "x", "user_id": user.as_str(), "expires_at": later };
    devices.insert_one(strange).await.unwrap();
    let listed = storage.list_trusted_devices(&user, NOW, None, 10).await;
    assert!(matches!(listed, Err(StoreError::Malformed { .. })), "{listed:?}");
}
