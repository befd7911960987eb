//! Values at their edges: whatever the domain can hold comes back as it went in.

use std::net::IpAddr;

use contracts::{Advance, Advanced, MailState, OutboxEvent, OutboxMail, QueuedMail, Replaced};
use domain::{
    BackupCodeMac, ChallengeId, Client, EnabledTotp, MailId, OneTimeCode, PasswordHash, PersonName,
    RevocationScope, Session, SessionId, Timestamp, TotpFactor, User, UserId, UserStatus,
};

use crate::Backend;
use crate::fixtures::{
    NOW, assert_same_user, email, end, event, raise, roles, session, user, user_id, username,
};
use crate::fixtures_mail::{code, mail, waiting};

/// The largest counter that every backend holds.
const COUNTER_MAX: u64 = i64::MAX.cast_unsigned();

/// A user with nothing that may be absent.
fn bare_user() -> User {
    User {
        is_email_verified: false,
        username: None,
        name: None,
        roles: roles(&[]),
        status: UserStatus::Disabled,
        password_hash: None,
        totp: None,
        session_epoch: 0,
        version: 0,
        created_at: Timestamp::from_unix_ms(0),
        last_login_at: None,
        ..user(1)
    }
}

/// A user with all of it, each as long or as large as it can be.
fn full_user() -> User {
    let domain = format!("{0}.{0}.{1}.example", "b".repeat(63), "c".repeat(53));
    User {
        id: UserId::parse(&"~".repeat(128)).unwrap(),
        email: email(&format!("{}@{domain}", "A".repeat(64))),
        is_email_verified: true,
        username: Some(username(&"u".repeat(32))),
        name: Some(PersonName::parse(&"😀".repeat(200)).unwrap()),
        roles: roles(&["ADMIN", "SUPERVISOR", "USER"]),
        status: UserStatus::Active,
        password_hash: Some(PasswordHash::new("$".repeat(512))),
        totp: Some(TotpFactor {
            sealed_secret: (0..=u8::MAX).collect(),
            begun_at: Timestamp::from_unix_ms(i64::MIN),
            enabled: Some(EnabledTotp {
                at: Timestamp::from_unix_ms(i64::MAX),
                last_step: COUNTER_MAX,
                backup_codes: (0..10).rev().map(|n| BackupCodeMac([n * 25; 32])).collect(),
            }),
        }),
        session_epoch: COUNTER_MAX - 1,
        version: COUNTER_MAX - 1,
        created_at: Timestamp::from_unix_ms(i64::MAX),
        last_login_at: Some(Timestamp::from_unix_ms(i64::MIN)),
    }
}

/// Users with nothing and with everything read back, alone and in a list.
pub async fn users_with_nothing_and_with_everything_read_back(backend: &Backend) {
    for user in [bare_user(), full_user()] {
        backend.insert_user(&user).await;
        assert_same_user(&backend.account(&user.id).await.user, &user);
        let found = backend.account_by_email(user.email.key()).await.unwrap();
        assert_same_user(&found.user, &user);
    }
    let listed = backend.users.list_users(None, 10).await.unwrap();
    assert_same_user(&listed[0], &bare_user());
    assert_same_user(&listed[1], &full_user());
}

/// Names of any script, and such as mean something to a database, read back.
pub async fn names_of_any_script_read_back(backend: &Backend) {
    let names = [
        "Ædith Þórsdóttir",
        "李 小龍",
        "ناصر",
        "e\u{301} is not \u{e9}",
        "O'Brien\"; DROP TABLE users; --",
        "$1 %s {0} \\ `$ne` null NULL 0",
        "👩\u{200d}👩\u{200d}👧",
    ];
    for (number, text) in (1..).zip(names) {
        let user = User { name: Some(PersonName::parse(text).unwrap()), ..user(number) };
        backend.insert_user(&user).await;
        let found = backend.account(&user.id).await.user.name.unwrap();
        assert_eq!(found.as_str(), text);
    }
}

/// Ids of other systems are kept as they are and told apart by case and by sign.
pub async fn foreign_user_ids_are_told_apart(backend: &Backend) {
    let ids = ["auth0|5f7c", "AUTH0|5F7C", "a'b", "a\"b", "a%b", "a_b", "a#b", "a/b", "a{b}", "0"];
    for (number, id) in (1..).zip(ids) {
        let user = User { id: UserId::parse(id).unwrap(), ..user(number) };
        backend.insert_user(&user).await;
        backend.with_session(&user, number).await;
    }
    for (number, id) in (1..).zip(ids) {
        let id = UserId::parse(id).unwrap();
        let found = backend.account(&id).await.user;
        assert_eq!((found.id.clone(), found.email), (id, user(number).email));
        let sessions = backend.sessions.list_sessions(&found.id, NOW, None, 10).await.unwrap();
        assert_eq!(sessions.len(), 1);
    }
}

/// Sessions with nothing and with everything read back.
pub async fn sessions_with_nothing_and_with_everything_read_back(backend: &Backend) {
    let user = User { status: UserStatus::Active, ..full_user() };
    backend.insert_user(&user).await;
    let bare = Session {
        id: SessionId::from_bytes([0; 16]),
        rotated_by: None,
        sealed_refresh_key: [].into(),
        methods: Vec::new(),
        client: Client { address: None, user_agent: None },
        ..session(&user, 1)
    };
    let agent: Box<str> = "ü😀".repeat(128).into();
    let end_of_time = Timestamp::from_unix_ms(i64::MAX);
    let full = Session {
        id: SessionId::from_bytes([0xff; 16]),
        generation: COUNTER_MAX,
        forgiven_generation: COUNTER_MAX - 1,
        rotated_by: Some(agent.clone()),
        sealed_refresh_key: (0..=u8::MAX).collect(),
        client: Client { address: None, user_agent: Some(agent) },
        idle_expires_at: end_of_time,
        expires_at: end_of_time,
        ..session(&user, 1)
    };
    for session in [bare, full] {
        backend.insert(&session).await;
        assert_eq!(backend.session(&session).await, session);
    }
}

/// Addresses of both families read back as they were.
pub async fn addresses_of_clients_read_back(backend: &Backend) {
    let user = backend.with_user(1).await;
    let addresses = ["0.0.0.0", "255.255.255.255", "::", "2001:db8::1", "::ffff:192.0.2.1"];
    for (number, text) in (1..).zip(addresses) {
        let address: IpAddr = text.parse().unwrap();
        let client = Client { address: Some(address), user_agent: None };
        let session = Session { client, ..session(&user, number) };
        backend.insert(&session).await;
        assert_eq!(backend.session(&session).await.client.address, Some(address));
    }
}

/// A generation may go as far as a counter can.
pub async fn the_last_generation_can_be_reached(backend: &Backend) {
    let user = backend.with_user(1).await;
    let session = Session { generation: COUNTER_MAX - 1, ..session(&user, 1) };
    backend.insert(&session).await;
    let advance = Advance {
        user: session.user_id.clone(),
        session: session.id,
        from: COUNTER_MAX - 1,
        to: COUNTER_MAX,
        at: NOW,
        by: None,
        idle_expires_at: NOW,
        resealed: None,
    };
    let advanced = backend.sessions.advance_generation(&advance).await.unwrap();
    assert_eq!(advanced, Advanced::Yes);
    assert_eq!(backend.session(&session).await.generation, COUNTER_MAX);
}

/// Revocations with the largest epoch, of users with the longest id, read back.
pub async fn revocations_at_the_edges_read_back(backend: &Backend) {
    let user = full_user();
    backend.insert_user(&user).await;
    let mut raise = raise(&user);
    raise.revocation.scope = RevocationScope::User {
        user: user.id.clone(),
        epoch_below: COUNTER_MAX,
        except: Some(SessionId::from_bytes([0xff; 16])),
    };
    raise.revocation.ended_at = Timestamp::from_unix_ms(-1);
    raise.revocation.expires_at = Timestamp::from_unix_ms(i64::MAX);
    backend.users.advance_session_epoch(&raise, &[]).await.unwrap();
    assert_eq!(backend.revoked().await, [raise.revocation]);
    assert_eq!(backend.account(&user.id).await.user.session_epoch, COUNTER_MAX);
}

/// Envelopes are kept to the byte: consumers check a signature over them.
pub async fn envelopes_are_kept_to_the_byte(backend: &Backend) {
    let envelopes = [
        "{}",
        "{ \"b\" : 1.0, \"a\":1e3,\"a\":\"\\u00e9 \u{e9}\" }\n",
        "not json at all: '\"\\ \u{1f600}",
        "",
        &format!("\"{}\"", "x".repeat(60_000)),
    ];
    let events: Vec<OutboxEvent> = (1..)
        .zip(envelopes)
        .map(|(number, envelope)| OutboxEvent { envelope: envelope.into(), ..event(number) })
        .collect();
    backend.outbox.insert_events(&events).await.unwrap();
    assert_eq!(backend.events().await, events);
}

/// An end long ago, or far ahead, is kept to the millisecond.
pub async fn moments_are_kept_to_the_millisecond(backend: &Backend) {
    let user = backend.with_user(1).await;
    let moments = [i64::MIN, -1, 0, 1, 1_731_333_100_001, 253_402_300_800_000, i64::MAX];
    for (number, ms) in (1..).zip(moments) {
        let session = backend.with_session(&user, number).await;
        let mut end = end(&session);
        end.end.at = Timestamp::from_unix_ms(ms);
        backend.sessions.end_session(&end, &[]).await.unwrap();
        assert_eq!(backend.session(&session).await.end, Some(end.end));
    }
}

/// Codes with the smallest and the largest values read back.
pub async fn codes_at_the_edges_read_back(backend: &Backend) {
    let least = OneTimeCode {
        user: UserId::parse("'").unwrap(),
        challenge: ChallengeId::from_bytes([0; 16]),
        secret_digest: [0; 32],
        short_code_mac: [0; 32],
        created_at: Timestamp::from_unix_ms(i64::MIN),
        ..code(&user_id(1), 1)
    };
    let end_of_time = Timestamp::from_unix_ms(i64::MAX);
    let most = OneTimeCode {
        user: full_user().id,
        challenge: ChallengeId::from_bytes([0xff; 16]),
        secret_digest: [0xff; 32],
        short_code_mac: [0xff; 32],
        tries: u32::MAX,
        email: Some(full_user().email),
        created_at: NOW,
        short_code_expires_at: end_of_time,
        expires_at: end_of_time,
        ..code(&user_id(1), 1)
    };
    for code in [least, most] {
        backend.put(&code).await;
        let found = backend.code(&code.user, code.kind).await.unwrap();
        assert!(found == code);
        let typed = |code: OneTimeCode| code.email.map(|new| new.as_typed().to_owned());
        assert_eq!(typed(found), typed(code));
    }
}

/// Mails with nothing and with everything read back.
pub async fn mails_with_nothing_and_with_everything_read_back(backend: &Backend) {
    let bare = QueuedMail {
        id: MailId::from_bytes([0; 16]),
        sealed_values: [].into(),
        created_at: Timestamp::from_unix_ms(i64::MIN),
        expires_at: Timestamp::from_unix_ms(i64::MIN),
        ..mail(1)
    };
    let full = QueuedMail {
        id: MailId::from_bytes([0xff; 16]),
        user: Some(full_user().id),
        recipient: full_user().email,
        sealed_values: (0..=u8::MAX).collect::<Vec<_>>().repeat(64).into(),
        created_at: NOW,
        expires_at: Timestamp::from_unix_ms(i64::MAX),
        ..mail(2)
    };
    backend.with_mails(&[bare.clone(), full.clone()]).await;
    assert_eq!(backend.mails().await, [waiting(&bare), waiting(&full)]);
    let tried = OutboxMail {
        state: MailState::Dead,
        attempts: u32::MAX,
        due_at: Timestamp::from_unix_ms(i64::MAX),
        last_error: Some("e\u{301} \u{1f4ec}\n'\"".to_owned()),
        ..waiting(&full)
    };
    assert_eq!(backend.mails.replace_mail(&tried, NOW).await.unwrap(), Replaced::Yes);
    assert_eq!(backend.mails().await, [waiting(&bare), tried]);
}
