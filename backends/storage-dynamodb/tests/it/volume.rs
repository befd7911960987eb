//! More than one transaction, one batch or one page takes.

use contracts::{
    MailOutboxStore, Notices, OneTimeCodeStore, OutboxStore, QueuedMail, Replaced, StoreError,
    UserStore,
};
use domain::{MailId, User, UserId};

use crate::fixtures::{LATER, NOW, code, erasure, event, mail, new, put, user, user_id};
use crate::place::Place;

fn mails(first: u8, count: u8) -> Vec<QueuedMail> {
    (first..first + count).map(mail).collect()
}

#[tokio::test]
async fn a_user_with_more_mails_than_a_transaction_takes_is_erased() {
    let place = Place::with_table().await;
    let store = place.open().await;
    let user = user(1);
    store.insert_user(&new(&user, Notices::default()), None).await.unwrap();
    for first in [0, 70, 140] {
        store.put_code(&put(&code(&user_id(9), 9), &mails(first, 70))).await.unwrap();
    }
    assert_eq!(store.erase_user(&erasure(&user)).await.unwrap(), Replaced::Yes);
    assert!(store.list_mails(None, 1000).await.unwrap().len() < 210 - 80);
    while store.delete_remains(LATER, 100).await.unwrap() > 0 {}
    assert_eq!(store.list_mails(None, 1000).await.unwrap(), []);
}

#[tokio::test]
async fn an_operation_on_more_items_than_a_transaction_takes_is_refused_whole() {
    let place = Place::with_table().await;
    let store = place.open().await;
    let code = code(&user_id(1), 1);
    let refused = store.put_code(&put(&code, &mails(0, 99))).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert_eq!(store.find_code(&code.user, code.kind, NOW).await.unwrap(), None);
    assert_eq!(store.list_mails(None, 1000).await.unwrap(), []);
    store.put_code(&put(&code, &mails(0, 98))).await.unwrap();
    assert_eq!(store.list_mails(None, 1000).await.unwrap().len(), 98);
}

#[tokio::test]
async fn pages_of_users_and_mails_miss_nobody() {
    let place = Place::with_table().await;
    let store = place.open().await;
    for number in 0..110_u8 {
        let user = User { id: UserId::parse(&format!("u{number:03}")).unwrap(), ..user(number) };
        let new = contracts::InsertUser { code: None, ..new(&user, Notices::default()) };
        store.insert_user(&new, None).await.unwrap();
    }
    let everybody = store.list_users(None, 1000).await.unwrap();
    assert_eq!(everybody.len(), 110);
    let mut listed: Vec<UserId> = Vec::new();
    loop {
        let page = store.list_users(listed.last(), 7).await.unwrap();
        listed.extend(page.iter().map(|user| user.id.clone()));
        if page.len() < 7 {
            break;
        }
    }
    assert_eq!(listed, everybody.into_iter().map(|user| user.id).collect::<Vec<_>>());

    store.put_code(&put(&code(&user_id(1), 1), &mails(0, 50))).await.unwrap();
    let mut listed: Vec<MailId> = Vec::new();
    while let [_, ..] = &*store.list_mails(listed.last().copied(), 7).await.unwrap() {
        let page = store.list_mails(listed.last().copied(), 7).await.unwrap();
        listed.extend(page.iter().map(|mail| mail.mail.id));
    }
    assert_eq!(listed, mails(0, 50).iter().map(|mail| mail.id).collect::<Vec<_>>());
}

#[tokio::test]
async fn large_events_are_claimed_over_many_pages() {
    let place = Place::with_table().await;
    let store = place.open().await;
    let envelope = "x".repeat(100_000);
    for number in 0..60 {
        let event = contracts::OutboxEvent { envelope: envelope.clone(), ..event(number) };
        store.insert_events(&[event]).await.unwrap();
    }
    let claimed = store.claim_events(NOW, LATER, 60).await.unwrap();
    assert_eq!(claimed.len(), 60);
    assert!(claimed.is_sorted_by_key(|event| event.id));
}
