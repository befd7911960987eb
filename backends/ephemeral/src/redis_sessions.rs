use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use contracts::{
    Advance, Advanced, EndSession, Ended, Forgive, InsertSession, KnownDevice, NewSession,
    OutboxEvent, Reauthenticate, Replaced, Resealed, SealedKey, SessionStore, SignedIn, StoreError,
};
use domain::{DeviceDigest, Session, SessionId, Timestamp, UserId};
use tokio::time::timeout;

use crate::RedisConnection;
use crate::live_sessions::LiveSessions;

/// How long both stores together may take.
const ANSWER_WITHIN: Duration = Duration::from_millis(2_400);
/// When sessions expire that the main store has: before they begin.
const LONG_AGO: Timestamp = Timestamp::from_unix_ms(0);
/// When the main store still took them for alive.
const BEFORE_LONG_AGO: Timestamp = Timestamp::from_unix_ms(-1);
/// Sessions that the main store is asked for at least: not each of them may be alive.
const PAGE_MIN: usize = 100;

/// Keeps in Redis what every refresh moves, so that a refresh writes nothing to the main store.
///
/// Everything else, above all whether a session has ended, is the main store's, and is read there
/// each time: whatever a failover of Redis loses, no session that has ended lives again. A session
/// that Redis has lost is gone.
///
/// The main store alone, asked without Redis, says of every session that it has expired: which
/// tokens are spent, and who was idle for too long, it cannot know.
pub struct RedisSessions {
    live: LiveSessions,
    main: Arc<dyn SessionStore>,
}

impl RedisSessions {
    /// Sessions of `main`, refreshed in that Redis.
    pub fn new(connection: RedisConnection, main: Arc<dyn SessionStore>) -> Self {
        Self { live: LiveSessions::new(connection), main }
    }

    /// The sessions of one page of the main store that are alive, as Redis knows them.
    async fn alive(
        &self,
        mut page: Vec<Session>,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError> {
        let rotations = self.live.find_all(user, &page).await?;
        for (session, rotation) in page.iter_mut().zip(&rotations) {
            if let Some(rotation) = rotation {
                rotation.clone().apply(session);
            }
        }
        let known = page.into_iter().zip(rotations).filter(|(_, rotation)| rotation.is_some());
        let alive = known.map(|(session, _)| session);
        Ok(alive.filter(|session| session.refresh_expires_at() > now).collect())
    }

    async fn list(
        &self,
        user: &UserId,
        now: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<Session>, StoreError> {
        let mut listed: Vec<Session> = Vec::new();
        let mut after = after;
        let at_once = limit.max(PAGE_MIN);
        // Those that Redis knows to be over make room for others.
        while listed.len() < limit {
            let page = self.main.list_sessions(user, BEFORE_LONG_AGO, after, at_once).await?;
            let is_last = page.len() < at_once;
            after = page.last().map(|session| session.id);
            listed.extend(self.alive(page, user, now).await?);
            if is_last {
                break;
            }
        }
        listed.truncate(limit);
        Ok(listed)
    }
}

#[async_trait]
impl SessionStore for RedisSessions {
    async fn insert_session(&self, new: &NewSession) -> Result<InsertSession, StoreError> {
        let session = &new.session;
        // First in Redis, where alone it is nothing: a sign-in that fails because Redis is down
        // tells nobody that it succeeded.
        within(async {
            self.live.insert(session).await?;
            let mut new = new.clone();
            new.session.idle_expires_at = LONG_AGO;
            let inserted = self.main.insert_session(&new).await?;
            if inserted == InsertSession::EpochPassed {
                tell_if_failed(self.live.delete(&session.user_id, session.id).await);
            }
            Ok(inserted)
        })
        .await
    }

    async fn find_device(
        &self,
        user: &UserId,
        device: DeviceDigest,
        now: Timestamp,
    ) -> Result<Option<KnownDevice>, StoreError> {
        self.main.find_device(user, device, now).await
    }

    async fn find_session(
        &self,
        user: &UserId,
        session: SessionId,
    ) -> Result<Option<SignedIn>, StoreError> {
        let both = async {
            Ok(tokio::join!(self.main.find_session(user, session), self.live.find(user, session)))
        };
        let (found, rotation) = within(both).await?;
        let Some(mut found) = found? else { return Ok(None) };
        let has_ended = found.session.end.is_some();
        match rotation {
            Ok(Some(rotation)) => rotation.apply(&mut found.session),
            // That it has ended is known without Redis, which may have deleted it.
            Ok(None) | Err(_) if has_ended => {}
            Ok(None) => return Ok(None),
            Err(error) => return Err(error),
        }
        Ok(Some(found))
    }

    async fn list_sessions(
        &self,
        user: &UserId,
        now: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<Session>, StoreError> {
        within(self.list(user, now, after, limit)).await
    }

    async fn advance_generation(&self, advance: &Advance) -> Result<Advanced, StoreError> {
        let mut advanced = Err(StoreError::Unavailable("Redis took too long".into()));
        let both = async {
            advanced = self.live.advance(advance).await;
            // The key is the main store's. What is not written now is sealed anew next time.
            if let (Ok(Advanced::Yes), Some(key)) = (&advanced, &advance.resealed) {
                let written =
                    self.main.replace_sealed_key(&advance.user, advance.session, key).await;
                tell_if_kept(written);
            }
        };
        // Once Redis has decided, it does not matter whether the main store was in time.
        let _ = timeout(ANSWER_WITHIN, both).await;
        advanced
    }

    async fn advance_forgiven(&self, forgive: &Forgive) -> Result<Advanced, StoreError> {
        self.live.forgive(forgive).await
    }

    async fn advance_authentication(
        &self,
        renewal: &Reauthenticate,
    ) -> Result<Advanced, StoreError> {
        self.main.advance_authentication(renewal).await
    }

    async fn end_session(
        &self,
        end: &EndSession,
        events: &[OutboxEvent],
    ) -> Result<Ended, StoreError> {
        let mut ended = Err(StoreError::Unavailable("the main store took too long".into()));
        let both = async {
            ended = self.main.end_session(end, events).await;
            if ended.is_ok() {
                let marked = self.live.end(&end.user, end.session).await;
                tell_if_failed(marked);
            }
        };
        // Once the main store has decided, it does not matter whether Redis was in time.
        let _ = timeout(ANSWER_WITHIN, both).await;
        ended
    }

    async fn list_sealed_keys(
        &self,
        after: Option<&SealedKey>,
        limit: usize,
    ) -> Result<Vec<SealedKey>, StoreError> {
        self.main.list_sealed_keys(after, limit).await
    }

    async fn replace_sealed_key(
        &self,
        user: &UserId,
        session: SessionId,
        key: &Resealed,
    ) -> Result<Replaced, StoreError> {
        self.main.replace_sealed_key(user, session, key).await
    }
}

/// The old key opens as well as the new one.
fn tell_if_kept(written: Result<Replaced, StoreError>) {
    if let Err(error) = written {
        let error = contracts::chain(&error);
        tracing::debug!(error, "a key that was sealed anew was not written");
    }
}

async fn within<T>(
    work: impl Future<Output = Result<T, StoreError>> + Send,
) -> Result<T, StoreError> {
    let answer = timeout(ANSWER_WITHIN, work).await;
    answer.unwrap_or_else(|late| Err(StoreError::Unavailable(late.into())))
}

/// Redis has what is over still for alive. The main store knows better, so nobody has to wait.
fn tell_if_failed(done: Result<(), StoreError>) {
    if let Err(error) = done {
        let error = contracts::chain(&error);
        tracing::debug!(error, "Redis could not be told that a session is over");
    }
}
