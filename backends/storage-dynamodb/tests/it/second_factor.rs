//! The second factor in a user's item, and what stands beside sessions because of it.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use contracts::{
    InsertSession, NewSession, Notices, PendingSignInStore, ReplaceUser, SessionStore, StoreError,
    TrustedDeviceStore, UserReplaced, UserStore,
};
use domain::{EnabledTotp, Session, SessionId, TotpFactor, TrustedDevice, User};
use storage_dynamodb::DynamoStorage;

use crate::fixtures::{LATER, NOW, begun, factor, new, pending, session, trusted, user};
use crate::place::Place;

const ATTRIBUTES: [&str; 5] = [
    "totp_sealed_secret",
    "totp_begun_at_ms",
    "totp_enabled_at_ms",
    "totp_last_step",
    "totp_backup_codes",
];

async fn with_factor(store: &DynamoStorage) -> User {
    let user = User { totp: Some(factor()), ..user(1) };
    store.insert_user(&new(&user, Notices::default()), None).await.unwrap();
    user
}

/// The user with another factor, or none.
fn change(user: &User, totp: Option<TotpFactor>) -> ReplaceUser {
    ReplaceUser::of(User { totp, version: user.version + 1, ..user.clone() })
}

/// Makes that change, and returns the user as the table has them.
async fn replace(store: &DynamoStorage, user: &User, totp: Option<TotpFactor>) -> User {
    let change = change(user, totp);
    assert_eq!(store.replace_user(&change).await.unwrap(), UserReplaced::Yes);
    let found = store.find_user(&user.id).await.unwrap().unwrap().user;
    assert_eq!(found, change.user);
    found
}

/// Changes the item of a user, as another program might.
async fn tamper(place: &Place, user: &User, expression: &str, value: Option<AttributeValue>) {
    let update = place.client().update_item().table_name(&place.table);
    update
        .key("PK", AttributeValue::S(format!("USER#{}", user.id)))
        .key("SK", AttributeValue::S("PROFILE".to_owned()))
        .update_expression(expression)
        .set_expression_attribute_values(value.map(|value| [(":value".to_owned(), value)].into()))
        .send()
        .await
        .unwrap();
}

async fn assert_malformed(store: &DynamoStorage, user: &User) {
    let found = store.find_user(&user.id).await;
    assert!(matches!(found, Err(StoreError::Malformed { .. })), "{found:?}");
}

#[tokio::test]
async fn a_user_without_a_factor_has_no_attribute_of_one() {
    let place = Place::with_table().await;
    let store = place.open().await;
    let user = replace(&store, &with_factor(&store).await, None).await;
    let is_user = |sk: &AttributeValue| sk.as_s().unwrap() == "PROFILE";
    let items = place.items().await;
    let item = items.iter().find(|item| is_user(&item["SK"])).unwrap();
    assert!(ATTRIBUTES.iter().all(|name| !item.contains_key(*name)), "{item:?}");
    replace(&store, &user, Some(factor())).await;
}

#[tokio::test]
async fn a_factor_whose_backup_codes_are_used_up_is_read() {
    let place = Place::with_table().await;
    let store = place.open().await;
    let user = with_factor(&store).await;
    let enabled = EnabledTotp { at: NOW, last_step: 1, backup_codes: Vec::new() };
    replace(&store, &user, Some(TotpFactor { enabled: Some(enabled), ..factor() })).await;
}

#[tokio::test]
async fn half_a_factor_is_no_user_without_one() {
    let place = Place::with_table().await;
    let store = place.open().await;
    let mut user = with_factor(&store).await;
    for missing in ATTRIBUTES {
        tamper(&place, &user, &format!("REMOVE {missing}"), None).await;
        assert_malformed(&store, &user).await;
        // Nobody can write over what they could not read.
        let replaced = store.replace_user(&change(&user, None)).await;
        assert!(matches!(replaced, Err(StoreError::Malformed { .. })), "{replaced:?}");
        let value = AttributeValue::N(user.version.to_string());
        let cured = "SET version = :value REMOVE totp_sealed_secret, totp_begun_at_ms, \
                     totp_enabled_at_ms, totp_last_step, totp_backup_codes";
        tamper(&place, &user, cured, Some(value)).await;
        user = replace(&store, &user, Some(factor())).await;
    }
    let cut = AttributeValue::B(Blob::new([1; 33]));
    tamper(&place, &user, "SET totp_backup_codes = :value", Some(cut)).await;
    assert_malformed(&store, &user).await;
}

/// A release that knows of no factor writes a user without its attributes.
#[tokio::test]
async fn a_factor_outlives_a_change_by_the_release_before() {
    let place = Place::with_table().await;
    let store = place.open().await;
    let user = with_factor(&store).await;
    let next = AttributeValue::N((user.version + 1).to_string());
    tamper(&place, &user, "SET version = :value", Some(next)).await;
    let found = store.find_user(&user.id).await.unwrap().unwrap().user;
    assert_eq!((found.version, found.totp), (user.version + 1, user.totp));
}

async fn begin_on_trusted(store: &DynamoStorage, session: &Session, number: u8) -> TrustedDevice {
    let session = Session { id: SessionId::new(NOW, [number; 10]), ..session.clone() };
    let device = trusted(&session, number);
    // Every third is over before the others.
    let expires_at = if number.is_multiple_of(3) { NOW } else { LATER };
    let device = TrustedDevice { expires_at, ..device };
    let new = NewSession { trusts: Some(device.clone()), ..begun(&session) };
    assert_eq!(store.insert_session(&new).await.unwrap(), InsertSession::Yes);
    device
}

#[tokio::test]
async fn pages_of_trusted_devices_miss_none_and_show_none_that_is_over() {
    let place = Place::with_table().await;
    let store = place.open().await;
    let user = user(1);
    store.insert_user(&new(&user, Notices::default()), None).await.unwrap();
    let mut expected = Vec::new();
    for number in 1..=90 {
        let device = begin_on_trusted(&store, &session(&user), number).await;
        expected.extend((device.expires_at > NOW).then_some(device));
    }
    assert_eq!(expected.len(), 60);
    let mut listed: Vec<TrustedDevice> = Vec::new();
    loop {
        let after = listed.last().map(|device| device.id);
        let page = store.list_trusted_devices(&user.id, NOW, after, 7).await.unwrap();
        // The place where a page ends may be gone when the next is asked for.
        if let Some(last) = page.last() {
            store.delete_trusted_device(&user.id, last.id).await.unwrap();
        }
        let is_last = page.len() < 7;
        listed.extend(page);
        if is_last {
            break;
        }
    }
    assert_eq!(listed, expected);
    assert_eq!(store.list_trusted_devices(&user.id, LATER, None, 7).await.unwrap(), []);
}

#[tokio::test]
async fn neither_trusted_devices_nor_pending_sign_ins_are_among_sessions() {
    let place = Place::with_table().await;
    let store = place.open().await;
    let user = user(1);
    store.insert_user(&new(&user, Notices::default()), None).await.unwrap();
    for number in 1..=30 {
        begin_on_trusted(&store, &session(&user), number).await;
        store.insert_pending_sign_in(&pending(&user.id, number)).await.unwrap();
    }
    let listed = store.list_sessions(&user.id, NOW, None, 100).await.unwrap();
    assert_eq!(listed.len(), 30);
    let known = store.list_trusted_devices(&user.id, NOW, None, 100).await.unwrap();
    assert_eq!(known.len(), 20);
}
