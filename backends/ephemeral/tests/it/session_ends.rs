//! The sink that deletes in Redis what has ended.

use std::sync::Arc;
use std::time::Duration;

use contracts::{EventSink, OutboxEvent, SessionStore};
use domain::{EventId, Session};
use ephemeral::{RedisSessionEnds, RedisSessions};
use tokio::time::{Instant, sleep};

use crate::fixtures::{Corner, NOW};
use crate::main_store::{MainStore, new, session, user_id};
use crate::server::Server;

pub(crate) fn event(name: &str, user: u8, data: &str) -> OutboxEvent {
    OutboxEvent {
        id: EventId::new(NOW, [1; 10]),
        name: name.to_owned(),
        subject: Some(user_id(user)),
        at: NOW,
        envelope: format!(r#"{{"type":"{name}","data":{data}}}"#),
    }
}

pub(crate) fn revoked(session: &Session) -> OutboxEvent {
    let data = format!(r#"{{"id":"{}","userId":"{}"}}"#, session.id, session.user_id);
    event("session.revoked", 1, &data)
}

/// Sessions 1 and 2 of user 1, and 3 of user 2.
async fn with_three() -> (Corner, RedisSessionEnds) {
    let corner = Corner::new();
    let sessions = RedisSessions::new(corner.connection(), Arc::new(MainStore::default()));
    let other = Session { user_id: user_id(2), ..session(3) };
    for session in [session(1), session(2), other] {
        sessions.insert_session(&new(&session)).await.unwrap();
    }
    let sink = RedisSessionEnds::new(corner.connection());
    (corner, sink)
}

fn kept(corner: &Corner) -> Vec<u8> {
    let keys = corner.keys();
    let is_kept = |number: &u8| {
        let id = session(*number).id.to_string();
        keys.iter().any(|key| key.ends_with(&id))
    };
    (1..=3).filter(is_kept).collect()
}

#[tokio::test]
async fn a_session_that_was_revoked_is_deleted() {
    let (corner, sink) = with_three().await;
    for _ in 0..2 {
        sink.publish(&revoked(&session(1))).await.unwrap();
        assert_eq!(kept(&corner), [2, 3]);
    }
    let index = format!("{}refresh:{{{}}}", corner.prefix, user_id(1));
    let members: Vec<String> = corner.ask(&["ZRANGE", &index, "0", "-1"]);
    assert_eq!(members, [session(2).id.to_string()]);
}

#[tokio::test]
async fn of_a_user_who_was_deleted_nothing_stays() {
    let (corner, sink) = with_three().await;
    for _ in 0..2 {
        sink.publish(&event("user.deleted", 1, "{}")).await.unwrap();
        assert_eq!(kept(&corner), [3]);
        assert_eq!(corner.keys().len(), 2, "the other user's session, and that there is one");
    }
}

#[tokio::test]
async fn other_events_delete_nothing() {
    let (corner, sink) = with_three().await;
    let created = OutboxEvent { name: "session.created".to_owned(), ..revoked(&session(1)) };
    let no_json = OutboxEvent { envelope: "{".to_owned(), ..revoked(&session(1)) };
    let all = event("session.revoked", 1, r#"{"userId":"user_1"}"#);
    let no_id = event("session.revoked", 1, r#"{"id":7}"#);
    let other_user = OutboxEvent { subject: Some(user_id(2)), ..revoked(&session(1)) };
    for event in [created, no_json, all, no_id, other_user] {
        sink.publish(&event).await.unwrap();
        assert_eq!(kept(&corner), [1, 2, 3]);
    }
}

/// More than are deleted at once, and than one command of a few milliseconds could.
#[tokio::test]
async fn of_a_user_with_very_many_sessions_nothing_stays() {
    let (corner, sink) = with_three().await;
    let index = format!("{}refresh:{{{}}}", corner.prefix, user_id(1));
    let fill = "for number = 1, 5050 do redis.call('SET', KEYS[1] .. ':' .. number, 'x') \
                redis.call('ZADD', KEYS[1], number, number) end return 1";
    let _: u64 = corner.ask(&["EVAL", fill, "1", &index]);
    assert_eq!(corner.keys().len(), 5055);
    sink.publish(&event("user.deleted", 1, "{}")).await.unwrap();
    assert_eq!(kept(&corner), [3]);
    assert_eq!(corner.keys().len(), 2, "the other user's session, and that there is one");
}

/// Somebody else's key would be refused however often it is tried.
#[tokio::test]
async fn what_is_not_ours_is_not_offered_again() {
    let (corner, sink) = with_three().await;
    let index = format!("{}refresh:{{{}}}", corner.prefix, user_id(1));
    let () = corner.ask(&["SET", &index, "hello"]);
    sink.publish(&event("user.deleted", 1, "{}")).await.unwrap();
    sink.publish(&revoked(&session(3))).await.unwrap();
    let left: String = corner.ask(&["GET", &index]);
    assert_eq!(left, "hello");
}

#[tokio::test]
async fn a_user_who_could_not_be_deleted_is_offered_again_and_a_session_is_not() {
    let mut server = Server::start().await;
    let sink = RedisSessionEnds::new(server.connection());
    sink.publish(&revoked(&session(1))).await.unwrap();
    server.kill();
    sink.publish(&revoked(&session(1))).await.unwrap();
    assert!(sink.publish(&event("user.deleted", 1, "{}")).await.is_err());
    sink.publish(&event("user.created", 1, "{}")).await.unwrap();
    server.resume().await;
    let began = Instant::now();
    while sink.publish(&event("user.deleted", 1, "{}")).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(2));
        sleep(Duration::from_millis(50)).await;
    }
}

/// A whole turn of the relay, which has far more time than that.
#[tokio::test]
async fn a_redis_that_hangs_keeps_nobody_for_every_event() {
    let server = Server::start().await;
    let sink = RedisSessionEnds::new(server.connection());
    sink.publish(&revoked(&session(1))).await.unwrap();
    server.hang();
    let began = Instant::now();
    for _ in 0..50 {
        sink.publish(&revoked(&session(1))).await.unwrap();
        assert!(sink.publish(&event("user.deleted", 1, "{}")).await.is_err());
    }
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    server.go_on();
}
