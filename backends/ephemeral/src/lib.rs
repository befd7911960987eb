//! Rate limits in process and in Redis; sessions in Redis.
//!
//! Everything in Redis hangs on one [`RedisConnection`], which connects when it is first needed and
//! again whenever it has to. Each command and each script touches keys of one hash tag only.

mod connection;
mod dialer;
mod failure;
mod fallback_limiter;
mod keys;
mod live_sessions;
mod memory_limiter;
mod redis_limiter;
mod redis_sessions;
mod rotation;
mod session_ends;
mod tls;

pub use connection::RedisConnection;
pub use dialer::{OpenRedisError, RedisSettings};
pub use fallback_limiter::FallbackLimiter;
pub use memory_limiter::MemoryLimiter;
pub use redis_limiter::RedisLimiter;
pub use redis_sessions::RedisSessions;
pub use session_ends::RedisSessionEnds;
