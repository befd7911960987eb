//! Removing what is over.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contracts::{Expiry, StoreError};
use domain::Timestamp;

use crate::DynamoStorage;
use crate::codes::to_challenge;
use crate::fields::moment;
use crate::row::{Item, Row};
use crate::table::{Key, Kind};
use crate::write::{Action, Written};

/// How long deletions go on before the rest is left to the next turn.
pub(crate) const PATIENCE: Duration = Duration::from_millis(1500);

impl DynamoStorage {
    /// The kinds go side by side, each until its own limit or the end of patience.
    pub(crate) async fn sweep(&self, expiry: Expiry, limit: usize) -> Result<usize, StoreError> {
        let (revocations, sessions, devices, codes) = tokio::try_join!(
            self.sweep_kind(Kind::Revocation, expiry.now, limit),
            self.sweep_kind(Kind::Session, expiry.sessions, limit),
            self.sweep_kind(Kind::Device, expiry.now, limit),
            self.sweep_kind(Kind::Code, expiry.now, limit),
        )?;
        // Nobody follows a challenge without a code. One that is missed expires by itself.
        let mut challenges = Vec::new();
        for code in &codes {
            challenges.push(Action::delete(Key::challenge(to_challenge(Row(code))?)));
        }
        self.delete_each(challenges).await?;
        Ok(revocations.len() + sessions.len() + devices.len() + codes.len())
    }

    /// What the index knows to be over is removed if it still is: a device may be known for longer
    /// by now, and a code be another one.
    async fn sweep_kind(
        &self,
        kind: Kind,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let due = self.list_due(kind, until, limit).await?;
        let delete = |key| {
            Action::delete(key).when("#expires_at_ms <= :until").value(":until", moment(until))
        };
        self.delete_each(due.into_iter().map(delete).collect()).await
    }

    /// Carries out deletions until patience is over. Returns the items that are gone by them; what
    /// somebody else removed is not among them.
    pub(crate) async fn delete_each(&self, actions: Vec<Action>) -> Result<Vec<Item>, StoreError> {
        let gone = Arc::new(Mutex::new(Vec::new()));
        let deletions = self.each(actions, |storage, action| {
            let gone = Arc::clone(&gone);
            async move {
                if let Written::Done(item) = storage.write(action).await?
                    && !item.is_empty()
                {
                    gone.lock().unwrap_or_else(PoisonError::into_inner).push(item);
                }
                Ok(())
            }
        });
        // Whatever is not removed by then is left to the next turn.
        if let Ok(Err(error)) = tokio::time::timeout(PATIENCE, deletions).await {
            return Err(error);
        }
        let mut gone = gone.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut *gone))
    }
}
