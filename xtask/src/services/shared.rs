//! The servers that all tests of a run share.

use std::path::Path;
use std::thread::{self, ScopedJoinHandle};
use std::time::Instant;

use servers::{Dynamo, Mongo, Postgres, Redis, ServerError};

use crate::Result;

/// One of each kind. They end when dropped, and also when this process is killed.
pub(crate) struct Shared {
    postgres: Postgres,
    redis: Redis,
    mongo: Mongo,
    dynamo: Dynamo,
}

impl Shared {
    /// Starts them all at once; those in Python lie beside `python`.
    pub(crate) fn start(python: &Path) -> Result<Self> {
        let started = Instant::now();
        let shared = thread::scope(|scope| {
            let postgres = scope.spawn(Postgres::start);
            let redis = scope.spawn(Redis::start);
            let mongo = scope.spawn(|| Mongo::start_with(python));
            let dynamo = scope.spawn(|| Dynamo::start_with(python));
            // Each is waited for, so that none is left when another fails.
            let (postgres, redis) = (joined(postgres), joined(redis));
            let (mongo, dynamo) = (joined(mongo), joined(dynamo));
            servers::Result::Ok(Self {
                postgres: postgres?,
                redis: redis?,
                mongo: mongo?,
                dynamo: dynamo?,
            })
        })?;
        eprintln!("the servers answer after {:.1} s", started.elapsed().as_secs_f64());
        Ok(shared)
    }

    /// Where the tests find them.
    pub(crate) fn variables(&self) -> [(&'static str, String); 4] {
        [
            ("TEST_POSTGRES_URL", self.postgres.url()),
            ("TEST_REDIS_URL", self.redis.url()),
            ("TEST_MONGODB_URI", self.mongo.uri()),
            ("TEST_DYNAMODB_ENDPOINT", self.dynamo.endpoint()),
        ]
    }
}

fn joined<T>(server: ScopedJoinHandle<'_, servers::Result<T>>) -> servers::Result<T> {
    server.join().unwrap_or_else(|_| Err(ServerError::new("the thread that starts it panicked")))
}
