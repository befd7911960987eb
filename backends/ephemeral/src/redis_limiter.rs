use std::time::Duration;

use async_trait::async_trait;
use contracts::{Draw, Drawn, Limiter, StoreError};
use redis::Script;

use crate::RedisConnection;

/// `Quota::draw` in whole milliseconds, by the server's clock. Answers how long to wait.
const DRAW: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local kept = redis.call('GET', KEYS[1])
local whole_at = now
if kept then
  whole_at = tonumber(kept)
  if not whole_at then return -1 end
end
local next = math.max(whole_at, now) + ARGV[1]
local latest = now + ARGV[2]
if next > latest then return next - latest end
redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', string.format('%.0f', next - now))
return 0";

const GIVE_BACK: &str = "
local kept = redis.call('GET', KEYS[1])
if not kept then return 0 end
local whole_at = tonumber(kept)
if not whole_at then return -1 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local left = whole_at - ARGV[1] - now
if left > 0 then
  redis.call('SET', KEYS[1], string.format('%.0f', now + left), 'PX', string.format('%.0f', left))
else
  redis.call('DEL', KEYS[1])
end
return 0";

/// Counts draws that all instances share, by the clock of Redis. A key is gone when its quota is
/// whole again.
pub struct RedisLimiter {
    connection: RedisConnection,
    draw: Script,
    give_back: Script,
}

impl RedisLimiter {
    /// Limits in that Redis.
    pub fn new(connection: RedisConnection) -> Self {
        Self { connection, draw: Script::new(DRAW), give_back: Script::new(GIVE_BACK) }
    }
}

#[async_trait]
impl Limiter for RedisLimiter {
    async fn draw(&self, draw: &Draw) -> Result<Drawn, StoreError> {
        let mut script = self.draw.key(self.connection.keys().limit(draw.key));
        script.arg(whole_ms(draw.quota.step())).arg(whole_ms(draw.quota.reach()));
        match self.connection.invoke::<i64>(&script).await? {
            0 => Ok(Drawn::Yes),
            wait => {
                let wait = u64::try_from(wait).map_err(|_| malformed())?;
                Ok(Drawn::No { wait: Duration::from_millis(wait) })
            }
        }
    }

    async fn give_back(&self, draw: &Draw) -> Result<(), StoreError> {
        let mut script = self.give_back.key(self.connection.keys().limit(draw.key));
        script.arg(whole_ms(draw.quota.step()));
        match self.connection.invoke::<i64>(&script).await? {
            0 => Ok(()),
            _ => Err(malformed()),
        }
    }
}

fn malformed() -> StoreError {
    StoreError::Malformed { what: "limit", source: "not a moment".into() }
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
