//! What a failover looks like from here: refusals, and answers that are lost on their way.

use std::num::NonZeroU32;
use std::time::Duration;

use contracts::{
    Advance, Advanced, Draw, Drawn, EndSession, Ended, InsertSession, InsertUser, Inserted,
    KnownDevice, LimitKey, Limiter as _, NewSession, Notices, OneTimeCodeStore as _,
    OutboxStore as _, PutCode, Record, RecordStore as _, Replaced, RevocationStore as _,
    SessionStore as _, StoreError, UserStore as _,
};
use domain::{
    ChallengeId, Client, CodeKind, DeviceDigest, EmailAddress, EndReason, OneTimeCode, Quota,
    Revocation, RevocationScope, Session, SessionEnd, SessionId, Timestamp, User, UserId,
    UserStatus,
};
use mongodb::bson::{Document, doc};
use storage_mongodb::MongoStorage;
use tokio::time::Instant;

use crate::place::Place;

pub(crate) const NOW: Timestamp = Timestamp::from_unix_ms(1_731_333_100_000);
pub(crate) const LATER: Timestamp = Timestamp::from_unix_ms(NOW.unix_ms() + 3_600_000);

pub(crate) async fn open() -> (MongoStorage, Place) {
    let place = Place::new();
    (MongoStorage::open(&place.settings()).await.unwrap(), place)
}

/// The command is carried out, and its answer says that it may be lost.
pub(crate) fn lost(command: &str) -> Document {
    doc! {
        "failCommands": [command],
        "writeConcernError": { "code": 91, "errmsg": "Replication is being shut down" },
    }
}

/// The command is not carried out.
pub(crate) fn refused(command: &str, code: i32) -> Document {
    doc! { "failCommands": [command], "errorCode": code }
}

pub(crate) fn user() -> User {
    User {
        id: UserId::new(NOW, [1; 10]),
        email: EmailAddress::parse("a@b.example").unwrap(),
        is_email_verified: true,
        username: None,
        name: None,
        roles: [].into(),
        status: UserStatus::Active,
        password_hash: None,
        totp: None,
        session_epoch: 1,
        version: 1,
        created_at: NOW,
        last_login_at: None,
    }
}

pub(crate) fn session() -> Session {
    Session {
        id: SessionId::new(NOW, [2; 10]),
        user_id: user().id,
        epoch: 1,
        generation: 1,
        forgiven_generation: 0,
        rotated_at: NOW,
        rotated_by: None,
        sealed_refresh_key: [1].into(),
        methods: Vec::new(),
        authenticated_at: NOW,
        client: Client { address: None, user_agent: None },
        created_at: NOW,
        last_used_at: NOW,
        idle_expires_at: LATER,
        expires_at: LATER,
        end: None,
    }
}

pub(crate) fn insertion() -> InsertUser {
    InsertUser { user: user(), code: None, notices: Notices::default() }
}

pub(crate) fn sign_in() -> NewSession {
    let device = KnownDevice { digest: DeviceDigest([3; 16]), expires_at: LATER };
    NewSession {
        session: session(),
        devices: vec![device],
        trusts: None,
        notices: Notices::default(),
    }
}

fn advance() -> Advance {
    let session = session();
    Advance {
        user: session.user_id,
        session: session.id,
        from: 1,
        to: 2,
        at: NOW,
        by: None,
        idle_expires_at: LATER,
        resealed: None,
    }
}

pub(crate) fn end() -> EndSession {
    let session = session();
    EndSession {
        user: session.user_id,
        session: session.id,
        end: SessionEnd { at: NOW, reason: EndReason::SignedOut },
        revocation: Revocation {
            scope: RevocationScope::Session(session.id),
            ended_at: NOW,
            expires_at: LATER,
        },
    }
}

fn code() -> PutCode {
    let code = OneTimeCode {
        user: user().id,
        kind: CodeKind::ResetPassword,
        challenge: ChallengeId::new(NOW, [4; 10]),
        secret_digest: [5; 32],
        short_code_mac: [6; 32],
        tries: 0,
        email: None,
        created_at: NOW,
        short_code_expires_at: LATER,
        expires_at: LATER,
    };
    let unless_made_after = Timestamp::from_unix_ms(NOW.unix_ms() - 1);
    PutCode { code, unless_made_after, notices: Notices::default() }
}

pub(crate) async fn with_session(storage: &MongoStorage) {
    storage.insert_user(&insertion(), None).await.unwrap();
    assert_eq!(storage.insert_session(&sign_in()).await.unwrap(), InsertSession::Yes);
}

#[tokio::test]
async fn a_server_that_is_no_primary_any_more_costs_less_than_two_seconds() {
    let (storage, place) = open().await;
    storage.insert_record("r", b"0", &[]).await.unwrap();
    for (version, code) in (1..).zip([10_107, 13_435, 10_058, 11_600, 11_602, 13_436, 189, 91]) {
        for command in ["update", "find"] {
            place.fail(1, refused(command, code)).await;
        }
        let start = Instant::now();
        let replaced = storage.replace_record("r", version, b"1", &[]).await.unwrap();
        assert_eq!(replaced, Replaced::Yes, "{code}");
        let found = storage.find_record("r").await.unwrap().unwrap();
        assert_eq!(found.version, version + 1, "{code}");
        assert!(start.elapsed() < Duration::from_secs(2), "{code}: {:?}", start.elapsed());
    }
}

#[tokio::test]
async fn a_transaction_that_meets_no_primary_is_done_once() {
    let (storage, place) = open().await;
    with_session(&storage).await;
    for command in ["update", "insert", "commitTransaction"] {
        place.fail(1, refused(command, 10_107)).await;
    }
    assert_eq!(storage.end_session(&end(), &[]).await.unwrap(), Ended::Yes);
    let list = storage.list_revocations(NOW, 10).await.unwrap();
    assert_eq!((list.rows.len(), list.sequence), (1, 1));
}

#[tokio::test]
async fn a_connection_that_breaks_is_replaced() {
    let (storage, place) = open().await;
    with_session(&storage).await;
    for command in ["find", "update", "insert", "commitTransaction", "findAndModify"] {
        let broken = doc! { "failCommands": [command], "closeConnection": true };
        place.fail(1, broken).await;
        let name = format!("by {command}");
        assert_eq!(storage.insert_record(&name, b"", &[]).await.unwrap(), Inserted::Yes);
        assert!(storage.find_record(&name).await.unwrap().is_some());
    }
    assert_eq!(storage.advance_generation(&advance()).await.unwrap(), Advanced::Yes);
    assert_eq!(storage.end_session(&end(), &[]).await.unwrap(), Ended::Yes);
    assert_eq!(storage.list_revocations(NOW, 10).await.unwrap().sequence, 1);
}

/// The first try was carried out, so the second finds its condition unmet: by itself.
#[tokio::test]
async fn nobody_is_told_stale_of_what_they_did_themselves() {
    let (storage, place) = open().await;
    place.fail(1, lost("insert")).await;
    assert_eq!(storage.insert_record("r", b"0", &[]).await.unwrap(), Inserted::Yes);
    assert_eq!(storage.insert_record("r", b"0", &[]).await.unwrap(), Inserted::Exists);
    place.fail(1, lost("update")).await;
    assert_eq!(storage.replace_record("r", 1, b"1", &[]).await.unwrap(), Replaced::Yes);
    let record = Record { version: 2, content: (*b"1").into() };
    assert_eq!(storage.find_record("r").await.unwrap(), Some(record));
    place.fail(1, lost("update")).await;
    assert_eq!(storage.replace_record("r", 1, b"2", &[]).await.unwrap(), Replaced::Stale);

    place.fail(1, lost("insert")).await;
    storage.insert_user(&insertion(), None).await.unwrap();
    storage.insert_session(&sign_in()).await.unwrap();
    place.fail(1, lost("update")).await;
    assert_eq!(storage.advance_generation(&advance()).await.unwrap(), Advanced::Yes);
    assert_eq!(storage.advance_generation(&advance()).await.unwrap(), Advanced::Stale);
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_happens_once() {
    let (storage, place) = open().await;
    storage.insert_user(&insertion(), None).await.unwrap();
    // The driver repeats a commit that had no answer, and so do we: where all of that is lost, the
    // whole transaction has to find its own trace.
    for times in [1, 2, 7] {
        let mut new = sign_in();
        new.session.id = SessionId::new(NOW, [times.try_into().unwrap(); 10]);
        place.fail(times, lost("commitTransaction")).await;
        let inserted = storage.insert_session(&new).await.unwrap();
        assert_eq!(inserted, InsertSession::Yes, "{times}");
        place.fail(0, lost("commitTransaction")).await;
    }
    let ending = EndSession { session: SessionId::new(NOW, [7; 10]), ..end() };
    place.fail(7, lost("commitTransaction")).await;
    assert_eq!(storage.end_session(&ending, &[]).await.unwrap(), Ended::Yes);
    let list = storage.list_revocations(NOW, 10).await.unwrap();
    assert_eq!((list.rows.len(), list.sequence), (1, 1));
    assert_eq!(storage.end_session(&ending, &[]).await.unwrap(), Ended::Already);
}

#[tokio::test]
async fn a_code_is_put_and_tried_once() {
    let (storage, place) = open().await;
    place.fail(1, lost("update")).await;
    assert_eq!(storage.put_code(&code()).await.unwrap(), contracts::CodePut::Yes);
    place.fail(1, lost("findAndModify")).await;
    let tried = storage.advance_tries(code().code.challenge, 5, NOW).await.unwrap();
    assert_eq!(tried.unwrap().tries, 1);
}

#[tokio::test]
async fn a_claim_whose_answer_is_lost_gives_its_events() {
    let (storage, place) = open().await;
    let event = |number| contracts::OutboxEvent {
        id: domain::EventId::new(NOW, [number; 10]),
        name: "test.event".to_owned(),
        subject: Some(user().id),
        at: NOW,
        envelope: "{}".to_owned(),
    };
    let events = [event(1), event(2)];
    storage.insert_events(&events).await.unwrap();
    place.fail(1, lost("update")).await;
    assert_eq!(storage.claim_events(NOW, LATER, 10).await.unwrap(), events);
}

/// A draw may then count twice, never not at all.
#[tokio::test]
async fn a_draw_whose_answer_is_lost_counts() {
    let (storage, place) = open().await;
    let quota = Quota::new(NonZeroU32::MIN, Duration::from_mins(1)).unwrap();
    let draw = Draw { key: LimitKey([1; 16]), quota, at: NOW };
    place.fail(1, refused("update", 10_107)).await;
    assert_eq!(storage.draw(&draw).await.unwrap(), Drawn::Yes);
    assert!(matches!(storage.draw(&draw).await.unwrap(), Drawn::No { .. }));
}

#[tokio::test]
async fn a_write_conflict_is_tried_again() {
    let (storage, place) = open().await;
    with_session(&storage).await;
    for command in ["update", "commitTransaction"] {
        let mut conflict = refused(command, 112);
        conflict.insert("errorLabels", ["TransientTransactionError"].to_vec());
        place.fail(5, conflict).await;
    }
    assert_eq!(storage.end_session(&end(), &[]).await.unwrap(), Ended::Yes);
    assert_eq!(storage.list_revocations(NOW, 10).await.unwrap().sequence, 1);
}

/// What the server refuses for good is not tried again, and its words are not passed on: they may
/// quote the command.
#[tokio::test]
async fn another_refusal_is_final_and_named_by_its_code() {
    let (storage, place) = open().await;
    place.fail(1, refused("insert", 13)).await;
    let failure = storage.insert_record("a@b.example", b"", &[]).await.unwrap_err();
    assert!(matches!(failure, StoreError::Unavailable(_)));
    let words = contracts::chain(&failure);
    assert!(words.contains("13") && !words.contains('@'), "{words}");
    assert_eq!(storage.find_record("a@b.example").await.unwrap(), None);
}
