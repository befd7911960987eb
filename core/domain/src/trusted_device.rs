use crate::{Client, SessionId, Timestamp, TrustedDeviceId, UserId};

/// A browser whose sign-ins do not ask for the second factor for a while, because its user said so
/// when they proved it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedDevice {
    /// Names it, in the token that the browser keeps.
    pub id: TrustedDeviceId,
    /// Whose.
    pub user: UserId,
    /// The user's epoch: whatever ends all sessions ends the trust, too.
    pub epoch: u64,
    /// The session that was begun on it last. Whoever ends it ends the trust.
    pub session: SessionId,
    /// The client as it was at that sign-in.
    pub client: Client,
    /// When the user trusted it.
    pub created_at: Timestamp,
    /// When a session was begun on it last.
    pub last_used_at: Timestamp,
    /// When the trust ends. It does not move.
    pub expires_at: Timestamp,
}
