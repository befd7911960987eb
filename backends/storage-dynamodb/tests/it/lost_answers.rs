//! Requests that are carried out although no answer says so, and such as have to be made again.

use std::time::Duration;

use contracts::{
    Advance, Advanced, CodePut, Drawn, EndSession, Ended, InsertSession, Inserted, Limiter,
    MailOutboxStore, Notices, OneTimeCodeStore, OutboxStore, RecordStore, Replaced,
    RevocationStore, SessionStore, StoreError, UserStore,
};
use domain::{
    EndReason, PasswordHash, Revocation, RevocationScope, Session, SessionEnd, SessionId,
};
use servers::{AwsProxy, Fate};
use storage_dynamodb::DynamoStorage;

use crate::fates::{CONFLICT, SERVER_ERROR, UNPROCESSED};
use crate::fixtures::{LATER, NOW, begun, code, draw, event, mail, new, put, session, user};
use crate::place::{Place, config, server};

const LOSSES: [Fate; 2] = [Fate::Cut, SERVER_ERROR];

/// A store behind a network that loses answers, and the table behind it.
struct Lossy {
    store: DynamoStorage,
    proxy: AwsProxy,
    place: Place,
}

async fn lossy() -> Lossy {
    let place = Place::with_table().await;
    let proxy = AwsProxy::open(&server()).unwrap();
    let store = DynamoStorage::open(&place.table, &config(&proxy.endpoint())).await.unwrap();
    Lossy { store, proxy, place }
}

async fn lossy_with_session() -> (Lossy, Session) {
    let lossy = lossy().await;
    let user = user(1);
    lossy.store.insert_user(&new(&user, Notices::default()), None).await.unwrap();
    let session = session(&user);
    lossy.store.insert_session(&begun(&session)).await.unwrap();
    (lossy, session)
}

/// The tokens of transactions since the last look.
fn tokens(proxy: &AwsProxy) -> Vec<String> {
    let requests = proxy.requests();
    let token = |body: &str| {
        let (_, rest) = body.split_once("\"ClientRequestToken\":\"")?;
        rest.split_once('"').map(|(token, _)| token.to_owned())
    };
    requests.iter().filter_map(|request| token(&request.body)).collect()
}

fn advance(session: &Session) -> Advance {
    Advance {
        user: session.user_id.clone(),
        session: session.id,
        from: 1,
        to: 2,
        at: NOW,
        by: None,
        idle_expires_at: LATER,
        resealed: None,
    }
}

#[tokio::test]
async fn a_user_whose_insertion_was_not_answered_is_inserted_once() {
    for fate in LOSSES {
        let Lossy { store, proxy, place } = lossy().await;
        let notices = Notices { events: vec![event(1)], mails: vec![mail(1)] };
        proxy.next("TransactWriteItems", fate);
        store.insert_user(&new(&user(1), notices), None).await.unwrap();
        assert!(proxy.is_done());
        assert!(store.find_user(&user(1).id).await.unwrap().is_some());
        // User, address, user name, code, challenge, event, mail; roles and the count of openings.
        assert_eq!(place.items().await.len(), 7 + 2);
    }
}

#[tokio::test]
async fn a_rotation_that_was_not_answered_is_known_again() {
    for fate in LOSSES {
        let (Lossy { store, proxy, place: _place }, session) = lossy_with_session().await;
        proxy.next("UpdateItem", fate);
        let advanced = store.advance_generation(&advance(&session)).await.unwrap();
        assert_eq!(advanced, Advanced::Yes);
        assert!(proxy.is_done());
        let found = store.find_session(&session.user_id, session.id).await.unwrap().unwrap();
        assert_eq!(found.session.generation, 2);
        // The same rotation by somebody else is late, answered or not.
        proxy.next("UpdateItem", fate);
        let late = store.advance_generation(&advance(&session)).await.unwrap();
        assert_eq!(late, Advanced::Stale);
    }
}

#[tokio::test]
async fn a_try_that_was_not_answered_counts_once() {
    for fate in LOSSES {
        let Lossy { store, proxy, place: _place } = lossy().await;
        let code = code(&user(1).id, 1);
        store.put_code(&put(&code, &[])).await.unwrap();
        for tries in 1..=2 {
            proxy.next("UpdateItem", fate);
            let tried = store.advance_tries(code.challenge, 2, NOW).await.unwrap().unwrap();
            assert_eq!(tried.tries, tries);
        }
        assert!(proxy.is_done());
        assert_eq!(store.advance_tries(code.challenge, 2, NOW).await.unwrap(), None);
    }
}

#[tokio::test]
async fn what_was_claimed_without_an_answer_is_had() {
    for fate in LOSSES {
        let Lossy { store, proxy, place: _place } = lossy().await;
        store.insert_events(&[event(1)]).await.unwrap();
        proxy.next("UpdateItem", fate);
        assert_eq!(store.claim_events(NOW, LATER, 5).await.unwrap(), [event(1)]);
        assert_eq!(store.claim_events(NOW, LATER, 5).await.unwrap(), []);

        store.put_code(&put(&code(&user(1).id, 1), &[mail(1)])).await.unwrap();
        proxy.next("UpdateItem", fate);
        let mut claimed = store.claim_mails(NOW, LATER, 5).await.unwrap();
        assert_eq!(claimed.len(), 1);
        assert_eq!(store.claim_mails(NOW, LATER, 5).await.unwrap(), []);

        let mut failed = claimed.remove(0);
        failed.attempts = 1;
        proxy.next("UpdateItem", fate);
        assert_eq!(store.replace_mail(&failed, LATER).await.unwrap(), Replaced::Yes);
        assert!(proxy.is_done());
    }
}

#[tokio::test]
async fn a_draw_that_was_not_answered_counts_once() {
    for fate in LOSSES {
        let Lossy { store, proxy, place: _place } = lossy().await;
        // The first sets a moment, the second adds to it.
        for _ in 0..2 {
            proxy.next("UpdateItem", fate);
            assert_eq!(store.draw(&draw(3)).await.unwrap(), Drawn::Yes);
        }
        proxy.next("UpdateItem", fate);
        store.give_back(&draw(3)).await.unwrap();
        assert!(proxy.is_done());
        for _ in 0..2 {
            assert_eq!(store.draw(&draw(3)).await.unwrap(), Drawn::Yes);
        }
        assert_ne!(store.draw(&draw(3)).await.unwrap(), Drawn::Yes);
    }
}

#[tokio::test]
async fn records_and_hashes_that_were_not_answered_are_known_again() {
    for fate in LOSSES {
        let (Lossy { store, proxy, place: _place }, session) = lossy_with_session().await;
        proxy.next("PutItem", fate);
        assert_eq!(store.insert_record("ring", b"1", &[]).await.unwrap(), Inserted::Yes);
        assert_eq!(store.insert_record("ring", b"1", &[]).await.unwrap(), Inserted::Exists);
        proxy.next("UpdateItem", fate);
        assert_eq!(store.replace_record("ring", 1, b"2", &[]).await.unwrap(), Replaced::Yes);
        assert_eq!(store.find_record("ring").await.unwrap().unwrap().version, 2);

        let (old, new) = (PasswordHash::new("$argon2id$old"), PasswordHash::new("$argon2id$new"));
        proxy.next("UpdateItem", fate);
        let replaced = store.replace_password_hash(&session.user_id, &old, &new).await.unwrap();
        assert_eq!(replaced, Replaced::Yes);
        assert!(proxy.is_done());
    }
}

#[tokio::test]
async fn an_end_that_was_not_answered_is_told_once() {
    for fate in LOSSES {
        let (Lossy { store, proxy, place: _place }, session) = lossy_with_session().await;
        let scope = RevocationScope::Session(session.id);
        let end = EndSession {
            user: session.user_id.clone(),
            session: session.id,
            end: SessionEnd { at: NOW, reason: EndReason::SignedOut },
            revocation: Revocation { scope, ended_at: NOW, expires_at: LATER },
        };
        proxy.next("TransactWriteItems", fate);
        assert_eq!(store.end_session(&end, &[event(1)]).await.unwrap(), Ended::Yes);
        assert!(proxy.is_done());
        let revoked = store.list_revocations(NOW, 10).await.unwrap();
        assert_eq!((revoked.sequence, revoked.rows.len()), (1, 1));
        assert_eq!(store.end_session(&end, &[event(1)]).await.unwrap(), Ended::Already);
    }
}

#[tokio::test]
async fn what_conflicts_with_others_is_tried_again() {
    let (Lossy { store, proxy, place: _place }, session) = lossy_with_session().await;
    for _ in 0..5 {
        proxy.next("TransactWriteItems", CONFLICT);
    }
    let put_code = store.put_code(&put(&code(&session.user_id, 2), &[])).await.unwrap();
    assert_eq!(put_code, CodePut::Yes);
    for _ in 0..5 {
        proxy.next("TransactGetItems", CONFLICT);
    }
    assert!(store.find_session(&session.user_id, session.id).await.unwrap().is_some());
    assert!(proxy.is_done());
}

#[tokio::test]
async fn conflicts_without_end_are_a_failure_in_time() {
    let (Lossy { store, proxy, place: _place }, session) = lossy_with_session().await;
    for _ in 0..100 {
        proxy.next("TransactWriteItems", CONFLICT);
    }
    let put = put(&code(&session.user_id, 2), &[]);
    let put_code = store.put_code(&put);
    let answer = tokio::time::timeout(Duration::from_millis(2500), put_code).await.unwrap();
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
}

#[tokio::test]
async fn what_a_batch_gives_back_is_asked_for_again() {
    let Lossy { store, proxy, place: _place } = lossy().await;
    let events: Vec<_> = (1..=60).map(event).collect();
    store.insert_events(&events).await.unwrap();
    let ids: Vec<_> = events.iter().map(|event| event.id).collect();
    proxy.next("BatchWriteItem", UNPROCESSED);
    proxy.next("BatchWriteItem", UNPROCESSED);
    store.delete_events(&ids).await.unwrap();
    assert!(proxy.is_done());
    assert_eq!(store.claim_events(NOW, NOW, 100).await.unwrap(), []);

    for number in 1..=3 {
        let user = user(number);
        store.insert_user(&new(&user, Notices::default()), None).await.unwrap();
    }
    proxy.next("BatchGetItem", UNPROCESSED);
    assert_eq!(store.list_users(None, 10).await.unwrap().len(), 3);
    assert!(proxy.is_done());
}

#[tokio::test]
async fn a_rotation_is_one_request() {
    let (Lossy { store, proxy, place: _place }, session) = lossy_with_session().await;
    // The roles are then known.
    store.find_session(&session.user_id, session.id).await.unwrap();
    proxy.operations();
    store.find_session(&session.user_id, session.id).await.unwrap();
    store.advance_generation(&advance(&session)).await.unwrap();
    let mut requests = proxy.operations();
    requests.sort_unstable();
    assert_eq!(requests, ["TransactGetItems", "UpdateItem"]);
}

#[tokio::test]
async fn a_request_keeps_its_token_until_its_outcome_is_certain() {
    for (fate, is_kept) in [(Fate::Cut, true), (SERVER_ERROR, true), (CONFLICT, false)] {
        let Lossy { store, proxy, place: _place } = lossy().await;
        tokens(&proxy);
        proxy.next("TransactWriteItems", fate);
        store.put_code(&put(&code(&user(1).id, 2), &[])).await.unwrap();
        let tokens = tokens(&proxy);
        assert_eq!(tokens.len(), 2);
        assert_eq!(tokens[0] == tokens[1], is_kept, "{fate:?}");
    }
}

#[tokio::test]
async fn a_sign_in_counts_although_its_time_is_not_noted() {
    let (Lossy { store, proxy, place: _place }, session) = lossy_with_session().await;
    let next = Session { id: SessionId::new(LATER, [4; 10]), created_at: LATER, ..session };
    for _ in 0..16 {
        proxy.next("UpdateItem", SERVER_ERROR);
    }
    let next_begun = begun(&next);
    let began = store.insert_session(&next_begun);
    let began = tokio::time::timeout(Duration::from_millis(2500), began);
    assert_eq!(began.await.unwrap().unwrap(), InsertSession::Yes);
    assert!(!proxy.is_done());
    assert!(store.find_session(&next.user_id, next.id).await.unwrap().is_some());
}

#[tokio::test]
async fn the_time_of_a_sign_in_only_goes_forward() {
    let (Lossy { store, proxy: _proxy, place: _place }, session) = lossy_with_session().await;
    for (number, at) in [(4, LATER), (5, NOW)] {
        let next =
            Session { id: SessionId::new(at, [number; 10]), created_at: at, ..session.clone() };
        assert_eq!(store.insert_session(&begun(&next)).await.unwrap(), InsertSession::Yes);
    }
    let found = store.find_user(&session.user_id).await.unwrap().unwrap();
    assert_eq!(found.user.last_login_at, Some(LATER));
}
