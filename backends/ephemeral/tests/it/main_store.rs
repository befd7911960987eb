//! A main store that does as it is told. Real ones run the contract with Redis in
//! `testing/contract-tests`, because backends do not know each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use contracts::{
    Advance, Advanced, EndSession, Ended, Forgive, InsertSession, KnownDevice, NewSession, Notices,
    OutboxEvent, Reauthenticate, Replaced, Resealed, SealedKey, SessionStore, SignedIn, StoreError,
};
use domain::{
    Account, Client, DeviceDigest, EmailAddress, EndReason, Revocation, RevocationScope, Session,
    SessionEnd, SessionId, Timestamp, User, UserId, UserStatus,
};

use crate::fixtures::NOW;

#[derive(Default)]
pub(crate) struct MainStore {
    sessions: Mutex<BTreeMap<SessionId, Session>>,
    began: Mutex<Vec<NewSession>>,
    inserts: AtomicUsize,
}

impl MainStore {
    /// How many sign-ins reached it.
    pub(crate) fn inserts(&self) -> usize {
        self.inserts.load(Ordering::Relaxed)
    }

    /// What the last session was begun with.
    pub(crate) fn last_begun(&self) -> Option<NewSession> {
        self.began.lock().unwrap().last().cloned()
    }

    fn sessions(&self) -> MutexGuard<'_, BTreeMap<SessionId, Session>> {
        self.sessions.lock().unwrap()
    }
}

#[async_trait]
impl SessionStore for MainStore {
    /// Refuses sessions of another epoch than 3.
    async fn insert_session(&self, new: &NewSession) -> Result<InsertSession, StoreError> {
        self.inserts.fetch_add(1, Ordering::Relaxed);
        if new.session.epoch != 3 {
            return Ok(InsertSession::EpochPassed);
        }
        self.sessions().insert(new.session.id, new.session.clone());
        self.began.lock().unwrap().push(new.clone());
        Ok(InsertSession::Yes)
    }

    async fn find_device(
        &self,
        _user: &UserId,
        _device: DeviceDigest,
        _now: Timestamp,
    ) -> Result<Option<KnownDevice>, StoreError> {
        Ok(None)
    }

    async fn find_session(
        &self,
        user: &UserId,
        session: SessionId,
    ) -> Result<Option<SignedIn>, StoreError> {
        let found = self.sessions().get(&session).cloned();
        let account = Account { user: self::user(user), permissions: BTreeSet::new() };
        Ok(found
            .filter(|found| found.user_id == *user)
            .map(|session| SignedIn { session, account }))
    }

    async fn list_sessions(
        &self,
        user: &UserId,
        now: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<Session>, StoreError> {
        let sessions = self.sessions();
        let alive = sessions.values().filter(|session| {
            let is_alive = session.end.is_none() && session.refresh_expires_at() > now;
            session.user_id == *user && is_alive && Some(session.id) > after
        });
        Ok(alive.take(limit).cloned().collect())
    }

    async fn advance_generation(&self, _advance: &Advance) -> Result<Advanced, StoreError> {
        panic!("a refresh writes nothing to the main store");
    }

    async fn advance_forgiven(&self, _forgive: &Forgive) -> Result<Advanced, StoreError> {
        panic!("a refresh writes nothing to the main store");
    }

    async fn advance_authentication(
        &self,
        renewal: &Reauthenticate,
    ) -> Result<Advanced, StoreError> {
        let mut sessions = self.sessions();
        let Some(session) = sessions.get_mut(&renewal.session) else { return Ok(Advanced::Stale) };
        session.authenticated_at = renewal.at;
        session.methods.clone_from(&renewal.methods);
        Ok(Advanced::Yes)
    }

    async fn end_session(
        &self,
        end: &EndSession,
        _events: &[OutboxEvent],
    ) -> Result<Ended, StoreError> {
        match self.sessions().get_mut(&end.session) {
            Some(session) if session.end.is_none() => session.end = Some(end.end),
            _ => return Ok(Ended::Already),
        }
        Ok(Ended::Yes)
    }

    async fn list_sealed_keys(
        &self,
        after: Option<&SealedKey>,
        limit: usize,
    ) -> Result<Vec<SealedKey>, StoreError> {
        let after = after.map(|key| key.session);
        let sessions = self.sessions();
        let keys = sessions.values().filter(|session| Some(session.id) > after);
        let to_key = |session: &Session| SealedKey {
            user: session.user_id.clone(),
            session: session.id,
            expires_at: session.expires_at,
            sealed_refresh_key: session.sealed_refresh_key.clone(),
        };
        Ok(keys.take(limit).map(to_key).collect())
    }

    async fn replace_sealed_key(
        &self,
        user: &UserId,
        session: SessionId,
        key: &Resealed,
    ) -> Result<Replaced, StoreError> {
        match self.sessions().get_mut(&session) {
            Some(found) if found.user_id == *user && found.sealed_refresh_key == key.old => {
                found.sealed_refresh_key.clone_from(&key.new);
                Ok(Replaced::Yes)
            }
            _ => Ok(Replaced::Stale),
        }
    }
}

pub(crate) fn user_id(number: u8) -> UserId {
    UserId::new(NOW, [number; 10])
}

fn user(id: &UserId) -> User {
    User {
        id: id.clone(),
        email: EmailAddress::parse("ada@service.example").unwrap(),
        is_email_verified: true,
        username: None,
        name: None,
        roles: BTreeSet::new(),
        status: UserStatus::Active,
        password_hash: None,
        totp: None,
        session_epoch: 3,
        version: 1,
        created_at: NOW,
        last_login_at: None,
    }
}

/// A session of user 1 that can be used for an hour, and lives for a day.
pub(crate) fn session(number: u8) -> Session {
    Session {
        id: SessionId::new(NOW, [number; 10]),
        user_id: user_id(1),
        epoch: 3,
        generation: 1,
        forgiven_generation: 0,
        rotated_at: NOW,
        rotated_by: Some("browser/1".into()),
        sealed_refresh_key: [1, 2, 3].into(),
        methods: Vec::new(),
        authenticated_at: NOW,
        client: Client { address: None, user_agent: None },
        created_at: NOW,
        last_used_at: NOW,
        idle_expires_at: NOW.plus(Duration::from_hours(1)),
        expires_at: NOW.plus(Duration::from_hours(24)),
        end: None,
    }
}

pub(crate) fn new(session: &Session) -> NewSession {
    let digest = DeviceDigest([1; 16]);
    NewSession {
        session: session.clone(),
        devices: vec![KnownDevice { digest, expires_at: NOW }],
        trusts: None,
        notices: Notices::default(),
    }
}

pub(crate) fn advance(session: &Session, from: u64) -> Advance {
    Advance {
        user: session.user_id.clone(),
        session: session.id,
        from,
        to: from + 1,
        at: NOW.plus(Duration::from_mins(from)),
        by: None,
        idle_expires_at: NOW.plus(Duration::from_hours(1 + from)),
        resealed: None,
    }
}

pub(crate) fn end(session: &Session) -> EndSession {
    EndSession {
        user: session.user_id.clone(),
        session: session.id,
        end: SessionEnd { at: NOW, reason: EndReason::SignedOut },
        revocation: Revocation {
            scope: RevocationScope::Session(session.id),
            ended_at: NOW,
            expires_at: NOW,
        },
    }
}
