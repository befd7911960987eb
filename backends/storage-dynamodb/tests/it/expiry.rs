//! What expires, and what is left of it and of those who left.

use aws_sdk_dynamodb::types::AttributeValue;
use contracts::{
    Expiry, Limiter, NewSession, Notices, OneTimeCodeStore, PendingSignInStore, ReplaceUser,
    RevocationStore, SessionStore, SpendCode, UserReplaced, UserStore,
};
use domain::{OneTimeCode, User};

use crate::fixtures::{
    LATER, NOW, begun, code, draw, erasure, factor, mail, new, pending, put, session, trusted,
    user, user_id,
};
use crate::place::Place;

type Item = std::collections::HashMap<String, AttributeValue>;

fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item[name].as_s().unwrap()
}

fn number(item: &Item, name: &str) -> i64 {
    item[name].as_n().unwrap().parse().unwrap()
}

#[tokio::test]
async fn what_is_over_is_not_seen_although_it_is_there() {
    let place = Place::with_table().await;
    let store = place.open().await;
    let user = user(1);
    let new = new(&user, Notices::default());
    store.insert_user(&new, None).await.unwrap();
    let code = OneTimeCode { short_code_expires_at: NOW, expires_at: NOW, ..code(&user.id, 2) };
    store.put_code(&put(&code, &[])).await.unwrap();

    assert_eq!(store.find_code(&code.user, code.kind, NOW).await.unwrap(), None);
    assert_eq!(store.advance_tries(code.challenge, 5, NOW).await.unwrap(), None);
    let spent =
        SpendCode { user: user.id.clone(), kind: code.kind, secret_digest: [2; 32], now: NOW };
    let next = User { version: user.version + 1, ..user.clone() };
    let change = ReplaceUser { spends: Some(spent), ..ReplaceUser::of(next) };
    assert_eq!(store.replace_user(&change).await.unwrap(), UserReplaced::CodeNotUsable);
    let is_code = |item: &Item| text(item, "SK").starts_with("CODE#");
    assert!(place.items().await.iter().any(is_code));
}

#[tokio::test]
async fn whatever_expires_has_a_time_to_live_a_week_later() {
    let place = Place::with_table().await;
    let store = place.open().await;
    let user = user(1);
    store.insert_user(&new(&user, Notices::default()), None).await.unwrap();
    store.put_code(&put(&code(&user.id, 2), &[mail(1)])).await.unwrap();
    store.insert_session(&begun_on_trusted(&user)).await.unwrap();
    store.insert_pending_sign_in(&pending(&user.id, 1)).await.unwrap();
    store.draw(&draw(1)).await.unwrap();
    let other = crate::fixtures::user(2);
    store.insert_user(&new_without_code(&other), None).await.unwrap();
    store.erase_user(&erasure(&other)).await.unwrap();

    let day = 24 * 3600;
    let mut kinds = Vec::new();
    for item in place.items().await {
        let (pk, sk) = (text(&item, "PK"), text(&item, "SK"));
        let kind = if pk.starts_with("USER#") { sk } else { pk };
        let kind = kind.split('#').next().unwrap().to_owned();
        let days = if kind == "MAIL" { 30 } else { 7 };
        if item.contains_key("ttl") {
            assert_eq!(number(&item, "ttl"), LATER.unix_seconds() + days * day, "{kind}");
            kinds.push(kind);
        } else {
            assert!(!item.contains_key("expires_at_ms"), "{kind}");
        }
    }
    kinds.sort_unstable();
    let expected = [
        "CHALLENGE",
        "CHALLENGE",
        "CODE",
        "DEVICE",
        "DEVICE_TRUSTED",
        "LIMIT",
        "MAIL",
        "PENDING",
        "REVOCATIONS",
        "SESS",
    ];
    assert_eq!(kinds, expected);
}

fn begun_on_trusted(user: &User) -> NewSession {
    let session = session(user);
    NewSession { trusts: Some(trusted(&session, 1)), ..begun(&session) }
}

fn new_without_code(user: &User) -> contracts::InsertUser {
    contracts::InsertUser { code: None, ..new(user, Notices::default()) }
}

#[tokio::test]
async fn a_sweep_takes_the_challenge_with_its_code() {
    let place = Place::with_table().await;
    let store = place.open().await;
    let before = place.items().await.len();
    store.put_code(&put(&code(&user_id(1), 1), &[])).await.unwrap();
    let expiry = Expiry { now: LATER, sessions: LATER };
    assert_eq!(store.delete_expired(expiry, 10).await.unwrap(), 1);
    assert_eq!(place.items().await.len(), before);
}

#[tokio::test]
async fn a_sweep_takes_the_challenge_of_a_code_that_was_replaced() {
    let place = Place::with_table().await;
    let store = place.open().await;
    let before = place.items().await.len();
    for number in 1..=2 {
        let code = OneTimeCode { created_at: NOW, ..code(&user_id(1), number) };
        store.put_code(&put(&code, &[])).await.unwrap();
    }
    assert_eq!(place.items().await.len(), before + 3);
    let expiry = Expiry { now: LATER, sessions: LATER };
    assert_eq!(store.delete_expired(expiry, 10).await.unwrap(), 1);
    assert_eq!(place.items().await.len(), before);
}

#[tokio::test]
async fn of_somebody_who_left_only_a_tombstone_remains() {
    let place = Place::with_table().await;
    let store = place.open().await;
    let user = User { totp: Some(factor()), ..user(1) };
    store.insert_user(&new(&user, Notices::default()), None).await.unwrap();
    store.insert_session(&begun_on_trusted(&user)).await.unwrap();
    store.insert_pending_sign_in(&pending(&user.id, 1)).await.unwrap();
    store.put_code(&put(&code(&user.id, 2), &[mail(1)])).await.unwrap();

    store.erase_user(&erasure(&user)).await.unwrap();
    while store.delete_remains(LATER, 10).await.unwrap() > 0 {}

    let items = place.items().await;
    assert!(!format!("{items:?}").contains("person"), "{items:?}");
    assert!(!format!("{items:?}").contains("argon2"), "{items:?}");
    let is_challenge = |item: &Item| text(item, "PK").starts_with("CHALLENGE#");
    assert!(!items.iter().any(is_challenge), "{items:?}");
    let of_user: Vec<&Item> =
        items.iter().filter(|item| text(item, "PK") == format!("USER#{}", user.id)).collect();
    assert_eq!(of_user.len(), 1, "{of_user:?}");
    let mut names: Vec<&str> = of_user[0].keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["PK", "SK", "erased_at_ms", "id", "op", "session_epoch", "status"]);
}

#[tokio::test]
async fn a_rotation_touches_no_index() {
    let place = Place::with_table().await;
    let store = place.open().await;
    let user = user(1);
    store.insert_user(&new(&user, Notices::default()), None).await.unwrap();
    let session = session(&user);
    store.insert_session(&begun(&session)).await.unwrap();
    let indexed = async || {
        let items = place.items().await;
        let item = items.into_iter().find(|item| text(item, "SK").starts_with("SESS#")).unwrap();
        (item["GSI1PK"].clone(), item["GSI1SK"].clone(), item["ttl"].clone())
    };
    let before = indexed().await;
    let advance = contracts::Advance {
        user: user.id,
        session: session.id,
        from: 1,
        to: 2,
        at: LATER,
        by: None,
        idle_expires_at: LATER,
        resealed: None,
    };
    store.advance_generation(&advance).await.unwrap();
    assert_eq!(indexed().await, before);
}
