//! The outbox: events come in with a change or by themselves, and go out when published.

use contracts::{InsertSession, OutboxEvent, Replaced};

use crate::Backend;
use crate::fixtures::{NOW, event, event_id, new_session, new_user, race, raise, session, user};

/// An event reads back as it was written.
pub async fn an_event_without_a_change_is_kept(backend: &Backend) {
    backend.outbox.insert_events(&[event(2), event(1)]).await.unwrap();
    assert_eq!(backend.events().await, [event(1), event(2)]);
}

/// It waits like any other, in the order of time, and no user's erasure takes it along.
pub async fn an_event_of_the_deployment_is_of_no_user(backend: &Backend) {
    let of_nobody = |number| OutboxEvent { subject: None, ..event(number) };
    let user = backend.with_user(3).await;
    backend.outbox.insert_events(&[of_nobody(2)]).await.unwrap();
    backend.outbox.insert_events(&[event(3), of_nobody(4), event(1)]).await.unwrap();
    backend.erase(&user).await;
    let expected = [event(1), of_nobody(2), event(3), of_nobody(4)];
    assert_eq!(backend.events().await, expected);
    let later = NOW.plus(crate::fixtures::MINUTE);
    assert_eq!(backend.outbox.claim_events(NOW, later, 2).await.unwrap(), expected[..2]);
}

/// Nothing to do is done.
pub async fn no_events_are_no_trouble(backend: &Backend) {
    backend.outbox.insert_events(&[]).await.unwrap();
    backend.outbox.delete_events(&[]).await.unwrap();
    assert!(backend.events().await.is_empty());
}

/// Every operation that changes something tells of it, and of nothing that it did not change.
pub async fn events_are_there_exactly_if_the_change_is(backend: &Backend) {
    let user = user(1);
    backend.users.insert_user(&new_user(&user, &[event(1)]), None).await.unwrap();
    assert!(backend.users.insert_user(&new_user(&user, &[event(2)]), None).await.is_err());

    let session = session(&user, 1);
    let inserted =
        backend.sessions.insert_session(&new_session(&session, &[event(3)])).await.unwrap();
    assert_eq!(inserted, InsertSession::Yes);

    let users = &backend.users;
    let raised = users.advance_session_epoch(&raise(&user), &[event(4)]).await.unwrap();
    assert_eq!(raised, Replaced::Yes);
    let raised = users.advance_session_epoch(&raise(&user), &[event(5)]).await.unwrap();
    assert_eq!(raised, Replaced::Stale);

    let inserted =
        backend.sessions.insert_session(&new_session(&session, &[event(6)])).await.unwrap();
    assert_eq!(inserted, InsertSession::EpochPassed);

    assert_eq!(backend.events().await, [event(1), event(3), event(4)]);
}

/// A published event goes, the others stay, and going twice is no error.
pub async fn a_deleted_event_is_gone_and_may_be_deleted_again(backend: &Backend) {
    backend.outbox.insert_events(&[event(1), event(2), event(3)]).await.unwrap();
    for _ in 0..2 {
        backend.outbox.delete_events(&[event_id(1), event_id(3), event_id(9)]).await.unwrap();
        assert_eq!(backend.events().await, [event(2)]);
    }
}

/// An event may be deleted while it is leased, and does not come back.
pub async fn a_leased_event_can_be_deleted(backend: &Backend) {
    backend.outbox.insert_events(&[event(1), event(2)]).await.unwrap();
    let later = NOW.plus(crate::fixtures::MINUTE);
    assert_eq!(backend.outbox.claim_events(NOW, later, 1).await.unwrap(), [event(1)]);
    backend.outbox.delete_events(&[event_id(1)]).await.unwrap();
    assert_eq!(backend.outbox.claim_events(later, later, 10).await.unwrap(), [event(2)]);
}

/// Writers at one moment lose nothing.
pub async fn events_of_many_writers_are_all_kept(backend: &Backend) {
    race(16, |number| {
        let outbox = backend.outbox.clone();
        let events = [event(2 * number), event(2 * number + 1)];
        async move { outbox.insert_events(&events).await.unwrap() }
    })
    .await;
    assert_eq!(backend.events().await, (0..32).map(event).collect::<Vec<_>>());
}
