use contracts::{Ended, SignedIn};
use domain::{EndReason, Session, SessionId, SessionState};

use crate::Service;
use crate::authenticate::Caller;
use crate::failure::Failure;
use crate::policy::Origin;

/// Most sessions on one page.
pub const SESSIONS_PAGE_MAX: usize = 200;

/// Why a session was not ended.
#[derive(Debug, thiserror::Error)]
pub enum EndSessionError {
    /// The caller has no such session alive: it is another's, has ended, or never was.
    #[error("there is no such session")]
    NotFound,
    /// The work could not be done.
    #[error("the session could not be ended")]
    Failure(#[from] Failure),
}

impl Service {
    /// The caller's sessions that are alive, by age, after `after`; at most `limit`.
    pub async fn list_sessions(
        &self,
        caller: &Caller,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<Session>, Failure> {
        let user = &caller.account.user.id;
        let limit = limit.min(SESSIONS_PAGE_MAX);
        Ok(self.stores.sessions.list_sessions(user, self.clock.now(), after, limit).await?)
    }

    /// Ends one of the caller's sessions, be it the one they call from, and the trust in the device
    /// that it began on.
    pub async fn end_session(
        &self,
        caller: &Caller,
        session: SessionId,
        origin: &Origin,
    ) -> Result<(), EndSessionError> {
        let user = &caller.account.user.id;
        // One that is over already is as little there as one that never was.
        let found =
            self.stores.sessions.find_session(user, session).await.map_err(Failure::Store)?;
        let now = self.clock.now();
        let alive = |it: &SignedIn| it.session.state(&it.account.user, now) == SessionState::Alive;
        let found = found.filter(alive).ok_or(EndSessionError::NotFound)?;
        self.end_trust_of(&found.session).await?;
        match self.end_own_session(user, session, EndReason::EndedByUser, origin).await? {
            Ended::Yes => Ok(()),
            Ended::Already => Err(EndSessionError::NotFound),
        }
    }
}
