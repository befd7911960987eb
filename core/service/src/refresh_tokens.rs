//! Refresh tokens: a MAC over user, session and generation under a random key of the session, which
//! is kept sealed. A leaked database mints nothing.

use contracts::Resealed;
use crypto::{MacKey, OpenError};
use domain::{RefreshToken, Session, SessionId, UserId};

use crate::Service;

impl Service {
    /// A new session's key, and the same sealed for its record.
    pub(crate) fn new_refresh_key(&self, session: SessionId) -> (MacKey, Box<[u8]>) {
        let key = MacKey::new(self.entropy.bytes());
        let sealed = self.data_keys.seal(&identity(session), key.expose(), self.entropy.bytes());
        (key, sealed)
    }

    /// The session's key.
    pub(crate) fn refresh_key(&self, session: &Session) -> Result<MacKey, OpenError> {
        let key = self.data_keys.open(&identity(session.id), &session.sealed_refresh_key)?;
        MacKey::parse(&key).map_err(|_| OpenError::Malformed)
    }

    /// The session's key sealed anew, where another data key than the first had sealed it.
    pub(crate) fn resealed_refresh_key(&self, session: &Session, key: &MacKey) -> Option<Resealed> {
        let old = &session.sealed_refresh_key;
        self.data_keys.needs_reseal(old).then(|| Resealed {
            old: old.clone(),
            new: self.data_keys.seal(&identity(session.id), key.expose(), self.entropy.bytes()),
        })
    }
}

/// The one token of that generation: whoever computes it gets the same.
pub(crate) fn refresh_token(
    key: &MacKey,
    user: &UserId,
    session: SessionId,
    generation: u64,
) -> RefreshToken {
    let mac = key.mac(&RefreshToken::signed_bytes(user, session, generation));
    RefreshToken { user: user.clone(), session, generation, mac }
}

/// Whether we made the token.
pub(crate) fn is_genuine(key: &MacKey, token: &RefreshToken) -> bool {
    let bytes = RefreshToken::signed_bytes(&token.user, token.session, token.generation);
    key.is_genuine(&bytes, &token.mac)
}

/// What ties a sealed key to its session: moved to another row it does not open.
pub(crate) fn identity(session: SessionId) -> String {
    format!("session/{session}/refresh_key")
}
