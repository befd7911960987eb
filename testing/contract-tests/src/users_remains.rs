//! Users: removing what is left of those who left.

use contracts::{EraseUser, InsertSession, NewSession, Notices, QueuedMail, Replaced};
use domain::{DeviceDigest, Session, Timestamp, User, UserId};

use crate::Backend;
use crate::fixtures::{
    ALL, HOUR, MINUTE, NOW, SECOND, by, erasure, new_user, race, session, session_id, user, user_id,
};
use crate::fixtures_factor::{beginning, pending, trusted_device, trusted_device_id, trusting};
use crate::fixtures_mail::{code, codes, mail_to, waiting};

/// Every tombstone of a case is from before then.
const SETTLED: Timestamp = Timestamp::from_unix_ms(NOW.unix_ms() + 1000);
/// No tombstone is.
const NOT_SETTLED: Timestamp = Timestamp::from_unix_ms(NOW.unix_ms() - 1000);

/// How many records [`with_remains`] leaves: of sessions, devices, trusted devices, pending
/// sign-ins and codes.
const REMAINS: usize = 5 + 5 + 4 + 3 + 3;

/// An erased user with five sessions on as many devices, four of which are trusted, a sign-in that
/// waits for a code, and two of those and three codes that came too late.
async fn with_remains(backend: &Backend) -> User {
    let user = backend.with_user(1).await;
    for number in 1..=4 {
        let new = trusting(&user, number, NOW.plus(HOUR));
        assert_eq!(backend.sessions.insert_session(&new).await.unwrap(), InsertSession::Yes);
    }
    backend.with_session(&user, 5).await;
    backend.with_pending(&user.id, 1).await;
    backend.erase(&user).await;
    for number in 2..=3 {
        backend.with_pending(&user.id, number).await;
    }
    for code in codes(&user.id, 1) {
        backend.put(&code).await;
    }
    user
}

/// How many of the devices of sessions 1 to 5 are known, how many are trusted, and how many
/// sign-ins wait.
async fn left(backend: &Backend, user: &UserId) -> [usize; 3] {
    let mut left = [0; 3];
    for number in 1..=5 {
        let device = DeviceDigest(*session_id(number).bytes());
        let found = backend.sessions.find_device(user, device, NOW).await.unwrap();
        left[0] += usize::from(found.is_some());
        left[1] += usize::from(backend.trusted(user, number).await.is_some());
        left[2] += usize::from(backend.waiting(&pending(user, number)).await.is_some());
    }
    left
}

/// All go a few of each kind at a time, so that nobody is held up for long; each is counted once,
/// and in the end nothing is left.
pub async fn remains_go_a_few_at_a_time(backend: &Backend) {
    let user = with_remains(backend).await;
    let mut steps = Vec::new();
    while steps.last() != Some(&0) {
        let before = left(backend, &user.id).await;
        steps.push(backend.users.delete_remains(SETTLED, 2).await.unwrap());
        let after = left(backend, &user.id).await;
        assert!(before.iter().zip(after).all(|(before, after)| before - after <= 2));
        assert!(steps.len() <= 22, "{steps:?}");
    }
    assert!(steps.iter().all(|step| *step <= 5 * 2), "{steps:?}");
    assert_eq!(steps.iter().sum::<usize>(), REMAINS, "{steps:?}");
    assert_eq!(left(backend, &user.id).await, [0; 3]);
    for code in codes(&user.id, 1) {
        assert_eq!(backend.code(&user.id, code.kind).await, None);
        assert_eq!(backend.try_code(code.challenge).await, None);
    }
}

/// What belongs to somebody who is there, or to nobody who was ever erased, stays.
pub async fn what_belongs_to_others_stays(backend: &Backend) {
    let other = backend.with_user(2).await;
    let theirs = backend.with_session(&other, 6).await;
    let their_code = backend.with_code(&other.id, 11).await;
    let code_of_nobody = backend.with_code(&user_id(3), 12).await;
    let trusting = trusting(&other, 7, NOW.plus(HOUR));
    assert_eq!(backend.sessions.insert_session(&trusting).await.unwrap(), InsertSession::Yes);
    let their_sign_in = backend.with_pending(&other.id, 1).await;
    let sign_in_of_nobody = backend.with_pending(&user_id(3), 1).await;
    with_remains(backend).await;
    while backend.users.delete_remains(SETTLED, ALL).await.unwrap() > 0 {}
    assert_eq!(backend.session(&theirs).await, theirs);
    let device = DeviceDigest(*theirs.id.bytes());
    assert!(backend.sessions.find_device(&other.id, device, NOW).await.unwrap().is_some());
    assert!(backend.has_code(&their_code).await);
    assert!(backend.has_code(&code_of_nobody).await);
    assert_eq!(backend.trusted(&other.id, 7).await, trusting.trusts);
    for sign_in in [their_sign_in, sign_in_of_nobody] {
        assert_eq!(backend.waiting(&sign_in).await, Some(sign_in));
    }
    assert!(backend.users.find_user(&other.id).await.unwrap().is_some());
}

/// Where nobody has left, or nothing is left, nothing is done; and nobody comes back by it.
pub async fn nothing_is_removed_twice(backend: &Backend) {
    assert_eq!(backend.users.delete_remains(SETTLED, ALL).await.unwrap(), 0);
    backend.with_user(2).await;
    assert_eq!(backend.users.delete_remains(SETTLED, ALL).await.unwrap(), 0);
    let user = with_remains(backend).await;
    for expected in [REMAINS, 0, 0] {
        assert_eq!(backend.users.delete_remains(SETTLED, ALL).await.unwrap(), expected);
    }
    assert_eq!(backend.users.find_user(&user.id).await.unwrap(), None);
    assert_eq!(backend.users.erase_user(&erasure(&user)).await.unwrap(), Replaced::Stale);
}

/// A request that was on its way may leave a record behind its user's back: for a while it is
/// looked for again and again.
pub async fn late_records_are_removed_until_the_tombstone_is_settled(backend: &Backend) {
    let user = with_remains(backend).await;
    assert_eq!(backend.users.delete_remains(NOT_SETTLED, ALL).await.unwrap(), REMAINS);
    for number in 1..=2 {
        assert_eq!(backend.users.delete_remains(NOT_SETTLED, ALL).await.unwrap(), 0);
        let late = backend.with_code(&user.id, number).await;
        let late_sign_in = backend.with_pending(&user.id, number).await;
        assert_eq!(backend.users.delete_remains(NOT_SETTLED, ALL).await.unwrap(), 2);
        assert!(!backend.has_code(&late).await);
        assert_eq!(backend.waiting(&late_sign_in).await, None);
    }
    // Once it is settled, nobody looks again.
    assert_eq!(backend.users.delete_remains(SETTLED, ALL).await.unwrap(), 0);
    let too_late = backend.with_code(&user.id, 3).await;
    assert_eq!(backend.users.delete_remains(SETTLED, ALL).await.unwrap(), 0);
    assert!(backend.has_code(&too_late).await);
}

/// A sign-in that waits for a code when its user leaves, or begins at that moment, brings nobody
/// back, whatever is done with it.
pub async fn late_sign_ins_bring_nobody_back(backend: &Backend) {
    let user = with_remains(backend).await;
    for number in 1..=3 {
        let sign_in = pending(&user.id, number);
        // Whether the record is still there to be tried is the store's affair.
        backend.try_pending(&sign_in).await;
        let (digest, store) = (sign_in.secret_digest, &backend.pending_sign_ins);
        store.take_pending_sign_in(&user.id, digest, NOW).await.unwrap();
        let device = trusted_device_id(number);
        let beginning = beginning(&trusted_device(&session(&user, number), number), number);
        backend.trusted_devices.advance_trusted_device(&beginning).await.unwrap();
        backend.trusted_devices.delete_trusted_device(&user.id, device).await.unwrap();
    }
    assert_eq!(backend.users.find_user(&user.id).await.unwrap(), None);
    assert_eq!(backend.users.list_users(None, ALL).await.unwrap(), []);
    assert_eq!(backend.account_by_email("user1@example.com").await, None);
    let again = User { email: crate::fixtures::email("again@example.com"), ..user.clone() };
    assert!(backend.users.insert_user(&new_user(&again, &[]), None).await.is_err());
    assert_eq!(backend.users.erase_user(&erasure(&user)).await.unwrap(), Replaced::Stale);
    while backend.users.delete_remains(SETTLED, ALL).await.unwrap() > 0 {}
    assert_eq!(left(backend, &user.id).await, [0; 3]);
}

/// A mail that was queued while the user left says what no longer is; one that outlives the user
/// stays until it is sent.
pub async fn late_mails_are_removed_and_the_farewell_stays(backend: &Backend) {
    let user = backend.with_user(1).await;
    let farewell = QueuedMail { user: None, ..mail_to(&user.id, 5) };
    let notices = Notices { mails: vec![farewell.clone()], ..Notices::default() };
    backend.erase_with(&EraseUser { notices, ..erasure(&user) }).await;
    let theirs = mail_to(&user_id(2), 7);
    backend.with_mails(&[mail_to(&user.id, 6), theirs.clone()]).await;
    assert_eq!(backend.users.delete_remains(NOT_SETTLED, ALL).await.unwrap(), 1);
    assert_eq!(backend.mails().await, [waiting(&farewell), waiting(&theirs)]);
}

/// A tombstone that still has something left is not settled, however old it is.
pub async fn a_tombstone_with_remains_is_not_settled(backend: &Backend) {
    with_remains(backend).await;
    let long_after = NOW.plus(1000 * HOUR);
    let mut removed = 0;
    for _ in 0..5 {
        removed += backend.users.delete_remains(long_after, 1).await.unwrap();
    }
    assert_eq!(removed, REMAINS);
    assert_eq!(backend.users.delete_remains(long_after, 1).await.unwrap(), 0);
}

/// Whatever kind of record is left: a tombstone is settled when none is.
pub async fn a_tombstone_with_one_kind_of_remains_is_not_settled(backend: &Backend) {
    let user = backend.with_user(1).await;
    for number in 1..=3 {
        let trusting = trusting(&user, number, NOW.plus(HOUR));
        let session = Session { expires_at: NOW, ..trusting.session };
        let new = NewSession { session, devices: Vec::new(), ..trusting };
        assert_eq!(backend.sessions.insert_session(&new).await.unwrap(), InsertSession::Yes);
    }
    assert_eq!(backend.revocations.delete_expired(by(NOW), ALL).await.unwrap(), 3);
    let other = backend.with_user(2).await;
    for number in 1..=3 {
        backend.with_pending(&other.id, number).await;
    }
    let long_after = NOW.plus(1000 * HOUR);
    for (user, expected) in [(user, [0, 3, 0]), (other, [0, 0, 3])] {
        backend.erase(&user).await;
        assert_eq!(left(backend, &user.id).await, expected);
        for expected in [1, 1, 1, 0] {
            assert_eq!(backend.users.delete_remains(long_after, 1).await.unwrap(), expected);
        }
        assert_eq!(left(backend, &user.id).await, [0; 3]);
    }
}

/// Remains of many users are removed as those of one, each tombstone by its own time.
pub async fn remains_of_many_users_are_removed(backend: &Backend) {
    for number in 1..=6 {
        let user = backend.with_user(number).await;
        backend.with_session(&user, number).await;
        let mut erasure = erasure(&user);
        erasure.at = NOW.minus(number * MINUTE);
        backend.erase_with(&erasure).await;
    }
    // Half of them are settled by then.
    let settled = NOW.minus(3 * MINUTE + SECOND);
    assert_eq!(backend.users.delete_remains(settled, ALL).await.unwrap(), 12);
    backend.users.delete_remains(settled, ALL).await.unwrap();
    for number in 1..=6 {
        backend.put(&code(&user(number).id, number)).await;
    }
    assert_eq!(backend.users.delete_remains(settled, ALL).await.unwrap(), 3);
}

/// Two instances may remove at once; nothing is counted twice, and neither fails.
pub async fn many_callers_share_the_removal(backend: &Backend) {
    with_remains(backend).await;
    let removed = race(4, |_| {
        let users = backend.users.clone();
        async move { users.delete_remains(SETTLED, ALL).await.unwrap() }
    })
    .await;
    assert_eq!(removed.into_iter().sum::<usize>(), REMAINS);
}
