//! Limits in Redis, beyond the contract.

use std::time::Duration;

use contracts::{Draw, Drawn, LimitKey, Limiter, StoreError};
use ephemeral::RedisLimiter;

use crate::fixtures::{Corner, daily, draw, succeeds};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[tokio::test]
async fn a_quota_comes_back_by_the_clock_of_redis() {
    let corner = Corner::new();
    let limiter = RedisLimiter::new(corner.connection());
    let draw = draw(1, 2, Duration::from_millis(600));
    assert!(succeeds(&limiter, &draw).await);
    assert!(succeeds(&limiter, &draw).await);
    let Drawn::No { wait } = limiter.draw(&draw).await.unwrap() else {
        panic!("a third draw succeeded");
    };
    assert!(wait > Duration::ZERO && wait <= Duration::from_millis(300), "{wait:?}");
    tokio::time::sleep(wait).await;
    assert!(succeeds(&limiter, &draw).await);
    assert!(!succeeds(&limiter, &draw).await);
}

#[tokio::test]
async fn two_connections_share_a_limit() {
    let corner = Corner::new();
    let [one, other] = [corner.connection(), corner.connection()].map(RedisLimiter::new);
    assert!(succeeds(&one, &daily(1, 2)).await);
    assert!(succeeds(&other, &daily(1, 2)).await);
    assert!(!succeeds(&one, &daily(1, 2)).await);
    other.give_back(&daily(1, 2)).await.unwrap();
    assert!(succeeds(&one, &daily(1, 2)).await);
    assert!(!succeeds(&other, &daily(1, 2)).await);
}

#[tokio::test]
async fn a_key_is_gone_when_its_quota_is_whole() {
    let corner = Corner::new();
    let limiter = RedisLimiter::new(corner.connection());
    let left = || {
        let keys = corner.keys();
        assert_eq!(keys.len(), 1, "{keys:?}");
        corner.ask::<i64>(&["PTTL", &keys[0]])
    };
    for (draws, days_of_three) in [(1, 1), (2, 2), (3, 3), (4, 3)] {
        assert_eq!(succeeds(&limiter, &daily(1, 3)).await, draws <= 3);
        let expected = DAY_MS / 3 * days_of_three;
        assert!((expected - 10_000..=expected).contains(&left()), "{draws}");
    }
    limiter.give_back(&daily(1, 3)).await.unwrap();
    assert!(left() <= DAY_MS / 3 * 2);
    for _ in 0..2 {
        limiter.give_back(&daily(1, 3)).await.unwrap();
    }
    assert_eq!(corner.keys(), [""; 0]);
}

#[tokio::test]
async fn a_key_names_nothing_but_the_limit_and_has_one_hash_tag() {
    let corner = Corner::new();
    let limiter = RedisLimiter::new(corner.connection());
    let draw = Draw { key: LimitKey(*b"\x00\x01\x02\x03456789:;<=>\xff"), ..daily(1, 1) };
    assert!(succeeds(&limiter, &draw).await);
    let expected = format!("{}limit:{{000102033435363738393a3b3c3d3eff}}", corner.prefix);
    assert_eq!(corner.keys(), [expected]);
}

#[tokio::test]
async fn the_longest_quota_is_counted_to_the_millisecond() {
    let corner = Corner::new();
    let limiter = RedisLimiter::new(corner.connection());
    let one = daily(1, 1);
    assert!(succeeds(&limiter, &one).await);
    let Drawn::No { wait } = limiter.draw(&one).await.unwrap() else {
        panic!("a second draw succeeded");
    };
    assert!(wait > Duration::from_millis(DAY_MS.unsigned_abs() - 10_000), "{wait:?}");
    assert!(wait <= Duration::from_millis(DAY_MS.unsigned_abs()), "{wait:?}");
}

#[tokio::test]
async fn scripts_that_the_server_has_forgotten_are_sent_again() {
    let server = crate::server::Server::start().await;
    let limiter = RedisLimiter::new(server.connection());
    assert!(succeeds(&limiter, &daily(1, 2)).await);
    let () = server.ask(&["SCRIPT", "FLUSH"]);
    assert!(succeeds(&limiter, &daily(1, 2)).await);
    assert!(!succeeds(&limiter, &daily(1, 2)).await);
}

#[tokio::test]
async fn a_key_of_somebody_else_is_malformed() {
    let corner = Corner::new();
    let limiter = RedisLimiter::new(corner.connection());
    assert!(succeeds(&limiter, &daily(1, 2)).await);
    let key = corner.keys().remove(0);
    for words in [["SET", &key, "tomorrow"].as_slice(), &["DEL", &key], &["LPUSH", &key, "a"]] {
        let _: redis::Value = corner.ask(words);
        if words[0] != "DEL" {
            let drawn = limiter.draw(&daily(1, 2)).await;
            assert!(matches!(drawn, Err(StoreError::Malformed { .. })), "{words:?} {drawn:?}");
            let given = limiter.give_back(&daily(1, 2)).await;
            assert!(matches!(given, Err(StoreError::Malformed { .. })), "{words:?} {given:?}");
        }
    }
}
