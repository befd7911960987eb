//! Values to put into a file.

use std::path::Path;

use contracts::{
    EraseUser, InsertUser, KnownDevice, NewSession, Notices, OutboxEvent, PutCode, QueuedMail,
    Replaced, UserStore,
};
use domain::{
    ChallengeId, Client, CodeKind, DeviceDigest, EmailAddress, EventId, MailId, MailTemplate,
    OneTimeCode, Revocation, RevocationScope, RoleName, Session, SessionId, Timestamp, User,
    UserId, UserStatus,
};
use rusqlite::Connection;
use storage_sql::SqlStorage;

pub(crate) const NOW: Timestamp = Timestamp::from_unix_ms(1_731_333_100_000);
pub(crate) const LATER: Timestamp = Timestamp::from_unix_ms(NOW.unix_ms() + 3_600_000);

pub(crate) fn user(roles: &[&str]) -> User {
    User {
        id: UserId::new(NOW, [1; 10]),
        email: EmailAddress::parse("user@example.com").unwrap(),
        is_email_verified: false,
        username: None,
        name: None,
        roles: roles.iter().map(|name| RoleName::parse(name).unwrap()).collect(),
        status: UserStatus::Active,
        password_hash: None,
        session_epoch: 0,
        version: 1,
        created_at: NOW,
        last_login_at: None,
    }
}

pub(crate) fn new(user: &User) -> InsertUser {
    InsertUser { user: user.clone(), code: None, notices: Notices::default() }
}

pub(crate) fn session(user: &User) -> Session {
    Session {
        id: SessionId::new(NOW, [2; 10]),
        user_id: user.id.clone(),
        epoch: 0,
        generation: 1,
        forgiven_generation: 0,
        rotated_at: NOW,
        rotated_by: None,
        sealed_refresh_key: [0; 4].into(),
        methods: Vec::new(),
        authenticated_at: NOW,
        client: Client::new(None, None),
        created_at: NOW,
        last_used_at: NOW,
        idle_expires_at: LATER,
        expires_at: LATER,
        end: None,
    }
}

pub(crate) fn begun(session: &Session) -> NewSession {
    let device = KnownDevice { digest: DeviceDigest([3; 16]), expires_at: LATER };
    NewSession { session: session.clone(), device, notices: Notices::default() }
}

pub(crate) fn event(number: u8) -> OutboxEvent {
    OutboxEvent {
        id: EventId::from_bytes([number; 16]),
        name: "test".into(),
        subject: Some(UserId::new(NOW, [1; 10])),
        at: NOW,
        envelope: "{}".into(),
    }
}

pub(crate) fn code() -> OneTimeCode {
    OneTimeCode {
        user: UserId::new(NOW, [1; 10]),
        kind: CodeKind::ResetPassword,
        challenge: ChallengeId::from_bytes([4; 16]),
        secret_digest: *b"the digest of a secret in a link",
        short_code_mac: *b"the keyed MAC of some short code",
        tries: 0,
        email: None,
        created_at: NOW,
        short_code_expires_at: LATER,
        expires_at: LATER,
    }
}

/// Puts the code, and mails with it.
pub(crate) fn put(code: &OneTimeCode, mails: &[QueuedMail]) -> PutCode {
    let notices = Notices { events: Vec::new(), mails: mails.to_vec() };
    PutCode { code: code.clone(), unless_made_after: NOW, notices }
}

pub(crate) fn mail(number: u8) -> QueuedMail {
    QueuedMail {
        id: MailId::from_bytes([number; 16]),
        user: Some(UserId::new(NOW, [1; 10])),
        template: MailTemplate::ResetPassword,
        recipient: EmailAddress::parse("reader@example.com").unwrap(),
        sealed_values: (*b"values, sealed by the service").into(),
        created_at: NOW,
        expires_at: LATER,
    }
}

pub(crate) async fn erase(storage: &SqlStorage, user: &User) {
    let epoch = user.session_epoch + 1;
    let scope = RevocationScope::User { user: user.id.clone(), epoch_below: epoch, except: None };
    let erasure = EraseUser {
        user: user.id.clone(),
        version: user.version,
        epoch,
        at: NOW,
        revocation: Revocation { scope, ended_at: NOW, expires_at: LATER },
        notices: Notices::default(),
    };
    assert_eq!(storage.erase_user(&erasure).await.unwrap(), Replaced::Yes);
}

/// What another program does to the file.
pub(crate) fn execute(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}
