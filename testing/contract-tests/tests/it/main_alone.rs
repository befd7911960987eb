//! The main store without the Redis that refreshed its sessions: an operator has switched it off,
//! or gone back to a release that knows nothing of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use contract_tests::Backend;
use contracts::{
    Advance, Advanced, EndSession, Ended, Expiry, InsertSession, InsertUser, KnownDevice,
    NewSession, Notices, Reauthenticate, SessionStore,
};
use domain::{
    AuthenticationMethod, Client, DeviceDigest, EmailAddress, EndReason, Revocation,
    RevocationScope, Session, SessionEnd, SessionId, SessionState, Timestamp, User, UserId,
    UserStatus,
};
use storage_sql::SqlStorage;

use crate::open_both;

const NOW: Timestamp = Timestamp::from_unix_ms(1_731_333_100_000);
const HOUR: Duration = Duration::from_hours(1);

fn ada() -> User {
    User {
        id: UserId::new(NOW, [7; 10]),
        email: EmailAddress::parse("ada@example.com").unwrap(),
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

/// Can be used for an hour, and lives for a day.
fn session(number: u8) -> Session {
    Session {
        id: SessionId::new(NOW, [number; 10]),
        user_id: ada().id,
        epoch: 3,
        generation: 1,
        forgiven_generation: 0,
        rotated_at: NOW,
        rotated_by: None,
        sealed_refresh_key: [1, 2, 3].into(),
        methods: Vec::new(),
        authenticated_at: NOW,
        client: Client { address: None, user_agent: None },
        created_at: NOW,
        last_used_at: NOW,
        idle_expires_at: NOW.plus(HOUR),
        expires_at: NOW.plus(24 * HOUR),
        end: None,
    }
}

/// Sessions 1 and 2 of one user; the first was refreshed three times, and can be used for two
/// hours.
async fn with_two() -> (Backend, Arc<SqlStorage>) {
    let (both, main) = open_both();
    let new = InsertUser { user: ada(), code: None, notices: Notices::default() };
    both.users.insert_user(&new, None).await.unwrap();
    for number in 1..=2 {
        let new = NewSession {
            session: session(number),
            devices: vec![KnownDevice { digest: DeviceDigest([number; 16]), expires_at: NOW }],
            trusts: None,
            notices: Notices::default(),
        };
        assert_eq!(both.sessions.insert_session(&new).await.unwrap(), InsertSession::Yes);
    }
    for from in 1..=3 {
        let advance = Advance {
            user: ada().id,
            session: session(1).id,
            from,
            to: from + 1,
            at: NOW,
            by: None,
            idle_expires_at: NOW.plus(2 * HOUR),
            resealed: None,
        };
        assert_eq!(both.sessions.advance_generation(&advance).await.unwrap(), Advanced::Yes);
    }
    (both, main)
}

async fn state(store: &dyn SessionStore, number: u8, now: Timestamp) -> SessionState {
    let found = store.find_session(&ada().id, session(number).id).await.unwrap().unwrap();
    found.session.state(&found.account.user, now)
}

async fn listed(store: &dyn SessionStore, now: Timestamp) -> Vec<SessionId> {
    let sessions = store.list_sessions(&ada().id, now, None, 10).await.unwrap();
    sessions.into_iter().map(|session| session.id).collect()
}

fn end(number: u8) -> EndSession {
    EndSession {
        user: ada().id,
        session: session(number).id,
        end: SessionEnd { at: NOW, reason: EndReason::SignedOut },
        revocation: Revocation {
            scope: RevocationScope::Session(session(number).id),
            ended_at: NOW,
            expires_at: NOW.plus(HOUR),
        },
    }
}

/// Whoever has expired is told so before anybody looks at which token they have: neither a spent
/// token nor the newest buys anything, and none is called a replay.
#[tokio::test]
async fn every_session_has_expired_for_the_main_store_alone() {
    let (both, main) = with_two().await;
    for now in [NOW.minus(HOUR), NOW, NOW.plus(HOUR), NOW.plus(48 * HOUR)] {
        for number in 1..=2 {
            assert_eq!(state(&*main, number, now).await, SessionState::Expired, "{now:?}");
        }
        assert_eq!(listed(&*main, now).await, []);
    }
    assert_eq!(state(&*both.sessions, 1, NOW.plus(HOUR)).await, SessionState::Alive);
    assert_eq!(state(&*both.sessions, 2, NOW.plus(HOUR)).await, SessionState::Expired);
    assert_eq!(listed(&*both.sessions, NOW).await, [session(1).id, session(2).id]);
    assert_eq!(listed(&*both.sessions, NOW.plus(HOUR)).await, [session(1).id]);
}

/// Whoever signs out meanwhile has signed out for good.
#[tokio::test]
async fn what_the_main_store_alone_has_ended_stays_ended_with_redis() {
    let (both, main) = with_two().await;
    assert_eq!(main.end_session(&end(1), &[]).await.unwrap(), Ended::Yes);
    for store in [&*main as &dyn SessionStore, &*both.sessions] {
        assert_eq!(state(store, 1, NOW).await, SessionState::Ended);
    }
    assert_eq!(state(&*both.sessions, 2, NOW).await, SessionState::Alive);
    assert_eq!(listed(&*both.sessions, NOW).await, [session(2).id]);
}

/// Nothing that the main store writes later lets a session live without Redis.
#[tokio::test]
async fn a_renewed_authentication_lets_no_session_live_for_the_main_store_alone() {
    let (both, main) = with_two().await;
    let renewal = Reauthenticate {
        user: ada().id,
        session: session(1).id,
        epoch: 3,
        at: NOW.plus(HOUR),
        methods: vec![AuthenticationMethod::Password],
    };
    assert_eq!(both.sessions.advance_authentication(&renewal).await.unwrap(), Advanced::Yes);
    assert_eq!(state(&*main, 1, NOW).await, SessionState::Expired);
    let found = both.sessions.find_session(&ada().id, session(1).id).await.unwrap().unwrap();
    assert_eq!(found.session.authenticated_at, NOW.plus(HOUR));
    assert_eq!(found.session.generation, 4);
}

/// Not as soon as the main store takes them for expired.
#[tokio::test]
async fn sessions_are_swept_when_they_are_over_whatever_happens() {
    let (both, _) = with_two().await;
    let over = NOW.plus(24 * HOUR);
    let before = over.minus(Duration::from_millis(1));
    both.revocations.delete_expired(Expiry { now: before, sessions: before }, 100).await.unwrap();
    assert_eq!(state(&*both.sessions, 1, NOW).await, SessionState::Alive);
    both.revocations.delete_expired(Expiry { now: over, sessions: over }, 100).await.unwrap();
    assert_eq!(both.sessions.find_session(&ada().id, session(1).id).await.unwrap(), None);
}
