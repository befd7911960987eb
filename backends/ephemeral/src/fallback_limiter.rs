use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use contracts::{Draw, Drawn, LimitKey, Limiter, StoreError};
use domain::{Quota, Timestamp};
use tokio::time::{sleep, timeout};

use crate::MemoryLimiter;

/// How long the shared limiter may take: whoever signs in must not notice that it is gone.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often it is asked again in an outage, by nobody's request.
const ASKED_EVERY: Duration = Duration::from_millis(500);
/// How long it may take then. Longer than it takes to find a connection dead, which whoever gives
/// up earlier never learns.
const TRIED_FOR: Duration = Duration::from_secs(5);

/// Draws on what all instances share, and where that does not answer, on what this instance counts
/// alone. Never fails.
///
/// After the first failure every draw is decided here at once, until the shared limiter answers
/// again. So in an outage a quota holds for each instance by itself, and begins whole.
pub struct FallbackLimiter {
    shared: Arc<dyn Limiter>,
    local: MemoryLimiter,
    is_outage: Arc<AtomicBool>,
    decided_alone: AtomicU64,
}

impl FallbackLimiter {
    /// Draws on `shared`, or else on `local`.
    pub fn new(shared: Arc<dyn Limiter>, local: MemoryLimiter) -> Self {
        Self { shared, local, is_outage: Arc::default(), decided_alone: AtomicU64::new(0) }
    }

    /// How many draws were decided by this instance alone.
    pub fn fallbacks(&self) -> u64 {
        self.decided_alone.load(Ordering::Relaxed)
    }

    /// What the shared limiter says; nothing in an outage, and when one begins.
    async fn ask<T: Send>(
        &self,
        question: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Option<T> {
        if self.is_outage.load(Ordering::Relaxed) {
            return None;
        }
        let answer = timeout(PATIENCE, question).await;
        match answer.unwrap_or_else(|late| Err(StoreError::Unavailable(late.into()))) {
            Ok(answer) => Some(answer),
            // One key of somebody else's in our place: the others are not worse for it.
            Err(StoreError::Malformed { .. }) => None,
            Err(error) => {
                self.begin_outage(&error);
                None
            }
        }
    }

    fn begin_outage(&self, error: &StoreError) {
        if self.is_outage.swap(true, Ordering::Relaxed) {
            return;
        }
        let reason = contracts::chain(error);
        tracing::warn!(error = reason, "limits are counted by each instance alone for now");
        let outage = Outage(self.is_outage.clone());
        tokio::spawn(outage.last_until_answered(Arc::downgrade(&self.shared)));
    }
}

#[async_trait]
impl Limiter for FallbackLimiter {
    async fn draw(&self, draw: &Draw) -> Result<Drawn, StoreError> {
        if let Some(drawn) = self.ask(self.shared.draw(draw)).await {
            return Ok(drawn);
        }
        self.decided_alone.fetch_add(1, Ordering::Relaxed);
        Ok(self.local.draw_now(draw))
    }

    async fn give_back(&self, draw: &Draw) -> Result<(), StoreError> {
        // What was drawn here is given back here, also if the outage is over by now: otherwise the
        // shared quota would get back what was never taken from it. Of draws on one key here and
        // there, those here go first, whichever was meant.
        if self.local.has_drawn(draw) {
            self.local.give_back_now(draw);
        } else {
            // Nothing was drawn here, so where nobody answers it stays drawn until its time.
            self.ask(self.shared.give_back(draw)).await;
        }
        Ok(())
    }

    fn decided_alone(&self) -> u64 {
        self.fallbacks()
    }
}

/// Lasts as long as this value, so that no task which died can make it last for ever.
struct Outage(Arc<AtomicBool>);

impl Outage {
    async fn last_until_answered(self, shared: Weak<dyn Limiter>) {
        loop {
            sleep(ASKED_EVERY).await;
            let Some(shared) = shared.upgrade() else { return };
            if let Ok(Ok(_)) = timeout(TRIED_FOR, shared.draw(&trial())).await {
                tracing::info!("limits are shared by all instances again");
                return;
            }
        }
    }
}

impl Drop for Outage {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// A draw on nobody's quota. A real one, because a server may answer and still write nothing.
fn trial() -> Draw {
    let quota = Quota::new(NonZeroU32::MIN, Duration::from_millis(1));
    let quota = quota.expect("one in each millisecond has a step of a millisecond");
    Draw { key: LimitKey([0; 16]), quota, at: Timestamp::from_unix_ms(0) }
}
