//! Removing what is over.

use std::time::Duration;

use contracts::{Expiry, StoreError};
use domain::Timestamp;
use tokio::time::Instant;

use crate::DynamoStorage;
use crate::fields::moment;
use crate::table::Kind;
use crate::write::{Action, Written};

/// How long deletions begin before the rest is left to the next turn.
pub(crate) const PATIENCE: Duration = Duration::from_millis(1200);

impl DynamoStorage {
    /// The kinds go side by side, each until its own limit or the end of patience. Challenges are
    /// not counted: they go with their codes, for whoever counts.
    pub(crate) async fn sweep(&self, expiry: Expiry, limit: usize) -> Result<usize, StoreError> {
        let until = Instant::now() + PATIENCE;
        let (revocations, sessions, devices, trusted, codes, pending, _) = tokio::try_join!(
            self.sweep_kind(Kind::Revocation, expiry.now, limit, until),
            self.sweep_kind(Kind::Session, expiry.sessions, limit, until),
            self.sweep_kind(Kind::Device, expiry.now, limit, until),
            self.sweep_kind(Kind::TrustedDevice, expiry.now, limit, until),
            self.sweep_kind(Kind::Code, expiry.now, limit, until),
            self.sweep_kind(Kind::PendingSignIn, expiry.now, limit, until),
            self.sweep_kind(Kind::Challenge, expiry.now, limit, until),
        )?;
        Ok(revocations + sessions + devices + trusted + codes + pending)
    }

    /// What the index knows to be over is removed if it still is: a device may be known for longer
    /// by now, and a code be another one. Returns how many went.
    async fn sweep_kind(
        &self,
        kind: Kind,
        over_at: Timestamp,
        limit: usize,
        until: Instant,
    ) -> Result<usize, StoreError> {
        let due = self.list_due(kind, over_at, limit).await?;
        if kind == Kind::Revocation && !due.is_empty() {
            self.note_sweep(over_at).await?;
        }
        let delete = |(_, key)| {
            Action::delete(key)
                .when("#expires_at_ms <= :over_at")
                .value(":over_at", moment(over_at))
        };
        self.delete_each(due.into_iter().map(delete).collect(), until).await
    }

    /// Carries out deletions, and begins with no more of them after `until`. Returns how many
    /// items are gone by them; what somebody else removed is not among them.
    pub(crate) async fn delete_each(
        &self,
        actions: Vec<Action>,
        until: Instant,
    ) -> Result<usize, StoreError> {
        let delete = |storage: Self, action| async move { storage.write(action).await };
        let written = self.each_until(until, actions, delete).await?;
        let is_gone =
            |written: &Written| matches!(written, Written::Done(item) if !item.is_empty());
        Ok(written.iter().filter(|written| is_gone(written)).count())
    }
}
