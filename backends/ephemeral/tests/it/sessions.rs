//! Sessions in Redis, beyond the contract.

use std::sync::Arc;
use std::time::Duration;

use contracts::{
    Advanced, Ended, EventSink, Forgive, InsertSession, KnownDevice, Limiter, NewSession,
    Reauthenticate, SessionStore, StoreError,
};
use domain::{
    AuthenticationMethod, DeviceDigest, Session, Timestamp, TrustedDevice, TrustedDeviceId, UserId,
};
use ephemeral::{RedisConnection, RedisLimiter, RedisSessionEnds, RedisSessions};
use tokio::time::{Instant, sleep};

use crate::fixtures::{Corner, NOW, daily, succeeds};
use crate::main_store::{MainStore, advance, end, new, session};
use crate::server::Server;
use crate::session_ends::{event, revoked};

/// Everything that is done in Redis, once.
pub(crate) async fn live_through(connection: RedisConnection) {
    let limiter = RedisLimiter::new(connection.clone());
    assert!(succeeds(&limiter, &daily(1, 1)).await);
    limiter.give_back(&daily(1, 1)).await.unwrap();
    assert!(succeeds(&limiter, &daily(1, 2)).await);
    limiter.give_back(&daily(1, 2)).await.unwrap();
    let (_, sessions) = open(connection.clone());
    for number in 1..=2 {
        begin(&sessions, &session(number)).await;
    }
    let first = session(1);
    let advanced = sessions.advance_generation(&advance(&first, 1)).await.unwrap();
    assert_eq!(advanced, Advanced::Yes);
    let (user, id) = (first.user_id.clone(), first.id);
    let forgive = Forgive { user, session: id, generation: 2, forgiven: 0 };
    assert_eq!(sessions.advance_forgiven(&forgive).await.unwrap(), Advanced::Yes);
    assert_eq!(find(&sessions, &first).await.unwrap().forgiven_generation, 2);
    assert_eq!(listed(&sessions, NOW, 10).await.len(), 2);
    sessions.end_session(&end(&first), &[]).await.unwrap();
    assert_eq!(sessions.advance_generation(&advance(&first, 2)).await.unwrap(), Advanced::Stale);
    let late = Session { epoch: 2, ..session(3) };
    sessions.insert_session(&new(&late)).await.unwrap();
    let sink = RedisSessionEnds::new(connection);
    sink.publish(&revoked(&first)).await.unwrap();
    sink.publish(&event("user.deleted", 1, "{}")).await.unwrap();
}

/// A cluster refuses keys of two slots in one script, and whatever a script was not given.
#[tokio::test]
async fn everything_works_on_a_cluster_of_one() {
    let server = Server::start_with(&["--cluster-enabled", "yes"]).await;
    let () = server.ask(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    while !server.ask::<String>(&["CLUSTER", "INFO"]).contains("cluster_state:ok") {
        sleep(Duration::from_millis(10)).await;
    }
    live_through(server.connection()).await;
    assert_eq!(server.ask::<u64>(&["DBSIZE"]), 0, "nothing stays");
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn open(connection: RedisConnection) -> (Arc<MainStore>, RedisSessions) {
    let main = Arc::new(MainStore::default());
    let sessions = RedisSessions::new(connection, main.clone());
    (main, sessions)
}

async fn begin(sessions: &RedisSessions, session: &Session) {
    let inserted = sessions.insert_session(&new(session)).await.unwrap();
    assert_eq!(inserted, InsertSession::Yes);
}

async fn find(sessions: &RedisSessions, session: &Session) -> Option<Session> {
    let found = sessions.find_session(&session.user_id, session.id).await.unwrap();
    found.map(|found| found.session)
}

async fn listed(sessions: &RedisSessions, now: Timestamp, limit: usize) -> Vec<Session> {
    sessions.list_sessions(&session(1).user_id, now, None, limit).await.unwrap()
}

#[tokio::test]
async fn a_session_has_one_key_in_the_slot_of_its_user() {
    let corner = Corner::new();
    let (_, sessions) = open(corner.connection());
    let foreign = Session { user_id: UserId::parse("}a:{b%").unwrap(), ..session(1) };
    for session in [&session(1), &foreign] {
        begin(&sessions, session).await;
    }
    let prefix = &corner.prefix;
    let (id, user) = (session(1).id, session(1).user_id);
    let mut expected = [
        format!("{prefix}refresh:{{{user}}}"),
        format!("{prefix}refresh:{{{user}}}:{id}"),
        format!("{prefix}refresh:{{%7Da:%7Bb%25}}"),
        format!("{prefix}refresh:{{%7Da:%7Bb%25}}:{id}"),
    ];
    expected.sort();
    let mut keys = corner.keys();
    keys.sort();
    assert_eq!(keys, expected);
}

#[tokio::test]
async fn a_key_outlives_its_session_by_a_day_however_often_it_is_refreshed() {
    let corner = Corner::new();
    let (_, sessions) = open(corner.connection());
    let first = session(1);
    begin(&sessions, &first).await;
    let advanced = sessions.advance_generation(&advance(&first, 1)).await.unwrap();
    assert_eq!(advanced, Advanced::Yes);
    let short = Session { expires_at: NOW, ..session(2) };
    begin(&sessions, &short).await;
    for key in corner.keys() {
        let left: i64 = corner.ask(&["PTTL", &key]);
        let expected = if key.ends_with(&short.id.to_string()) { DAY_MS } else { 2 * DAY_MS };
        assert!((expected - 10_000..=expected).contains(&left), "{key} {left}");
    }
}

#[tokio::test]
async fn a_session_that_redis_has_lost_is_gone() {
    let corner = Corner::new();
    let (_, sessions) = open(corner.connection());
    begin(&sessions, &session(1)).await;
    begin(&sessions, &session(2)).await;
    let key = corner.keys().into_iter().find(|key| key.ends_with(&session(1).id.to_string()));
    let _: u64 = corner.ask(&["DEL", &key.unwrap()]);
    assert_eq!(find(&sessions, &session(1)).await, None);
    assert_eq!(listed(&sessions, NOW, 10).await, [session(2)]);
    let advanced = sessions.advance_generation(&advance(&session(1), 1)).await.unwrap();
    assert_eq!(advanced, Advanced::Stale);
    assert_eq!(sessions.end_session(&end(&session(1)), &[]).await.unwrap(), Ended::Yes);
}

/// A failover may bring back what was deleted a moment before.
#[tokio::test]
async fn a_session_that_has_ended_stays_so_whatever_redis_says() {
    let corner = Corner::new();
    let (_, sessions) = open(corner.connection());
    begin(&sessions, &session(1)).await;
    let key = corner.keys().into_iter().find(|key| key.ends_with(&session(1).id.to_string()));
    let key = key.unwrap();
    let _: u64 = corner.ask(&["COPY", &key, &format!("{key}-kept")]);
    assert_eq!(sessions.end_session(&end(&session(1)), &[]).await.unwrap(), Ended::Yes);
    let _: () = corner.ask(&["RENAME", &format!("{key}-kept"), &key]);
    let found = find(&sessions, &session(1)).await.unwrap();
    assert_eq!(found.end, Some(end(&session(1)).end));
    assert_eq!(listed(&sessions, NOW, 10).await, []);
}

#[tokio::test]
async fn a_refused_sign_in_leaves_nothing_in_redis() {
    let corner = Corner::new();
    let (_, sessions) = open(corner.connection());
    let late = Session { epoch: 2, ..session(1) };
    let inserted = sessions.insert_session(&new(&late)).await.unwrap();
    assert_eq!(inserted, InsertSession::EpochPassed);
    assert_eq!(corner.keys(), [""; 0]);
}

/// A session as it begins on a device that is trusted from then on.
fn trusting(session: &Session) -> NewSession {
    let known = |digest: u8, hours| KnownDevice {
        digest: DeviceDigest([digest; 16]),
        expires_at: NOW.plus(Duration::from_hours(hours)),
    };
    let trusted = TrustedDevice {
        id: TrustedDeviceId::new(NOW, [1; 10]),
        user: session.user_id.clone(),
        epoch: session.epoch,
        session: session.id,
        client: session.client.clone(),
        created_at: NOW,
        last_used_at: NOW,
        expires_at: NOW.plus(Duration::from_hours(30 * 24)),
    };
    NewSession { devices: vec![known(1, 1), known(2, 2)], trusts: Some(trusted), ..new(session) }
}

#[tokio::test]
async fn devices_and_trust_are_the_main_stores() {
    let corner = Corner::new();
    let (main, sessions) = open(corner.connection());
    let late = Session { epoch: 2, ..session(1) };
    let refused = sessions.insert_session(&trusting(&late)).await.unwrap();
    assert_eq!(refused, InsertSession::EpochPassed);
    assert!(main.last_begun().is_none());

    let new = trusting(&session(1));
    assert_eq!(sessions.insert_session(&new).await.unwrap(), InsertSession::Yes);
    let begun = main.last_begun().unwrap();
    assert_eq!((begun.devices, begun.trusts), (new.devices, new.trusts));
    assert_eq!(corner.keys().len(), 2, "the session, and that the user has it");
}

#[tokio::test]
async fn how_a_user_proved_who_they_are_survives_refreshes_and_is_renewed_with_them() {
    use AuthenticationMethod::{BackupCode, OneTimePassword, Password, TrustedDevice};
    let corner = Corner::new();
    let (_, sessions) = open(corner.connection());
    let ways = [
        vec![Password],
        vec![Password, OneTimePassword],
        vec![Password, BackupCode],
        vec![Password, TrustedDevice],
    ];
    for (number, methods) in (1..).zip(&ways) {
        let session = Session { methods: methods.clone(), ..session(number) };
        begin(&sessions, &session).await;
        sessions.advance_generation(&advance(&session, 1)).await.unwrap();
        assert_eq!(find(&sessions, &session).await.unwrap().methods, *methods);
    }
    assert!(listed(&sessions, NOW, 10).await.iter().map(|it| &it.methods).eq(&ways));

    let first = session(1);
    let renewal = Reauthenticate {
        user: first.user_id.clone(),
        session: first.id,
        epoch: first.epoch,
        at: NOW.plus(Duration::from_mins(1)),
        methods: ways[1].clone(),
    };
    assert_eq!(sessions.advance_authentication(&renewal).await.unwrap(), Advanced::Yes);
    let renewed = find(&sessions, &first).await.unwrap();
    assert_eq!((renewed.generation, renewed.methods), (2, ways[1].clone()));
}

#[tokio::test]
async fn a_list_is_as_fresh_as_the_last_refresh() {
    let corner = Corner::new();
    let (_, sessions) = open(corner.connection());
    for number in 1..=5 {
        begin(&sessions, &session(number)).await;
    }
    for number in [2, 5] {
        sessions.advance_generation(&advance(&session(number), 1)).await.unwrap();
    }
    let later = NOW.plus(Duration::from_hours(1));
    let refreshed = [2, 5].map(|number| {
        let moved = advance(&session(number), 1);
        Session {
            generation: 2,
            rotated_at: moved.at,
            last_used_at: moved.at,
            rotated_by: None,
            idle_expires_at: moved.idle_expires_at,
            ..session(number)
        }
    });
    assert_eq!(listed(&sessions, later, 10).await, refreshed);
    assert_eq!(listed(&sessions, later, 2).await, refreshed, "a page is filled up");
    assert_eq!(listed(&sessions, later, 1).await, refreshed[..1]);
    assert_eq!(listed(&sessions, later, 0).await, []);
}

/// The main store lists them all.
#[tokio::test]
async fn pages_are_filled_up_among_many_sessions_that_are_over() {
    let corner = Corner::new();
    let (_, sessions) = open(corner.connection());
    let now = NOW.plus(Duration::from_mins(1));
    let mut alive = Vec::new();
    for number in 1..=230 {
        let mut session = session(number);
        if number % 25 == 0 {
            alive.push(session.id);
        } else {
            session.idle_expires_at = now;
        }
        begin(&sessions, &session).await;
    }
    alive.sort();
    let user = session(1).user_id;
    let ids = |sessions: Vec<Session>| sessions.iter().map(|it| it.id).collect::<Vec<_>>();
    let first = ids(sessions.list_sessions(&user, now, None, 6).await.unwrap());
    assert_eq!(first, alive[..6]);
    let rest = ids(sessions.list_sessions(&user, now, first.last().copied(), 6).await.unwrap());
    assert_eq!(rest, alive[6..]);
}

#[tokio::test]
async fn a_value_of_another_form_is_malformed() {
    let corner = Corner::new();
    let (_, sessions) = open(corner.connection());
    let session = session(1);
    begin(&sessions, &session).await;
    let key = corner.keys().into_iter().find(|key| key.ends_with(&session.id.to_string()));
    let key = key.unwrap();
    for words in [["SET", &key, "hello"].as_slice(), &["SET", &key, ""], &["HSET", &key, "a", "b"]]
    {
        let _: u64 = corner.ask(&["DEL", &key]);
        let _: redis::Value = corner.ask(words);
        let is_malformed = |error| matches!(error, StoreError::Malformed { .. });
        let found = sessions.find_session(&session.user_id, session.id).await;
        assert!(found.is_err_and(is_malformed), "{words:?}");
        let advanced = sessions.advance_generation(&advance(&session, 1)).await;
        assert!(advanced.is_err_and(is_malformed), "{words:?}");
    }
}

async fn assert_unavailable(sessions: &RedisSessions, session: &Session) {
    for number in 0..4 {
        let began = Instant::now();
        let failure = match number {
            0 => sessions.insert_session(&new(session)).await.map(drop),
            1 => sessions.find_session(&session.user_id, session.id).await.map(drop),
            2 => sessions.advance_generation(&advance(session, 1)).await.map(drop),
            _ => sessions.list_sessions(&session.user_id, NOW, None, 10).await.map(drop),
        };
        assert!(matches!(failure, Err(StoreError::Unavailable(_))), "{number} {failure:?}");
        assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}", began.elapsed());
    }
}

async fn assert_back(sessions: &RedisSessions) {
    let began = Instant::now();
    while sessions.insert_session(&new(&session(9))).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(2));
        sleep(Duration::from_millis(10)).await;
    }
    assert!(find(sessions, &session(9)).await.is_some());
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn while_redis_is_stopped_sessions_are_unavailable_and_can_end() {
    let mut server = Server::start().await;
    let (main, sessions) = open(server.connection());
    for number in 1..=2 {
        begin(&sessions, &session(number)).await;
    }
    server.kill();
    assert_unavailable(&sessions, &session(1)).await;
    assert_eq!(main.inserts(), 2, "a sign-in that fails tells nobody that it succeeded");
    let began = Instant::now();
    assert_eq!(sessions.end_session(&end(&session(2)), &[]).await.unwrap(), Ended::Yes);
    assert!(began.elapsed() < Duration::from_millis(2_500));
    assert!(find(&sessions, &session(2)).await.unwrap().end.is_some());
    server.resume().await;
    assert_back(&sessions).await;
    assert_eq!(find(&sessions, &session(1)).await, None, "this server keeps nothing");
}

#[tokio::test]
async fn while_redis_hangs_sessions_are_unavailable_and_go_on_afterwards() {
    let server = Server::start().await;
    let (_, sessions) = open(server.connection());
    begin(&sessions, &session(1)).await;
    server.hang();
    assert_unavailable(&sessions, &session(1)).await;
    assert_eq!(sessions.end_session(&end(&session(1)), &[]).await.unwrap(), Ended::Yes);
    server.go_on();
    assert_back(&sessions).await;
}

#[tokio::test]
async fn an_authentication_is_renewed_without_redis() {
    let mut server = Server::start().await;
    let (_, sessions) = open(server.connection());
    let session = session(1);
    begin(&sessions, &session).await;
    server.kill();
    let at = NOW.plus(Duration::from_mins(1));
    let (user, id) = (session.user_id.clone(), session.id);
    let renewal = Reauthenticate { user, session: id, epoch: 3, at, methods: Vec::new() };
    assert_eq!(sessions.advance_authentication(&renewal).await.unwrap(), Advanced::Yes);
}
