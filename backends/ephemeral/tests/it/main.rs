//! Limits and connections on a real Redis: the shared one of the tests, and where a server has to
//! die, hang or refuse, one of the test's own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod credentials;
mod cut_off;
mod fallback;
mod fixtures;
mod limits;
mod main_store;
mod outage;
mod protection;
mod server;
mod session_ends;
mod sessions;

mod memory {
    //! The contract, in process.

    use contract_tests::LimiterAlone;
    use ephemeral::MemoryLimiter;

    #[allow(clippy::unused_async, reason = "backends on a server wait for it")]
    async fn open() -> LimiterAlone {
        LimiterAlone { limiter: std::sync::Arc::new(MemoryLimiter::new()), home: Box::new(()) }
    }

    contract_tests::limit_tests!(open);
    contract_tests::limit_in_time_tests!(open);
}

mod redis_limits {
    //! The contract, in Redis, which goes by its own clock.

    use contract_tests::LimiterAlone;
    use ephemeral::RedisLimiter;

    use crate::fixtures::Corner;

    #[allow(clippy::unused_async, reason = "the suite waits for it")]
    async fn open() -> LimiterAlone {
        let corner = Corner::new();
        let limiter = RedisLimiter::new(corner.connection());
        LimiterAlone { limiter: std::sync::Arc::new(limiter), home: Box::new(corner) }
    }

    contract_tests::limit_tests!(open);
}

mod fallback_limits {
    //! The contract, where Redis answers.

    use contract_tests::LimiterAlone;
    use ephemeral::{FallbackLimiter, MemoryLimiter, RedisLimiter};

    use crate::fixtures::Corner;

    #[allow(clippy::unused_async, reason = "the suite waits for it")]
    async fn open() -> LimiterAlone {
        let corner = Corner::new();
        let shared = std::sync::Arc::new(RedisLimiter::new(corner.connection()));
        let limiter = FallbackLimiter::new(shared, MemoryLimiter::new());
        LimiterAlone { limiter: std::sync::Arc::new(limiter), home: Box::new(corner) }
    }

    contract_tests::limit_tests!(open);
}
