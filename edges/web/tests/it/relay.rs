//! Events on their way to where they are told, some of which is down or slow.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use contracts::{Clock as _, EventSink, OutboxEvent, OutboxStore as _, PublishError};
use domain::{EventId, UserId};
use harness::{TestClock, TestServer};

/// Takes each event but some, in its own time.
struct Sink {
    taken: Mutex<Vec<EventId>>,
    refuses: fn(&OutboxEvent) -> bool,
    clock: TestClock,
    takes: Duration,
}

impl Sink {
    fn of(server: &TestServer, refuses: fn(&OutboxEvent) -> bool, takes: Duration) -> Arc<Self> {
        Arc::new(Self { taken: Mutex::default(), refuses, clock: server.clock.clone(), takes })
    }

    /// The numbers of the events that it took since the last time, in their order.
    fn take_taken(&self) -> Vec<u8> {
        self.taken.lock().unwrap().drain(..).map(|id| id.bytes()[15]).collect()
    }
}

#[async_trait]
impl EventSink for Sink {
    async fn publish(&self, event: &OutboxEvent) -> Result<(), PublishError> {
        self.clock.advance(self.takes);
        if (self.refuses)(event) {
            return Err(PublishError("this one is not taken".into()));
        }
        self.taken.lock().unwrap().push(event.id);
        Ok(())
    }
}

/// Events with the numbers from 1 on wait.
async fn waiting(count: u8) -> TestServer {
    let server = TestServer::start().await;
    let now = server.clock.now();
    let event = |number| OutboxEvent {
        id: EventId::new(now, [0, 0, 0, 0, 0, 0, 0, 0, 0, number]),
        name: format!("test.event_{number}"),
        subject: Some(UserId::new(now, [7; 10])),
        at: now,
        envelope: "{}".to_owned(),
    };
    let events: Vec<_> = (1..=count).map(event).collect();
    server.store.inner().insert_events(&events).await.unwrap();
    server
}

#[tokio::test]
async fn a_sink_that_refuses_an_event_keeps_it_from_no_other() {
    let server = waiting(4).await;
    let refusing = Sink::of(&server, |event| event.name == "test.event_2", Duration::ZERO);
    let other = Sink::of(&server, |_| false, Duration::ZERO);
    let sinks: [Arc<dyn EventSink>; 2] = [refusing.clone(), other.clone()];

    let relayed = server.service.relay(&sinks).await.unwrap();

    assert_eq!((relayed.published, relayed.has_more), (3, false));
    assert!(relayed.refusal.is_some());
    assert_eq!(refusing.take_taken(), [1, 3, 4]);
    assert_eq!(other.take_taken(), [1, 2, 3, 4]);
    assert_eq!(server.service.relay(&sinks).await.unwrap().published, 0, "it is leased");
    server.clock.advance(Duration::from_secs(30));
    assert_eq!(server.service.relay(&sinks).await.unwrap().published, 0);
    assert_eq!((refusing.take_taken(), other.take_taken()), (vec![], vec![2]));
}

#[tokio::test]
async fn a_slow_sink_gets_no_event_twice() {
    let server = waiting(30).await;
    let slow = Sink::of(&server, |_| false, Duration::from_secs(3));
    let sinks: [Arc<dyn EventSink>; 1] = [slow.clone()];

    let relayed = server.service.relay(&sinks).await.unwrap();

    assert_eq!((relayed.published, relayed.has_more), (7, true), "20 of 30 seconds are over");
    for _ in 0..5 {
        server.clock.advance(Duration::from_secs(30));
        server.service.relay(&sinks).await.unwrap();
    }
    assert_eq!(slow.take_taken(), (1..=30).collect::<Vec<_>>());
}

/// A relay that dies has few events published that are published again.
#[tokio::test]
async fn events_are_deleted_while_the_turn_goes_on() {
    let server = waiting(45).await;
    let sink = Sink::of(&server, |_| false, Duration::ZERO);
    let sinks: [Arc<dyn EventSink>; 1] = [sink.clone()];
    server.store.fail("delete_events");
    assert!(server.service.relay(&sinks).await.is_err());
    assert_eq!(sink.take_taken(), (1..=20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_whole_turn_leaves_nothing() {
    let server = waiting(100).await;
    let sink = Sink::of(&server, |_| false, Duration::ZERO);
    let sinks: [Arc<dyn EventSink>; 1] = [sink.clone()];
    let relayed = server.service.relay(&sinks).await.unwrap();
    assert_eq!((relayed.published, relayed.has_more), (100, true));
    let relayed = server.service.relay(&sinks).await.unwrap();
    assert_eq!((relayed.published, relayed.has_more), (0, false));
    assert_eq!(sink.take_taken().len(), 100);
}
