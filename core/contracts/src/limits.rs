use std::time::Duration;

use async_trait::async_trait;
use domain::{Quota, Timestamp};

use crate::StoreError;

/// Names whose quota is drawn on: a keyed hash of what is limited and for whom, so that no address
/// can be read from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LimitKey(pub [u8; 16]);

/// One draw on a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// Whose quota.
    pub key: LimitKey,
    /// How much there is of it.
    pub quota: Quota,
    /// When it is drawn on.
    pub at: Timestamp,
}

/// Whether a draw succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// It did.
    Yes,
    /// The quota is used up; nothing was counted.
    No {
        /// How long until a draw can succeed.
        wait: Duration,
    },
}

/// Counts draws on quotas, by the rule of [`Quota::draw`].
#[async_trait]
pub trait Limiter: Send + Sync {
    /// Draws once. Of several callers at once, as many succeed as the quota allows. A limiter that
    /// several instances share may go by a clock of its own instead of `at`.
    async fn draw(&self, draw: &Draw) -> Result<Drawn, StoreError>;

    /// Gives back what one successful draw took. A quota never grows beyond what it is.
    async fn give_back(&self, draw: &Draw) -> Result<(), StoreError>;

    /// How many draws an instance has decided alone so far, because what instances share did not
    /// answer.
    fn decided_alone(&self) -> u64 {
        0
    }
}
