use std::time::Duration;

use contracts::Expiry;

use crate::Service;
use crate::failure::Failure;

/// Rows that one step removes: short enough to stand in nobody's way.
const STEP: usize = 500;
/// Steps of one sweep; the next sweep goes on.
const STEPS_MAX: usize = 200;
/// How long expired sessions stay, so that their tokens are refused as expired and not as unknown.
const KEEP: Duration = Duration::from_hours(24);

impl Service {
    /// Removes rows that serve nobody any more. Returns how many went.
    pub async fn sweep(&self) -> Result<usize, Failure> {
        let now = self.clock.now();
        let expiry = Expiry { now, sessions: now.minus(KEEP) };
        let mut swept = 0;
        for _ in 0..STEPS_MAX {
            let step = self.stores.revocations.delete_expired(expiry, STEP).await?;
            swept += step;
            if step < STEP {
                break;
            }
        }
        Ok(swept)
    }
}
