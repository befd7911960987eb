use crate::{SessionId, Timestamp, UserId};

/// That something ended before its tokens expired. Written in the same operation as the end, and
/// kept until the last token that it could concern has expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// What ended.
    pub scope: RevocationScope,
    /// When it ended.
    pub ended_at: Timestamp,
    /// When no token can be left: the access-token lifetime and a minute later.
    pub expires_at: Timestamp,
}

/// What a revocation ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevocationScope {
    /// One session.
    Session(SessionId),
    /// Every session of a user that began before an epoch, save perhaps one.
    User {
        /// Whose.
        user: UserId,
        /// Tokens of an earlier epoch are dead.
        epoch_below: u64,
        /// The session that lives on.
        except: Option<SessionId>,
    },
}
