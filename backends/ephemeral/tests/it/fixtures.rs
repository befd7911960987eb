//! Draws, and a corner of one's own on the Redis that all tests share.

use std::num::NonZeroU32;
use std::time::Duration;

use contracts::{Draw, Drawn, LimitKey, Limiter};
use domain::{Quota, Timestamp};
use ephemeral::{RedisConnection, RedisSettings};
use redis::{Connection, FromRedisValue};

/// The present of tests that do not go by a server's clock.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_ms(1_795_332_900_000);

/// `count` in that time, for the key of that number.
pub(crate) fn draw(key: u8, count: u32, period: Duration) -> Draw {
    let quota = Quota::new(NonZeroU32::new(count).unwrap(), period).unwrap();
    Draw { key: LimitKey([key; 16]), quota, at: NOW }
}

/// `count` in a day.
pub(crate) fn daily(key: u8, count: u32) -> Draw {
    draw(key, count, Duration::from_hours(24))
}

pub(crate) async fn succeeds(limiter: &dyn Limiter, draw: &Draw) -> bool {
    limiter.draw(draw).await.unwrap() == Drawn::Yes
}

pub(crate) fn connect(settings: RedisSettings) -> RedisConnection {
    RedisConnection::open(settings).unwrap()
}

/// Keys that nobody else uses on the server that `TEST_REDIS_URL` names, gone with this value.
pub(crate) struct Corner {
    url: String,
    pub(crate) prefix: String,
}

impl Corner {
    #[allow(clippy::disallowed_methods, reason = "a test finds its server and its place there")]
    pub(crate) fn new() -> Self {
        let url = std::env::var("TEST_REDIS_URL");
        let url = url.expect("TEST_REDIS_URL names a Redis for tests; `cargo xtask test` sets it");
        Self { url, prefix: format!("test-{}:", uuid::Uuid::new_v4().simple()) }
    }

    /// A connection of one's own to this corner.
    pub(crate) fn connection(&self) -> RedisConnection {
        connect(RedisSettings {
            key_prefix: self.prefix.clone(),
            ..RedisSettings::new(self.url.as_str().into())
        })
    }

    /// Asks the server something that our own code does not.
    pub(crate) fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let (name, arguments) = words.split_first().unwrap();
        redis::cmd(name).arg(arguments).query(&mut self.plain()).unwrap()
    }

    /// All keys in this corner.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.ask(&["KEYS", &format!("{}*", self.prefix)])
    }

    fn plain(&self) -> Connection {
        redis::Client::open(self.url.as_str()).unwrap().get_connection().unwrap()
    }
}

impl Drop for Corner {
    fn drop(&mut self) {
        let keys = self.keys();
        if !keys.is_empty() {
            let _: u64 = redis::cmd("DEL").arg(keys).query(&mut self.plain()).unwrap();
        }
    }
}
