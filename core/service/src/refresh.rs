use std::time::Duration;

use contracts::{Advance, Advanced, EndSession, Forgive, SignedIn, StoreError};
use crypto::{MacKey, OpenError};
use domain::{
    EndReason, EventKind, RefreshDecision, RefreshToken, SessionEnd, SessionState, Timestamp,
};

use crate::Service;
use crate::event_log::Happening;
use crate::failure::Failure;
use crate::issue_session::Tokens;
use crate::limits::{Limit, LimitError, LimitReached};
use crate::policy::Origin;
use crate::refresh_tokens::{is_genuine, refresh_token};

/// Why a refresh token bought nothing.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// We did not make it. Nothing has changed.
    #[error("the refresh token is not genuine")]
    NotGenuine,
    /// It or its session has expired.
    #[error("the session has expired")]
    Expired,
    /// Its session was ended.
    #[error("the session was ended")]
    Revoked,
    /// An old token was used again, and the session was ended for it.
    #[error("the refresh token was replayed")]
    Replayed,
    /// Its user may not sign in.
    #[error("the account is disabled")]
    AccountDisabled,
    /// Its user has got a role, or the role a rule, that asks for a second factor, and has none.
    #[error("a second factor has to be set up")]
    EnrolmentRequired,
    /// The session is refreshed too often.
    #[error(transparent)]
    LimitReached(LimitReached),
    /// The work could not be done.
    #[error("the refresh could not be completed")]
    Failure(#[from] Failure),
}

/// Tokens for the next while, and how they came about.
#[derive(Debug)]
pub struct Refreshed {
    /// The tokens.
    pub tokens: Tokens,
    /// Which rule applied, for metrics and logs.
    pub path: RefreshPath,
}

/// Which rule answered a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefreshPath {
    /// The newest token was rotated.
    Rotated,
    /// A token that was just replaced got the same successor.
    Leeway,
    /// A lost answer was forgiven.
    Forgiven,
    /// The token was newer than the record: a restored backup, or a failover that lost writes.
    CaughtUp,
}

impl RefreshPath {
    /// The stable name, in metrics and events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rotated => "rotated",
            Self::Leeway => "leeway",
            Self::Forgiven => "forgiven",
            Self::CaughtUp => "caught_up",
        }
    }
}

/// How long a reuse is not told of again. A guard that lasted longer would let clients that do
/// nothing else fill what limits are counted in.
const REUSE_TOLD_EVERY: Duration = Duration::from_hours(1);

/// A loser of a compare-and-set reads again and nearly always finds itself inside the leeway.
const ATTEMPTS_MAX: usize = 16;

impl Service {
    /// Rotates a refresh token by the rules of [`RefreshDecision`].
    pub async fn refresh(
        &self,
        token: &RefreshToken,
        origin: &Origin,
    ) -> Result<Refreshed, RefreshError> {
        let mut is_counted = false;
        for _ in 0..ATTEMPTS_MAX {
            if let Some(refreshed) = self.try_refresh(token, origin, &mut is_counted).await? {
                return Ok(refreshed);
            }
        }
        Err(Failure::Contended.into())
    }

    /// `None`: the record moved between reading and writing; read again and decide again.
    async fn try_refresh(
        &self,
        token: &RefreshToken,
        origin: &Origin,
        is_counted: &mut bool,
    ) -> Result<Option<Refreshed>, RefreshError> {
        let found = self.stores.sessions.find_session(&token.user, token.session).await?;
        let signed_in = found.ok_or(RefreshError::NotGenuine)?;
        let key = self.refresh_key(&signed_in.session)?;
        if !is_genuine(&key, token) {
            return Err(RefreshError::NotGenuine);
        }
        // Only now: whoever forges tokens makes nobody write anything.
        if !std::mem::replace(is_counted, true) {
            let session = token.session.to_string();
            self.count(Limit::Refresh, &origin.client, &session).await?.stands();
        }
        let now = self.clock.now();
        match signed_in.session.state(&signed_in.account.user, now) {
            SessionState::Alive => {}
            SessionState::Ended => return Err(RefreshError::Revoked),
            SessionState::UserDisabled => return Err(RefreshError::AccountDisabled),
            SessionState::Expired => return Err(RefreshError::Expired),
        }
        let decision = RefreshDecision::of(
            &signed_in.session,
            token.generation,
            now,
            self.policy.refresh_leeway,
        );
        // A replay is one, whatever else is wrong.
        let is_replay = matches!(decision, RefreshDecision::Replay);
        if !is_replay && self.lacks_required_factor(&signed_in.account.user) {
            return Err(RefreshError::EnrolmentRequired);
        }
        let attempt = Attempt { service: self, signed_in, key, origin, now };
        match decision {
            RefreshDecision::Rotate { from, to } => {
                attempt.advance(from, to, RefreshPath::Rotated).await
            }
            RefreshDecision::CatchUp { from, to } => {
                attempt.advance(from, to, RefreshPath::CaughtUp).await
            }
            RefreshDecision::Repeat => attempt.repeat(RefreshPath::Leeway).await.map(Some),
            RefreshDecision::Forgiven => attempt.repeat(RefreshPath::Forgiven).await.map(Some),
            RefreshDecision::Forgive { generation, forgiven } => {
                attempt.forgive(generation, forgiven).await
            }
            RefreshDecision::Replay => attempt.end_replayed().await,
        }
    }
}

/// One reading of the record, and what follows from it.
struct Attempt<'a> {
    service: &'a Service,
    signed_in: SignedIn,
    key: MacKey,
    origin: &'a Origin,
    now: Timestamp,
}

impl Attempt<'_> {
    async fn advance(
        mut self,
        from: u64,
        to: u64,
        path: RefreshPath,
    ) -> Result<Option<Refreshed>, RefreshError> {
        let service = self.service;
        let session = &mut self.signed_in.session;
        let idle_expires_at = session.idle_expiry(self.now, service.policy.refresh_ttl);
        let advance = Advance {
            user: session.user_id.clone(),
            session: session.id,
            from,
            to,
            at: self.now,
            by: self.origin.client.user_agent.clone(),
            idle_expires_at,
            resealed: service.resealed_refresh_key(session, &self.key),
        };
        match service.stores.sessions.advance_generation(&advance).await? {
            Advanced::Stale => Ok(None),
            Advanced::Yes => {
                session.generation = to;
                session.idle_expires_at = idle_expires_at;
                self.answer(path).await.map(Some)
            }
        }
    }

    async fn forgive(
        self,
        generation: u64,
        forgiven: u64,
    ) -> Result<Option<Refreshed>, RefreshError> {
        let session = &self.signed_in.session;
        let forgive =
            Forgive { user: session.user_id.clone(), session: session.id, generation, forgiven };
        match self.service.stores.sessions.advance_forgiven(&forgive).await? {
            Advanced::Stale => Ok(None),
            Advanced::Yes => self.repeat(RefreshPath::Forgiven).await.map(Some),
        }
    }

    /// Answers with the newest token, which somebody has been given before.
    async fn repeat(self, path: RefreshPath) -> Result<Refreshed, RefreshError> {
        if self.signed_in.session.rotated_by != self.origin.client.user_agent {
            self.tell_reused(path).await?;
        }
        self.answer(path).await
    }

    /// Once in each generation: a client that asks again and again tells nobody anything new.
    async fn tell_reused(&self, path: RefreshPath) -> Result<(), StoreError> {
        let (service, session) = (self.service, &self.signed_in.session);
        let whom = format!("{} {}", session.id, session.generation);
        let Some(counted) = service.first_time("refresh_reused", &whom, REUSE_TOLD_EVERY).await
        else {
            return Ok(());
        };
        let kind = EventKind::SessionRefreshReused { session: session.id, reason: path.name() };
        let event = service.event(&self.happening(), kind);
        let told = service.stores.outbox.insert_events(&[event]).await;
        match told {
            Ok(()) => counted.stands(),
            Err(_) => service.give_back(counted).await,
        }
        told
    }

    async fn end_replayed(self) -> Result<Option<Refreshed>, RefreshError> {
        let id = self.signed_in.session.id;
        let happening = self.happening();
        let reason = EndReason::Replay;
        let revoked = EventKind::SessionRevoked { session: Some(id), reason };
        let events = [
            self.service.event(&happening, EventKind::SessionReplayDetected(id)),
            self.service.event(&happening, revoked),
        ];
        let end = EndSession {
            user: self.signed_in.session.user_id.clone(),
            session: id,
            end: SessionEnd { at: self.now, reason },
            revocation: self.service.session_revocation(id, self.now),
        };
        self.service.end_all_trust(&end.user).await?;
        self.service.stores.sessions.end_session(&end, &events).await?;
        Err(RefreshError::Replayed)
    }

    fn happening(&self) -> Happening<'_> {
        let user = &self.signed_in.session.user_id;
        Happening { origin: self.origin, actor: None, subject: Some(user), at: self.now }
    }

    async fn answer(self, path: RefreshPath) -> Result<Refreshed, RefreshError> {
        let SignedIn { session, account } = self.signed_in;
        let access = self.service.access_token(&account, &session, self.now).await?;
        let tokens = Tokens {
            access_token: access.token,
            access_expires_in: access.expires_in,
            refresh_token: refresh_token(
                &self.key,
                &account.user.id,
                session.id,
                session.generation,
            ),
            refresh_expires_in: session.refresh_expires_at().since(self.now),
            device_token: None,
            user: account,
        };
        Ok(Refreshed { tokens, path })
    }
}

impl From<LimitError> for RefreshError {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Reached(reached) => Self::LimitReached(reached),
            LimitError::Failure(failure) => Self::Failure(failure),
        }
    }
}

impl From<StoreError> for RefreshError {
    fn from(error: StoreError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<OpenError> for RefreshError {
    fn from(error: OpenError) -> Self {
        Self::Failure(error.into())
    }
}
