use contracts::{EndSession, EpochRaise, Replaced, StoreError};
use crypto::OpenError;
use domain::{EndReason, EventKind, RefreshToken, SessionEnd, SessionId, SessionState, UserId};

use crate::Service;
use crate::authenticate::{AuthenticateError, Caller};
use crate::event_log::Happening;
use crate::failure::Failure;
use crate::policy::Origin;
use crate::refresh_tokens::is_genuine;

/// Why nobody was signed out.
#[derive(Debug, thiserror::Error)]
pub enum SignOutError {
    /// We did not make the refresh token. Nothing has changed.
    #[error("the refresh token is not genuine")]
    NotGenuine,
    /// The work could not be done.
    #[error("the sign-out could not be completed")]
    Failure(#[from] Failure),
}

impl Service {
    /// Ends the session of a refresh token of any generation: whoever holds one may end it.
    /// Ending it again is success.
    pub async fn sign_out_by_refresh_token(
        &self,
        token: &RefreshToken,
        origin: &Origin,
    ) -> Result<(), SignOutError> {
        let found = self.stores.sessions.find_session(&token.user, token.session).await?;
        let signed_in = found.ok_or(SignOutError::NotGenuine)?;
        if !is_genuine(&self.refresh_key(&signed_in.session)?, token) {
            return Err(SignOutError::NotGenuine);
        }
        let state = signed_in.session.state(&signed_in.account.user, self.clock.now());
        if state == SessionState::Ended {
            return Ok(());
        }
        self.end_own_session(&token.user, token.session, EndReason::SignedOut, origin).await?;
        Ok(())
    }

    /// Ends the session of an access token. A token whose session has ended is success.
    pub async fn sign_out_by_access_token(
        &self,
        token: &str,
        origin: &Origin,
    ) -> Result<(), AuthenticateError> {
        match self.authenticate(token).await {
            Ok(Caller { session, .. }) => {
                let (user, id) = (&session.user_id, session.id);
                self.end_own_session(user, id, EndReason::SignedOut, origin).await?;
                Ok(())
            }
            Err(AuthenticateError::Revoked) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Ends every session of the caller in one update.
    pub async fn sign_out_everywhere(
        &self,
        caller: &Caller,
        origin: &Origin,
    ) -> Result<(), Failure> {
        let user = &caller.account.user;
        // Stale means that another call has just ended them all, or that the user is gone.
        self.raise_epoch(&user.id, user.session_epoch, origin).await.map(|_| ())
    }

    async fn raise_epoch(
        &self,
        user: &UserId,
        from: u64,
        origin: &Origin,
    ) -> Result<Replaced, Failure> {
        let now = self.clock.now();
        let to = from.saturating_add(1);
        let raise = EpochRaise {
            user: user.clone(),
            from,
            to,
            revocation: self.user_revocation(user, to, None, now),
        };
        let happening = Happening { origin, actor: Some(user), subject: Some(user), at: now };
        let kind = EventKind::SessionRevoked { session: None, reason: EndReason::SignedOut };
        let events = [self.event(&happening, kind)];
        Ok(self.stores.users.advance_session_epoch(&raise, &events).await?)
    }

    /// Ends one session at its user's wish, with the revocation and the event.
    pub(crate) async fn end_own_session(
        &self,
        user: &UserId,
        session: SessionId,
        reason: EndReason,
        origin: &Origin,
    ) -> Result<contracts::Ended, Failure> {
        let now = self.clock.now();
        let happening = Happening { origin, actor: Some(user), subject: Some(user), at: now };
        let kind = EventKind::SessionRevoked { session: Some(session), reason };
        let end = EndSession {
            user: user.clone(),
            session,
            end: SessionEnd { at: now, reason },
            revocation: self.session_revocation(session, now),
        };
        Ok(self.stores.sessions.end_session(&end, &[self.event(&happening, kind)]).await?)
    }
}

impl From<StoreError> for SignOutError {
    fn from(error: StoreError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<OpenError> for SignOutError {
    fn from(error: OpenError) -> Self {
        Self::Failure(error.into())
    }
}
