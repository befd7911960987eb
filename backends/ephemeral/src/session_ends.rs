use async_trait::async_trait;
use contracts::{EventSink, OutboxEvent, PublishError};
use domain::SessionId;

use crate::RedisConnection;
use crate::redis_sessions::LiveSessions;

/// Deletes in Redis what an event says has ended. The relay offers an event again until it is done,
/// so nothing of an erased user or of a session that has ended stays there.
pub struct RedisSessionEnds {
    live: LiveSessions,
}

impl RedisSessionEnds {
    /// Deletes in that Redis.
    pub fn new(connection: RedisConnection) -> Self {
        Self { live: LiveSessions::new(connection) }
    }
}

#[async_trait]
impl EventSink for RedisSessionEnds {
    async fn publish(&self, event: &OutboxEvent) -> Result<(), PublishError> {
        let deleted = match event.name.as_str() {
            "user.deleted" => self.live.delete_all(&event.subject).await,
            // Where no session is named, the user's epoch has ended them, and they expire.
            "session.revoked" => match session_of(event) {
                Some(session) => self.live.delete(&event.subject, session).await,
                None => Ok(()),
            },
            _ => Ok(()),
        };
        deleted.map_err(|error| PublishError(error.into()))
    }
}

/// The session that the envelope names, if it names one.
fn session_of(event: &OutboxEvent) -> Option<SessionId> {
    let envelope: serde_json::Value = serde_json::from_str(&event.envelope).ok()?;
    SessionId::parse(envelope.get("data")?.get("id")?.as_str()?).ok()
}
