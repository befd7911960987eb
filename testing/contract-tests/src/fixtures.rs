//! Values to put into a store. No two fields of one type are alike, so that a store that mixes
//! them up is found out.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use contracts::{EndSession, EpochRaise, OutboxEvent};
use domain::{
    Account, AuthenticationMethod, Client, EmailAddress, EndReason, EventId, Login, PasswordHash,
    PersonName, Revocation, RevocationScope, RoleName, Session, SessionEnd, SessionId, Timestamp,
    User, UserId, UserStatus, Username,
};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::Backend;

/// The present of every case.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_ms(1_731_333_100_000);
/// More than any case writes.
pub(crate) const ALL: usize = 1000;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_mins(1);
pub(crate) const HOUR: Duration = Duration::from_hours(1);

/// Ids sort by their numbers.
fn made_at(number: u32) -> Timestamp {
    NOW.plus(Duration::from_millis(number.into()))
}

pub(crate) fn user_id(number: u32) -> UserId {
    UserId::new(made_at(number), [7; 10])
}

pub(crate) fn session_id(number: u32) -> SessionId {
    SessionId::new(made_at(number), [8; 10])
}

pub(crate) fn event_id(number: u32) -> EventId {
    EventId::new(made_at(number), [9; 10])
}

pub(crate) fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

pub(crate) fn username(text: &str) -> Username {
    Username::parse(text).unwrap()
}

pub(crate) fn roles(names: &[&str]) -> BTreeSet<RoleName> {
    names.iter().map(|name| RoleName::parse(name).unwrap()).collect()
}

/// An active user with address, user name, name, password and the role `USER`.
pub(crate) fn user(number: u32) -> User {
    User {
        id: user_id(number),
        email: email(&format!("User{number}@Example.com")),
        is_email_verified: true,
        username: Some(username(&format!("user{number}"))),
        name: Some(PersonName::parse(&format!("User {number}")).unwrap()),
        roles: roles(&["USER"]),
        status: UserStatus::Active,
        password_hash: Some(PasswordHash::new(format!("$argon2id$of-{number}"))),
        session_epoch: 3,
        version: 5,
        created_at: made_at(number),
        last_login_at: None,
    }
}

/// A session of `user` that can be used for an hour from now.
pub(crate) fn session(user: &User, number: u32) -> Session {
    Session {
        id: session_id(number),
        user_id: user.id.clone(),
        epoch: user.session_epoch,
        generation: 1,
        forgiven_generation: 0,
        rotated_at: NOW.minus(2 * SECOND),
        rotated_by: Some("rotator/1".into()),
        sealed_refresh_key: [1, 2, 3, 0, 255].into(),
        methods: vec![AuthenticationMethod::Password],
        authenticated_at: NOW.minus(4 * SECOND),
        client: Client::new(Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))), Some("browser/1")),
        created_at: NOW.minus(3 * SECOND),
        last_used_at: NOW.minus(SECOND),
        idle_expires_at: NOW.plus(HOUR),
        expires_at: NOW.plus(24 * HOUR),
        end: None,
    }
}

pub(crate) fn event(number: u32) -> OutboxEvent {
    OutboxEvent {
        id: event_id(number),
        name: format!("test.event_{number}"),
        subject: user_id(number),
        at: made_at(number),
        envelope: format!("{{\"number\":{number}}}"),
    }
}

/// The end of a session with its revocation, which expires in 16 minutes.
pub(crate) fn end(session: &Session) -> EndSession {
    EndSession {
        user: session.user_id.clone(),
        session: session.id,
        end: SessionEnd { at: NOW, reason: EndReason::SignedOut },
        revocation: Revocation {
            scope: RevocationScope::Session(session.id),
            ended_at: NOW,
            expires_at: NOW.plus(16 * MINUTE),
        },
    }
}

/// Raises the user's epoch by one, with a revocation that expires in 16 minutes.
pub(crate) fn raise(user: &User) -> EpochRaise {
    let to = user.session_epoch + 1;
    EpochRaise {
        user: user.id.clone(),
        from: user.session_epoch,
        to,
        revocation: Revocation {
            scope: RevocationScope::User { user: user.id.clone(), epoch_below: to, except: None },
            ended_at: NOW,
            expires_at: NOW.plus(16 * MINUTE),
        },
    }
}

impl Backend {
    /// Inserts a user of that number, without events.
    pub(crate) async fn with_user(&self, number: u32) -> User {
        let user = user(number);
        self.users.insert_user(&user, &[]).await.unwrap();
        user
    }

    /// Inserts a session of that number for the user, without events.
    pub(crate) async fn with_session(&self, user: &User, number: u32) -> Session {
        let session = session(user, number);
        self.insert(&session).await;
        session
    }

    /// Inserts that session, without events.
    pub(crate) async fn insert(&self, session: &Session) {
        let inserted = self.sessions.insert_session(session, &[]).await.unwrap();
        assert_eq!(inserted, contracts::InsertSession::Yes);
    }

    /// The account of a user who is there.
    pub(crate) async fn account(&self, user: &UserId) -> Account {
        self.users.find_user(user).await.unwrap().unwrap()
    }

    pub(crate) async fn account_by_email(&self, text: &str) -> Option<Account> {
        self.users.find_user_by_login(&Login::Email(email(text))).await.unwrap()
    }

    pub(crate) async fn account_by_username(&self, text: &str) -> Option<Account> {
        self.users.find_user_by_login(&Login::Username(username(text))).await.unwrap()
    }

    /// The session as it is kept now; it must be there.
    pub(crate) async fn session(&self, session: &Session) -> Session {
        let found = self.sessions.find_session(&session.user_id, session.id).await.unwrap();
        found.unwrap().session
    }

    /// Every event that waits, the oldest first. Leases end at once, so nothing changes.
    pub(crate) async fn events(&self) -> Vec<OutboxEvent> {
        self.outbox.claim_events(NOW, NOW, ALL).await.unwrap()
    }

    /// Every revocation of today, the newest first.
    pub(crate) async fn revoked(&self) -> Vec<Revocation> {
        self.revocations.list_revocations(NOW, ALL).await.unwrap().rows
    }

    /// How far the revocations have counted.
    pub(crate) async fn sequence(&self) -> u64 {
        self.revocations.list_revocations(NOW, ALL).await.unwrap().sequence
    }
}

/// Asserts that two users are alike in everything, the spelling of the address included, which
/// `==` does not look at.
#[track_caller]
pub(crate) fn assert_same_user(found: &User, expected: &User) {
    assert_eq!(found, expected);
    assert_eq!(found.email.as_typed(), expected.email.as_typed());
}

/// Starts `count` callers at the same moment, each with its number, and gathers their answers.
pub(crate) async fn race<T, F>(count: u32, caller: impl Fn(u32) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(count as usize));
    let mut callers = JoinSet::new();
    for number in 0..count {
        let (start, call) = (Arc::clone(&start), caller(number));
        callers.spawn(async move {
            start.wait().await;
            call.await
        });
    }
    callers.join_all().await
}

/// How many of the answers are that one.
pub(crate) fn count_of<T: PartialEq>(answers: &[T], wanted: &T) -> usize {
    answers.iter().filter(|answer| *answer == wanted).count()
}
