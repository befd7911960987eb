//! A Redis that is stopped, hangs or is cut off: what goes wrong does so soon, and what comes back
//! is used soon.

use std::time::Duration;

use contracts::{Limiter, Probe, StoreError};
use ephemeral::{RedisConnection, RedisLimiter};
use tokio::time::{Instant, sleep, timeout};

use crate::fixtures::daily;
use crate::server::Server;

/// What one operation may take: a second, with something for a machine that is busy.
const SOON: Duration = Duration::from_secs(2);
/// How soon a server that is back is used again.
const BACK_WITHIN: Duration = Duration::from_secs(2);

async fn assert_down(connection: &RedisConnection) {
    let began = Instant::now();
    let checked = timeout(Duration::from_secs(10), connection.check()).await.unwrap();
    assert!(matches!(checked, Err(StoreError::Unavailable(_))), "{checked:?}");
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

async fn assert_back(connection: &RedisConnection) {
    let began = Instant::now();
    while let Err(error) = connection.check().await {
        assert!(began.elapsed() < BACK_WITHIN, "{}", contracts::chain(&error));
        sleep(Duration::from_millis(10)).await;
    }
    assert!(began.elapsed() < BACK_WITHIN, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_connection_opens_before_its_server_runs() {
    let mut server = Server::stopped();
    let connection = server.connection();
    assert_eq!(connection.name(), "ephemeral");
    assert_down(&connection).await;
    server.resume().await;
    assert_back(&connection).await;
}

#[tokio::test]
async fn a_server_that_was_killed_is_used_again_when_it_is_back() {
    let mut server = Server::start().await;
    let connection = server.connection();
    connection.check().await.unwrap();
    for _ in 0..2 {
        server.kill();
        for _ in 0..5 {
            assert_down(&connection).await;
        }
        server.resume().await;
        assert_back(&connection).await;
    }
}

#[tokio::test]
async fn a_restart_that_nobody_saw_costs_nobody_anything() {
    let mut server = Server::start().await;
    let connection = server.connection();
    connection.check().await.unwrap();
    server.kill();
    server.resume().await;
    connection.check().await.unwrap();
    let _: u64 = server.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
    connection.check().await.unwrap();
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_and_used_again_when_it_goes_on() {
    let server = Server::start().await;
    let connection = server.connection();
    connection.check().await.unwrap();
    server.hang();
    for _ in 0..3 {
        assert_down(&connection).await;
    }
    server.go_on();
    assert_back(&connection).await;
}

#[tokio::test]
async fn a_server_that_hangs_keeps_nobody_longer_where_many_ask() {
    let server = Server::start().await;
    let connection = server.connection();
    connection.check().await.unwrap();
    server.hang();
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..200 {
        let connection = connection.clone();
        callers.spawn(async move {
            sleep(Duration::from_millis(number * 5)).await;
            assert_down(&connection).await;
        });
    }
    callers.join_all().await;
    server.go_on();
    assert_back(&connection).await;
    let began = Instant::now();
    let clients = || server.ask::<String>(&["CLIENT", "LIST"]).lines().count();
    while clients() > 2 {
        assert!(began.elapsed() < BACK_WITHIN, "connections were left behind");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn commands_that_wait_for_writes_to_be_let_through_are_given_up() {
    let server = Server::start().await;
    let limiter = RedisLimiter::new(server.connection());
    limiter.draw(&daily(1, 3)).await.unwrap();
    let () = server.ask(&["CLIENT", "PAUSE", "1500", "WRITE"]);
    let began = Instant::now();
    let drawn = limiter.draw(&daily(1, 3)).await;
    assert!(matches!(drawn, Err(StoreError::Unavailable(_))), "{drawn:?}");
    assert!(began.elapsed() < SOON);
    sleep(Duration::from_millis(600)).await;
    limiter.draw(&daily(1, 3)).await.unwrap();
}

/// Nobody answers there (RFC 5737), or the network says at once that there is no way.
#[tokio::test]
async fn a_server_that_cannot_be_reached_is_given_up() {
    let settings = ephemeral::RedisSettings::new("redis://192.0.2.1:6379".into());
    let connection = RedisConnection::open(settings).unwrap();
    for _ in 0..2 {
        assert_down(&connection).await;
    }
}

#[tokio::test]
async fn a_server_that_became_a_replica_is_left() {
    let server = Server::start().await;
    let limiter = RedisLimiter::new(server.connection());
    limiter.draw(&daily(1, 9)).await.unwrap();
    let before: String = server.ask(&["CLIENT", "LIST"]);
    let () = server.ask(&["REPLICAOF", "127.0.0.1", "1"]);
    let drawn = limiter.draw(&daily(1, 9)).await;
    let Err(error @ StoreError::Unavailable(_)) = drawn else { panic!("{drawn:?}") };
    assert!(contracts::chain(&error).contains("read-only"), "{error:?}");
    let after: String = server.ask(&["CLIENT", "LIST"]);
    let id = |list: &str| list.lines().next().unwrap().split(' ').next().unwrap().to_owned();
    assert_ne!(id(&before), id(&after), "the name is looked up anew for another connection");
    let () = server.ask(&["REPLICAOF", "NO", "ONE"]);
    limiter.draw(&daily(1, 9)).await.unwrap();
}
