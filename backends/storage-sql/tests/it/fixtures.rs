//! Values to put into a file.

use std::path::Path;

use contracts::{
    EraseUser, InsertUser, KnownDevice, NewSession, Notices, OutboxEvent, PutCode, QueuedMail,
    ReplaceUser, Replaced, UserStore,
};
use domain::{
    AuthenticationMethod, BackupCodeMac, ChallengeId, Client, CodeKind, DeviceDigest, EmailAddress,
    EnabledTotp, EventId, MailId, MailTemplate, OneTimeCode, PendingSignIn, PendingStep,
    Revocation, RevocationScope, RoleName, Session, SessionId, Timestamp, TotpFactor,
    TrustedDevice, TrustedDeviceId, User, UserId, UserStatus,
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
        totp: None,
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
    let notices = Notices::default();
    NewSession { session: session.clone(), devices: vec![device], trusts: None, notices }
}

/// A factor that sign-ins ask for, with two backup codes.
pub(crate) fn factor() -> TotpFactor {
    let backup_codes = [
        BackupCodeMac(*b"the keyed MAC of one backup code"),
        BackupCodeMac(*b"the keyed MAC of another of them"),
    ];
    let enabled = EnabledTotp { at: LATER, last_step: 57, backup_codes: backup_codes.into() };
    TotpFactor {
        sealed_secret: (*b"a secret, sealed by the service").into(),
        begun_at: NOW,
        enabled: Some(enabled),
    }
}

pub(crate) fn pending() -> PendingSignIn {
    PendingSignIn {
        user: UserId::new(NOW, [1; 10]),
        secret_digest: *b"the digest of some session token",
        epoch: 0,
        step: PendingStep::Verification,
        methods: vec![AuthenticationMethod::Password],
        tries: 0,
        created_at: NOW,
        expires_at: LATER,
    }
}

pub(crate) fn trusted(session: &Session) -> TrustedDevice {
    TrustedDevice {
        id: TrustedDeviceId::from_bytes([5; 16]),
        user: session.user_id.clone(),
        epoch: 0,
        session: session.id,
        client: Client::new(None, Some("trusted/1")),
        created_at: NOW,
        last_used_at: NOW,
        expires_at: LATER,
    }
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

/// A change of that user.
pub(crate) fn replaced(user: &User) -> ReplaceUser {
    ReplaceUser::of(User { version: user.version + 1, ..user.clone() })
}

/// How a release that knew three steps signed somebody up and replaced whoever was there.
pub(crate) const THIRD_RELEASE_WRITES: [&str; 2] = [
    "INSERT INTO users (id, email, email_key, email_verified, username, name, status, password_hash,
                        session_epoch, version, created_at_ms, last_login_at_ms)
     VALUES ('another', 'a@example.com', 'a@example.com', TRUE, NULL, NULL, 'active', NULL, 0, 1, 0,
             NULL)
         ON CONFLICT (username) DO NOTHING",
    "UPDATE users
        SET email = 'b@example.com', email_key = 'b@example.com', email_verified = TRUE,
            username = NULL, name = NULL, status = 'disabled', password_hash = NULL,
            session_epoch = 0, version = 3
      WHERE id <> 'another' AND version = 3 - 1",
];

/// How it listed users.
pub(crate) const THIRD_RELEASE_LIST: &str = "
    SELECT u.id, u.email, u.email_verified, u.username, u.name, u.status, u.password_hash,
           u.session_epoch, u.version, u.created_at_ms, u.last_login_at_ms, r.role
      FROM (SELECT * FROM users WHERE id > '' ORDER BY id LIMIT 10) u
      LEFT JOIN user_roles r ON r.user_id = u.id
     ORDER BY u.id, r.role";

/// What another program does to the file.
pub(crate) fn execute(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}
