use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use contracts::{EventSink, OutboxEvent, PublishError, StoreError};
use domain::SessionId;
use tokio::time::Instant;

use crate::RedisConnection;
use crate::live_sessions::LiveSessions;

/// How long after a failure Redis is not asked: one that hangs keeps each who asks for a second,
/// and behind one event there may be a hundred more.
const PAUSE: Duration = Duration::from_secs(1);

/// Deletes in Redis what an event says has ended.
///
/// For a session that is no more than tidiness: the main store knows that it has ended, and its key
/// expires a day after the session would have. So while Redis is down such an event counts as
/// taken. That a user was deleted does not, and is offered again until nothing of them is there.
pub struct RedisSessionEnds {
    live: LiveSessions,
    asked_again_at: Mutex<Option<Instant>>,
}

impl RedisSessionEnds {
    /// Deletes in that Redis.
    pub fn new(connection: RedisConnection) -> Self {
        Self { live: LiveSessions::new(connection), asked_again_at: Mutex::default() }
    }

    async fn ask(
        &self,
        deletion: impl Future<Output = Result<(), StoreError>> + Send,
    ) -> Result<(), StoreError> {
        if self.is_pausing() {
            return Err(StoreError::Unavailable("Redis did not answer a moment ago".into()));
        }
        match deletion.await {
            // A key of somebody else's in our place: nothing of ours is there, now or later.
            Err(error @ StoreError::Malformed { .. }) => {
                let error = contracts::chain(&error);
                tracing::warn!(error, "Redis has something else where sessions were to be deleted");
                Ok(())
            }
            Err(error) => {
                self.pause();
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }

    fn is_pausing(&self) -> bool {
        let until = *self.asked_again_at.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn pause(&self) {
        let mut until = self.asked_again_at.lock().unwrap_or_else(PoisonError::into_inner);
        *until = Some(Instant::now() + PAUSE);
    }
}

#[async_trait]
impl EventSink for RedisSessionEnds {
    async fn publish(&self, event: &OutboxEvent) -> Result<(), PublishError> {
        let Some(user) = &event.subject else { return Ok(()) };
        match event.name.as_str() {
            "user.deleted" => {
                let deleted = self.ask(self.live.delete_all(user)).await;
                deleted.map_err(|error| PublishError(error.into()))
            }
            "session.revoked" => {
                // Where none is named, the user's epoch has ended them, and they expire.
                if let Some(session) = session_of(event) {
                    let deleted = self.ask(self.live.delete(user, session)).await;
                    tell_if_failed(deleted);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn tell_if_failed(deleted: Result<(), StoreError>) {
    if let Err(error) = deleted {
        let error = contracts::chain(&error);
        tracing::debug!(error, "a session that has ended stays in Redis until it expires");
    }
}

/// The session that the envelope names, if it names one.
fn session_of(event: &OutboxEvent) -> Option<SessionId> {
    let envelope: serde_json::Value = serde_json::from_str(&event.envelope).ok()?;
    SessionId::parse(envelope.get("data")?.get("id")?.as_str()?).ok()
}
