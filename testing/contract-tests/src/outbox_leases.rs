//! The outbox: claiming events for a while.

use contracts::OutboxEvent;

use crate::Backend;
use crate::fixtures::{MINUTE, NOW, SECOND, event, race};

async fn with_events(backend: &Backend, numbers: &[u32]) {
    let events: Vec<OutboxEvent> = numbers.iter().copied().map(event).collect();
    backend.outbox.insert_events(&events).await.unwrap();
}

/// Events go out in the order they happened, however they came in, no more than asked for.
pub async fn the_oldest_events_are_claimed_first(backend: &Backend) {
    with_events(backend, &[4, 2, 5, 1, 3]).await;
    let until = NOW.plus(MINUTE);
    assert_eq!(backend.outbox.claim_events(NOW, until, 2).await.unwrap(), [event(1), event(2)]);
    assert_eq!(backend.outbox.claim_events(NOW, until, 2).await.unwrap(), [event(3), event(4)]);
    assert_eq!(backend.outbox.claim_events(NOW, until, 2).await.unwrap(), [event(5)]);
    assert_eq!(backend.outbox.claim_events(NOW, until, 2).await.unwrap(), []);
}

/// A relay that died with an event in hand does not take it with it.
pub async fn an_event_is_given_again_when_its_lease_has_run_out(backend: &Backend) {
    with_events(backend, &[1]).await;
    let until = NOW.plus(MINUTE);
    assert_eq!(backend.outbox.claim_events(NOW, until, 10).await.unwrap(), [event(1)]);
    let before = until.minus(SECOND);
    assert_eq!(backend.outbox.claim_events(before, until, 10).await.unwrap(), []);
    let again = until.plus(MINUTE);
    assert_eq!(backend.outbox.claim_events(until, again, 10).await.unwrap(), [event(1)]);
    assert_eq!(backend.outbox.claim_events(until, again, 10).await.unwrap(), []);
}

/// An event that failed once is still older than what came later: a steady stream of new events
/// must not keep it waiting for ever.
pub async fn an_old_event_comes_before_newer_ones_after_its_lease(backend: &Backend) {
    with_events(backend, &[1]).await;
    let until = NOW.plus(SECOND);
    assert_eq!(backend.outbox.claim_events(NOW, until, 10).await.unwrap(), [event(1)]);
    with_events(backend, &[2, 3]).await;
    let later = NOW.plus(MINUTE);
    assert_eq!(backend.outbox.claim_events(until, later, 1).await.unwrap(), [event(1)]);
    assert_eq!(backend.outbox.claim_events(until, later, 1).await.unwrap(), [event(2)]);
}

/// Eight relays empty the outbox together: each event is given to one of them.
pub async fn no_two_relays_get_the_same_event(backend: &Backend) {
    let numbers: Vec<u32> = (0..60).collect();
    with_events(backend, &numbers).await;
    let claimed = race(8, |_| {
        let outbox = backend.outbox.clone();
        async move {
            let mut mine = Vec::new();
            loop {
                let until = NOW.plus(MINUTE);
                let events = outbox.claim_events(NOW, until, 7).await.unwrap();
                if events.is_empty() {
                    return mine;
                }
                assert!(events.len() <= 7);
                mine.extend(events);
            }
        }
    })
    .await;
    let mut all: Vec<OutboxEvent> = claimed.into_iter().flatten().collect();
    all.sort_by_key(|event| event.id);
    assert_eq!(all, numbers.into_iter().map(event).collect::<Vec<_>>());
}
