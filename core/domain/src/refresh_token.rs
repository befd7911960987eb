use std::fmt;
use std::time::Duration;

use crate::{Session, SessionId, Timestamp, UserId};

/// An opaque refresh token: it names user, session and generation, and carries a MAC over them
/// under the session's key. Parsing proves nothing; whoever uses it checks the MAC first.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// Whose session.
    pub user: UserId,
    /// Which session.
    pub session: SessionId,
    /// Which rotation of its token; the first is 1.
    pub generation: u64,
    /// HMAC-SHA-256 over [`RefreshToken::signed_bytes`].
    pub mac: [u8; 32],
}

/// The text is no refresh token of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a refresh token")]
pub struct RefreshTokenError;

/// The one layout so far: it is under the MAC, so a later one cannot be mistaken for it.
const LAYOUT: u8 = 1;
const FIXED_BYTES: usize = 1 + 16 + 8 + 32;

/// The longest token in bytes: the fixed part and the longest user id.
pub const TOKEN_BYTES_MAX: usize = FIXED_BYTES + 128;

impl RefreshToken {
    /// What the MAC is over: layout, session, generation and user.
    pub fn signed_bytes(user: &UserId, session: SessionId, generation: u64) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FIXED_BYTES + user.as_str().len());
        bytes.push(LAYOUT);
        bytes.extend_from_slice(session.bytes());
        bytes.extend_from_slice(&generation.to_be_bytes());
        bytes.extend_from_slice(user.as_str().as_bytes());
        bytes
    }

    /// The token as bytes; the edge writes them as base64url.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Self::signed_bytes(&self.user, self.session, self.generation);
        bytes.extend_from_slice(&self.mac);
        bytes
    }

    /// Reads the bytes of a token.
    pub fn parse(bytes: &[u8]) -> Result<Self, RefreshTokenError> {
        if bytes.len() > TOKEN_BYTES_MAX {
            return Err(RefreshTokenError);
        }
        let (&layout, rest) = bytes.split_first().ok_or(RefreshTokenError)?;
        let (session, rest) = rest.split_first_chunk::<16>().ok_or(RefreshTokenError)?;
        let (generation, rest) = rest.split_first_chunk::<8>().ok_or(RefreshTokenError)?;
        let (user, mac) = rest.split_last_chunk::<32>().ok_or(RefreshTokenError)?;
        let user = std::str::from_utf8(user).map_err(|_| RefreshTokenError)?;
        if layout != LAYOUT {
            return Err(RefreshTokenError);
        }
        Ok(Self {
            user: UserId::parse(user).map_err(|_| RefreshTokenError)?,
            session: SessionId::from_bytes(*session),
            generation: u64::from_be_bytes(*generation),
            mac: *mac,
        })
    }
}

/// A token is a credential: logs show that there is one.
impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(…)")
    }
}

/// What a genuine refresh token is answered with, given the session's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshDecision {
    /// It is the newest: move the record to `to`, if it is still at `from`.
    Rotate {
        /// The generation the record must have.
        from: u64,
        /// The generation to move to.
        to: u64,
    },
    /// It is newer than the record (a restored backup, a failover that lost its last second): move
    /// the record past it.
    CatchUp {
        /// The generation the record must have.
        from: u64,
        /// The generation to move to.
        to: u64,
    },
    /// It was replaced within the leeway: two tabs, or an answer that was lost. Answer with the
    /// newest token and change nothing.
    Repeat,
    /// It was replaced long ago, and its successor's answer has been forgiven as lost already:
    /// answer with the newest token and change nothing.
    Forgiven,
    /// It was replaced long ago, but nothing shows a thief yet: record that the answer was lost,
    /// then answer with the newest token.
    Forgive {
        /// The newest generation, whose answer is taken to have been lost.
        generation: u64,
        /// The forgiven generation that the record must still have.
        forgiven: u64,
    },
    /// Somebody uses a copy: end the session.
    Replay,
}

impl RefreshDecision {
    /// Decides by the rules of `api.md`, "The refresh token".
    pub fn of(session: &Session, presented: u64, now: Timestamp, leeway: Duration) -> Self {
        let newest = session.generation;
        if presented == newest {
            return Self::Rotate { from: newest, to: newest.saturating_add(1) };
        }
        if presented > newest {
            return Self::CatchUp { from: newest, to: presented.saturating_add(1) };
        }
        if presented != newest - 1 {
            return Self::Replay;
        }
        // A clock that reads earlier than the rotation counts as inside the leeway.
        if now < session.rotated_at.plus(leeway) {
            return Self::Repeat;
        }
        match session.forgiven_generation {
            forgiven if forgiven == newest => Self::Forgiven,
            // The predecessor's answer was lost as well, or a thief stays one step behind.
            forgiven if forgiven == presented => Self::Replay,
            forgiven => Self::Forgive { generation: newest, forgiven },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Client;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_731_333_100_000);
    const LEEWAY: Duration = Duration::from_secs(10);

    fn session_at(generation: u64, forgiven_generation: u64) -> Session {
        Session {
            id: SessionId::new(NOW, [1; 10]),
            user_id: UserId::new(NOW, [2; 10]),
            epoch: 0,
            generation,
            forgiven_generation,
            rotated_at: NOW,
            rotated_by: None,
            sealed_refresh_key: Box::default(),
            methods: vec![],
            authenticated_at: NOW,
            client: Client::new(None, None),
            created_at: NOW,
            last_used_at: NOW,
            idle_expires_at: NOW,
            expires_at: NOW,
            end: None,
        }
    }

    fn decide(session: &Session, presented: u64, later: u64) -> RefreshDecision {
        RefreshDecision::of(session, presented, NOW.plus(Duration::from_secs(later)), LEEWAY)
    }

    #[test]
    fn the_newest_token_rotates_and_one_ahead_catches_up() {
        let session = session_at(5, 0);
        assert_eq!(decide(&session, 5, 0), RefreshDecision::Rotate { from: 5, to: 6 });
        assert_eq!(decide(&session, 9, 0), RefreshDecision::CatchUp { from: 5, to: 10 });
    }

    #[test]
    fn the_predecessor_is_repeated_within_the_leeway_and_before_the_rotation() {
        let session = session_at(5, 4);
        assert_eq!(decide(&session, 4, 0), RefreshDecision::Repeat);
        assert_eq!(decide(&session, 4, 9), RefreshDecision::Repeat);
        let earlier = NOW.minus(Duration::from_secs(5));
        assert_eq!(RefreshDecision::of(&session, 4, earlier, LEEWAY), RefreshDecision::Repeat);
    }

    #[test]
    fn one_lost_answer_is_forgiven_and_two_in_a_row_are_a_replay() {
        let forgive = RefreshDecision::Forgive { generation: 5, forgiven: 2 };
        assert_eq!(decide(&session_at(5, 2), 4, 10), forgive);
        assert_eq!(decide(&session_at(5, 5), 4, 3600), RefreshDecision::Forgiven);
        assert_eq!(decide(&session_at(5, 4), 4, 10), RefreshDecision::Replay);
    }

    #[test]
    fn the_second_token_of_a_session_may_be_lost_too() {
        let forgive = RefreshDecision::Forgive { generation: 2, forgiven: 0 };
        assert_eq!(decide(&session_at(2, 0), 1, 10), forgive);
    }

    #[test]
    fn a_grandparent_is_a_replay_even_inside_the_leeway() {
        assert_eq!(decide(&session_at(5, 0), 3, 0), RefreshDecision::Replay);
        assert_eq!(decide(&session_at(5, 0), 0, 0), RefreshDecision::Replay);
        assert_eq!(decide(&session_at(1, 0), 0, 20), RefreshDecision::Replay);
    }

    proptest! {
        #[test]
        fn a_token_reads_back(
            session: [u8; 16],
            generation: u64,
            mac: [u8; 32],
            user in "[!-~]{1,128}",
        ) {
            let token = RefreshToken {
                user: UserId::parse(&user).unwrap(),
                session: SessionId::from_bytes(session),
                generation,
                mac,
            };
            prop_assert_eq!(RefreshToken::parse(&token.to_bytes()), Ok(token));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(token) = RefreshToken::parse(&bytes) {
                prop_assert_eq!(token.to_bytes(), bytes);
            }
        }
    }
}
