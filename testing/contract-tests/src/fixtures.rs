//! Values to put into a store. No two fields of one type are alike, so that a store that mixes
//! them up is found out.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use contracts::{
    EndSession, EpochRaise, EraseUser, Expiry, InsertUser, KnownDevice, NewSession, Notices,
    OutboxEvent, ReplaceUser,
};
use domain::{
    AuthenticationMethod, Client, DeviceDigest, EmailAddress, EndReason, EventId, PasswordHash,
    PersonName, Revocation, RevocationScope, RoleName, Session, SessionEnd, SessionId, Timestamp,
    User, UserId, UserStatus, Username,
};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::fixtures_factor::factor;

/// The present of every case.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_ms(1_731_333_100_000);
/// More than any case writes.
pub(crate) const ALL: usize = 1000;

pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_mins(1);
pub(crate) const HOUR: Duration = Duration::from_hours(1);

/// Ids sort by their numbers.
pub(crate) fn made_at(number: u32) -> Timestamp {
    NOW.plus(Duration::from_millis(number.into()))
}

/// Whatever expired by then.
pub(crate) fn by(moment: Timestamp) -> Expiry {
    Expiry { now: moment, sessions: moment }
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

/// An active user with address, user name, name, password, second factor and the role `USER`.
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
        totp: Some(factor(number)),
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

/// A device that is known for a month.
pub(crate) fn device(number: u8) -> KnownDevice {
    KnownDevice { digest: DeviceDigest([number; 16]), expires_at: NOW.plus(30 * 24 * HOUR) }
}

/// The device that [`new_session`] begins that session on.
pub(crate) fn device_of(session: &Session) -> KnownDevice {
    KnownDevice { digest: DeviceDigest(*session.id.bytes()), ..device(0) }
}

/// That session, begun on a device of its own.
pub(crate) fn new_session(session: &Session, events: &[OutboxEvent]) -> NewSession {
    NewSession {
        session: session.clone(),
        devices: vec![device_of(session)],
        trusts: None,
        notices: only_events(events),
    }
}

/// That user, without a code.
pub(crate) fn new_user(user: &User, events: &[OutboxEvent]) -> InsertUser {
    InsertUser { user: user.clone(), code: None, notices: only_events(events) }
}

fn only_events(events: &[OutboxEvent]) -> Notices {
    Notices { events: events.to_vec(), mails: Vec::new() }
}

pub(crate) fn event(number: u32) -> OutboxEvent {
    OutboxEvent {
        id: event_id(number),
        name: format!("test.event_{number}"),
        subject: Some(user_id(number)),
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

/// A change of nothing but the version.
pub(crate) fn replacement(user: &User) -> ReplaceUser {
    ReplaceUser::of(User { version: user.version + 1, ..user.clone() })
}

/// A change that ends all sessions of the user, with a revocation that expires in 16 minutes.
pub(crate) fn ending_replacement(user: &User) -> ReplaceUser {
    let mut change = replacement(user);
    change.user.session_epoch += 1;
    change.revocation = Some(raise(user).revocation);
    change
}

/// The erasure of a user, without notices.
pub(crate) fn erasure(user: &User) -> EraseUser {
    EraseUser {
        user: user.id.clone(),
        version: user.version,
        epoch: user.session_epoch + 1,
        at: NOW,
        revocation: raise(user).revocation,
        notices: Notices::default(),
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
