use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use contracts::Clock;
use domain::Timestamp;

/// When every test begins: 2024-11-11T13:51:40Z.
pub const START: Timestamp = Timestamp::from_unix_ms(1_731_333_100_000);

/// A clock that stands still until it is moved. Clones, and clocks beside it, move together.
#[derive(Clone)]
pub struct TestClock {
    true_ms: Arc<AtomicI64>,
    ahead_ms: i64,
}

impl TestClock {
    /// A clock at [`START`].
    pub fn new() -> Self {
        Self { true_ms: Arc::new(AtomicI64::new(START.unix_ms())), ahead_ms: 0 }
    }

    /// The clock of another instance, which stands that far ahead of the true time, or behind it.
    #[must_use]
    pub fn ahead_by_ms(&self, ahead_ms: i64) -> Self {
        Self { true_ms: Arc::clone(&self.true_ms), ahead_ms }
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.true_ms.fetch_add(by.as_millis().try_into().unwrap(), Ordering::SeqCst);
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.true_ms.load(Ordering::SeqCst) + self.ahead_ms)
    }
}
