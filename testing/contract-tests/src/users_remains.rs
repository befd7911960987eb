//! Users: removing what is left of those who left.

use contracts::{EraseUser, Notices, QueuedMail, Replaced};
use domain::{DeviceDigest, Timestamp, User, UserId};

use crate::Backend;
use crate::fixtures::{ALL, HOUR, MINUTE, NOW, SECOND, erasure, race, session_id, user, user_id};
use crate::fixtures_mail::{code, codes, mail_to, waiting};

/// Every tombstone of a case is from before then.
const SETTLED: Timestamp = Timestamp::from_unix_ms(NOW.unix_ms() + 1000);
/// No tombstone is.
const NOT_SETTLED: Timestamp = Timestamp::from_unix_ms(NOW.unix_ms() - 1000);

/// An erased user with five sessions on as many devices, and three codes that came too late.
async fn with_remains(backend: &Backend) -> User {
    let user = backend.with_user(1).await;
    for number in 1..=5 {
        backend.with_session(&user, number).await;
    }
    backend.erase(&user).await;
    for code in codes(&user.id, 1) {
        backend.put(&code).await;
    }
    user
}

/// How many of the devices of sessions 1 to 5 are known.
async fn devices(backend: &Backend, user: &UserId) -> usize {
    let mut known = 0;
    for number in 1..=5 {
        let device = DeviceDigest(*session_id(number).bytes());
        let found = backend.sessions.find_device(user, device, NOW).await.unwrap();
        known += usize::from(found.is_some());
    }
    known
}

/// Sessions, devices and codes go a few of each kind at a time, so that nobody is held up for long;
/// each is counted once, and in the end nothing is left.
pub async fn remains_go_a_few_at_a_time(backend: &Backend) {
    let user = with_remains(backend).await;
    let mut steps = Vec::new();
    while steps.last() != Some(&0) {
        let before = devices(backend, &user.id).await;
        steps.push(backend.users.delete_remains(SETTLED, 2).await.unwrap());
        assert!(before - devices(backend, &user.id).await <= 2);
        assert!(steps.len() <= 14, "{steps:?}");
    }
    assert!(steps.iter().all(|step| *step <= 3 * 2), "{steps:?}");
    assert_eq!(steps.iter().sum::<usize>(), 5 + 5 + 3, "{steps:?}");
    assert_eq!(devices(backend, &user.id).await, 0);
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
    with_remains(backend).await;
    while backend.users.delete_remains(SETTLED, ALL).await.unwrap() > 0 {}
    assert_eq!(backend.session(&theirs).await, theirs);
    let device = DeviceDigest(*theirs.id.bytes());
    assert!(backend.sessions.find_device(&other.id, device, NOW).await.unwrap().is_some());
    assert!(backend.has_code(&their_code).await);
    assert!(backend.has_code(&code_of_nobody).await);
    assert!(backend.users.find_user(&other.id).await.unwrap().is_some());
}

/// Where nobody has left, or nothing is left, nothing is done; and nobody comes back by it.
pub async fn nothing_is_removed_twice(backend: &Backend) {
    assert_eq!(backend.users.delete_remains(SETTLED, ALL).await.unwrap(), 0);
    backend.with_user(2).await;
    assert_eq!(backend.users.delete_remains(SETTLED, ALL).await.unwrap(), 0);
    let user = with_remains(backend).await;
    for expected in [13, 0, 0] {
        assert_eq!(backend.users.delete_remains(SETTLED, ALL).await.unwrap(), expected);
    }
    assert_eq!(backend.users.find_user(&user.id).await.unwrap(), None);
    assert_eq!(backend.users.erase_user(&erasure(&user)).await.unwrap(), Replaced::Stale);
}

/// A request that was on its way may leave a record behind its user's back: for a while it is
/// looked for again and again.
pub async fn late_records_are_removed_until_the_tombstone_is_settled(backend: &Backend) {
    let user = with_remains(backend).await;
    assert_eq!(backend.users.delete_remains(NOT_SETTLED, ALL).await.unwrap(), 13);
    for number in 1..=2 {
        assert_eq!(backend.users.delete_remains(NOT_SETTLED, ALL).await.unwrap(), 0);
        let late = backend.with_code(&user.id, number).await;
        assert_eq!(backend.users.delete_remains(NOT_SETTLED, ALL).await.unwrap(), 1);
        assert!(!backend.has_code(&late).await);
    }
    // Once it is settled, nobody looks again.
    assert_eq!(backend.users.delete_remains(SETTLED, ALL).await.unwrap(), 0);
    let too_late = backend.with_code(&user.id, 3).await;
    assert_eq!(backend.users.delete_remains(SETTLED, ALL).await.unwrap(), 0);
    assert!(backend.has_code(&too_late).await);
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
    assert_eq!(removed, 13);
    assert_eq!(backend.users.delete_remains(long_after, 1).await.unwrap(), 0);
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
    assert_eq!(removed.into_iter().sum::<usize>(), 13);
}
