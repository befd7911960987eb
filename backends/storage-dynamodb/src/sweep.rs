//! Removing what is over.

use std::time::Duration;

use contracts::{Expiry, StoreError};
use domain::Timestamp;
use tokio::time::Instant;

use crate::DynamoStorage;
use crate::codes::to_challenge;
use crate::fields::moment;
use crate::row::{Item, Row};
use crate::table::{Key, Kind};
use crate::write::{Action, Written};

/// How long deletions begin before the rest is left to the next turn.
pub(crate) const PATIENCE: Duration = Duration::from_millis(1200);
/// How much longer those that follow from them may begin.
const MORE_PATIENCE: Duration = Duration::from_millis(400);

impl DynamoStorage {
    /// The kinds go side by side, each until its own limit or the end of patience.
    pub(crate) async fn sweep(&self, expiry: Expiry, limit: usize) -> Result<usize, StoreError> {
        let until = Instant::now() + PATIENCE;
        let (revocations, sessions, devices, codes) = tokio::try_join!(
            self.sweep_kind(Kind::Revocation, expiry.now, limit, until),
            self.sweep_kind(Kind::Session, expiry.sessions, limit, until),
            self.sweep_kind(Kind::Device, expiry.now, limit, until),
            self.sweep_kind(Kind::Code, expiry.now, limit, until),
        )?;
        // Nobody follows a challenge without a code. One that is missed expires by itself.
        let mut challenges = Vec::new();
        for code in &codes {
            challenges.push(Action::delete(Key::challenge(to_challenge(Row(code))?)));
        }
        self.delete_each(challenges, until + MORE_PATIENCE).await?;
        Ok(revocations.len() + sessions.len() + devices.len() + codes.len())
    }

    /// What the index knows to be over is removed if it still is: a device may be known for longer
    /// by now, and a code be another one.
    async fn sweep_kind(
        &self,
        kind: Kind,
        over_at: Timestamp,
        limit: usize,
        until: Instant,
    ) -> Result<Vec<Item>, StoreError> {
        let due = self.list_due(kind, over_at, limit).await?;
        let delete = |key| {
            Action::delete(key)
                .when("#expires_at_ms <= :over_at")
                .value(":over_at", moment(over_at))
        };
        self.delete_each(due.into_iter().map(delete).collect(), until).await
    }

    /// Carries out deletions, and begins with no more of them after `until`. Returns the items that
    /// are gone by them; what somebody else removed is not among them.
    pub(crate) async fn delete_each(
        &self,
        actions: Vec<Action>,
        until: Instant,
    ) -> Result<Vec<Item>, StoreError> {
        let delete = |storage: Self, action| async move { storage.write(action).await };
        let written = self.each_until(until, actions, delete).await?;
        Ok(written
            .into_iter()
            .filter_map(|written| match written {
                Written::Done(item) if !item.is_empty() => Some(item),
                Written::Done(_) | Written::Unmet(_) => None,
            })
            .collect())
    }
}
