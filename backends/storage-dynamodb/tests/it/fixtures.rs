//! Values to put into a table.

use contracts::{
    Draw, EraseUser, InsertUser, KnownDevice, LimitKey, NewSession, Notices, OutboxEvent, PutCode,
    QueuedMail,
};
use domain::{
    AuthenticationMethod, BackupCodeMac, ChallengeId, Client, CodeKind, DeviceDigest, EmailAddress,
    EnabledTotp, EventId, MailId, MailTemplate, OneTimeCode, PasswordHash, PendingSignIn,
    PendingStep, Quota, Revocation, RevocationScope, RoleName, Session, SessionId, Timestamp,
    TotpFactor, TrustedDevice, TrustedDeviceId, User, UserId, UserStatus, Username,
};

pub(crate) const NOW: Timestamp = Timestamp::from_unix_ms(1_731_333_100_000);
pub(crate) const LATER: Timestamp = Timestamp::from_unix_ms(NOW.unix_ms() + 3_600_000);

pub(crate) fn user_id(number: u8) -> UserId {
    UserId::new(NOW, [number; 10])
}

pub(crate) fn user(number: u8) -> User {
    User {
        id: user_id(number),
        email: EmailAddress::parse(&format!("person{number}@example.com")).unwrap(),
        is_email_verified: false,
        username: Some(Username::parse(&format!("person{number}")).unwrap()),
        name: None,
        roles: [RoleName::parse("USER").unwrap()].into(),
        status: UserStatus::Active,
        password_hash: Some(PasswordHash::new("$argon2id$old")),
        totp: None,
        session_epoch: 0,
        version: 1,
        created_at: NOW,
        last_login_at: None,
    }
}

pub(crate) fn new(user: &User, notices: Notices) -> InsertUser {
    InsertUser { user: user.clone(), code: Some(code(&user.id, 1)), notices }
}

pub(crate) fn session(user: &User) -> Session {
    Session {
        id: SessionId::new(NOW, [2; 10]),
        user_id: user.id.clone(),
        epoch: user.session_epoch,
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
    let devices = vec![KnownDevice { digest: DeviceDigest([3; 16]), expires_at: LATER }];
    NewSession { session: session.clone(), devices, trusts: None, notices: Notices::default() }
}

/// Of an authenticator app that sign-ins ask for, with one backup code left.
pub(crate) fn factor() -> TotpFactor {
    let backup_codes = vec![BackupCodeMac([6; 32])];
    let enabled = EnabledTotp { at: NOW, last_step: 57_711_103, backup_codes };
    TotpFactor { sealed_secret: [5; 40].into(), begun_at: NOW, enabled: Some(enabled) }
}

pub(crate) fn pending(user: &UserId, number: u8) -> PendingSignIn {
    PendingSignIn {
        user: user.clone(),
        secret_digest: [number; 32],
        epoch: 0,
        step: PendingStep::Verification,
        methods: vec![AuthenticationMethod::Password],
        tries: 0,
        created_at: NOW,
        expires_at: LATER,
    }
}

pub(crate) fn trusted(session: &Session, number: u8) -> TrustedDevice {
    TrustedDevice {
        id: TrustedDeviceId::from_bytes([number; 16]),
        user: session.user_id.clone(),
        epoch: session.epoch,
        session: session.id,
        client: Client::new(Some([192, 0, 2, number].into()), Some("person's browser")),
        created_at: NOW,
        last_used_at: NOW,
        expires_at: LATER,
    }
}

pub(crate) fn event(number: u8) -> OutboxEvent {
    OutboxEvent {
        id: EventId::from_bytes([number; 16]),
        name: "test".into(),
        subject: Some(user_id(1)),
        at: NOW,
        envelope: "{}".into(),
    }
}

pub(crate) fn code(user: &UserId, number: u8) -> OneTimeCode {
    OneTimeCode {
        user: user.clone(),
        kind: CodeKind::ResetPassword,
        challenge: ChallengeId::from_bytes([number; 16]),
        secret_digest: [number; 32],
        short_code_mac: [9; 32],
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
        user: Some(user_id(1)),
        template: MailTemplate::ResetPassword,
        recipient: EmailAddress::parse("person1@example.com").unwrap(),
        sealed_values: (*b"values, sealed by the service").into(),
        created_at: NOW,
        expires_at: LATER,
    }
}

pub(crate) fn revocation(user: &User) -> Revocation {
    let epoch_below = user.session_epoch + 1;
    let scope = RevocationScope::User { user: user.id.clone(), epoch_below, except: None };
    Revocation { scope, ended_at: NOW, expires_at: LATER }
}

pub(crate) fn erasure(user: &User) -> EraseUser {
    EraseUser {
        user: user.id.clone(),
        version: user.version,
        epoch: user.session_epoch + 1,
        at: NOW,
        revocation: revocation(user),
        notices: Notices::default(),
    }
}

/// A draw on a quota of so many in an hour.
pub(crate) fn draw(count: u32) -> Draw {
    let quota = Quota::new(count.try_into().unwrap(), std::time::Duration::from_hours(1)).unwrap();
    Draw { key: LimitKey([7; 16]), quota, at: NOW }
}
