//! Sign-ins that want another step: keeping, finding, taking and sweeping.

use contracts::Expiry;
use domain::{AuthenticationMethod, PendingSignIn, PendingStep, Timestamp, UserId};

use crate::Backend;
use crate::fixtures::{ALL, HOUR, MILLISECOND, MINUTE, NOW, SECOND, by, race, user_id};
use crate::fixtures_factor::pending;

async fn find(backend: &Backend, pending: &PendingSignIn, now: Timestamp) -> Option<PendingSignIn> {
    let digest = pending.secret_digest;
    backend.pending_sign_ins.find_pending_sign_in(&pending.user, digest, now).await.unwrap()
}

async fn take(backend: &Backend, pending: &PendingSignIn, now: Timestamp) -> Option<PendingSignIn> {
    let digest = pending.secret_digest;
    backend.pending_sign_ins.take_pending_sign_in(&pending.user, digest, now).await.unwrap()
}

/// All of it reads back, until its moment.
pub async fn a_sign_in_is_found_whole_until_it_expires(backend: &Backend) {
    let user = backend.with_user(1).await;
    let kept = pending(&user.id, 1);
    assert_eq!(find(backend, &kept, NOW).await, None);
    backend.begin(&kept).await;
    let last = kept.expires_at.minus(MILLISECOND);
    for now in [NOW, last] {
        assert_eq!(find(backend, &kept, now).await, Some(kept.clone()));
    }
    for now in [kept.expires_at, kept.expires_at.plus(HOUR)] {
        assert_eq!(find(backend, &kept, now).await, None);
    }
}

/// Steps and methods of every kind read back, and whatever else a sign-in can hold.
pub async fn sign_ins_at_the_edges_read_back(backend: &Backend) {
    let least = PendingSignIn {
        user: UserId::parse("'").unwrap(),
        secret_digest: [0; 32],
        epoch: 0,
        step: PendingStep::Verification,
        methods: Vec::new(),
        tries: 0,
        created_at: Timestamp::from_unix_ms(i64::MIN),
        expires_at: NOW.plus(MILLISECOND),
    };
    let most = PendingSignIn {
        user: UserId::parse(&"~".repeat(128)).unwrap(),
        secret_digest: [0xff; 32],
        epoch: i64::MAX.cast_unsigned(),
        step: PendingStep::Enrolment,
        methods: vec![
            AuthenticationMethod::TrustedDevice,
            AuthenticationMethod::BackupCode,
            AuthenticationMethod::OneTimePassword,
            AuthenticationMethod::Password,
        ],
        tries: u32::MAX,
        created_at: NOW,
        expires_at: Timestamp::from_unix_ms(i64::MAX),
    };
    for kept in [least, most] {
        backend.begin(&kept).await;
        assert_eq!(find(backend, &kept, NOW).await, Some(kept.clone()));
        assert_eq!(take(backend, &kept, NOW).await, Some(kept));
    }
}

/// A person may sign in on many devices at once, each by its own token.
pub async fn sign_ins_of_one_user_do_not_hinder_each_other(backend: &Backend) {
    let user = backend.with_user(1).await;
    let [first, second] = [backend.with_pending(&user.id, 1).await, pending(&user.id, 2)];
    backend.begin(&second).await;
    assert_eq!(take(backend, &first, NOW).await, Some(first.clone()));
    assert_eq!(find(backend, &second, NOW).await, Some(second));
    assert_eq!(find(backend, &first, NOW).await, None);
}

/// A token is for its user: under another it finds, counts and takes nothing.
pub async fn a_digest_is_not_found_under_another_user(backend: &Backend) {
    let (user, other) = (backend.with_user(1).await, backend.with_user(2).await);
    let kept = backend.with_pending(&user.id, 1).await;
    backend.with_pending(&other.id, 2).await;
    for stranger in [&other.id, &user_id(3)] {
        let foreign = PendingSignIn { user: stranger.clone(), ..kept.clone() };
        assert_eq!(find(backend, &foreign, NOW).await, None);
        assert_eq!(backend.try_pending(&foreign).await, None);
        assert_eq!(take(backend, &foreign, NOW).await, None);
    }
    let unknown = pending(&user.id, 9);
    assert_eq!(find(backend, &unknown, NOW).await, None);
    assert_eq!(backend.try_pending(&unknown).await, None);
    assert_eq!(take(backend, &unknown, NOW).await, None);
    assert_eq!(find(backend, &kept, NOW).await, Some(kept));
}

/// Two may have one digest, if they are of two users: neither finds the other's.
pub async fn one_digest_of_two_users_is_two_sign_ins(backend: &Backend) {
    let first = backend.with_pending(&user_id(1), 1).await;
    let second = PendingSignIn { epoch: 8, ..pending(&user_id(2), 1) };
    backend.begin(&second).await;
    assert_eq!(take(backend, &first, NOW).await, Some(first));
    assert_eq!(find(backend, &second, NOW).await, Some(second));
}

/// What is taken is gone, and is as it was tried.
pub async fn a_sign_in_is_taken_once(backend: &Backend) {
    let user = backend.with_user(1).await;
    let kept = backend.with_pending(&user.id, 1).await;
    backend.try_pending(&kept).await.unwrap();
    let expected = PendingSignIn { tries: 1, ..kept };
    assert_eq!(take(backend, &expected, NOW).await, Some(expected.clone()));
    for _ in 0..2 {
        assert_eq!(take(backend, &expected, NOW).await, None);
    }
    assert_eq!(find(backend, &expected, NOW).await, None);
    assert_eq!(left(backend).await, 0);
}

/// Whoever shows a right code in sixteen places at once gets one session.
pub async fn one_of_many_callers_takes_a_sign_in(backend: &Backend) {
    let user = backend.with_user(1).await;
    let kept = backend.with_pending(&user.id, 1).await;
    let taken = race(16, |_| {
        let (backend, kept) = (backend.clone(), kept.clone());
        async move { take(&backend, &kept, NOW).await }
    })
    .await;
    let taken: Vec<PendingSignIn> = taken.into_iter().flatten().collect();
    assert_eq!(taken, [kept]);
    assert_eq!(left(backend).await, 0);
}

/// At its moment it is over, and stays for the sweep.
pub async fn an_expired_sign_in_is_not_taken(backend: &Backend) {
    let user = backend.with_user(1).await;
    let kept = backend.with_pending(&user.id, 1).await;
    for now in [kept.expires_at, kept.expires_at.plus(HOUR)] {
        assert_eq!(take(backend, &kept, now).await, None);
    }
    let last = kept.expires_at.minus(MILLISECOND);
    assert_eq!(take(backend, &kept, last).await, Some(kept));
}

/// A sign-in needs no user: whether there is one is known by then, and asked again at the end.
pub async fn a_sign_in_of_nobody_is_kept(backend: &Backend) {
    let kept = backend.with_pending(&user_id(1), 1).await;
    assert_eq!(find(backend, &kept, NOW).await, Some(kept));
    assert_eq!(backend.users.find_user(&user_id(1)).await.unwrap(), None);
    assert_eq!(backend.users.list_users(None, ALL).await.unwrap(), []);
}

/// Those that are over go, a few at a time, and others stay; sessions have a moment of their own.
pub async fn a_sweep_takes_sign_ins_that_have_expired(backend: &Backend) {
    let user = backend.with_user(1).await;
    let moments = [NOW.minus(MINUTE), NOW.minus(SECOND), NOW, NOW.plus(SECOND)];
    for (number, expires_at) in (1..).zip(moments) {
        backend.begin(&PendingSignIn { expires_at, ..pending(&user.id, number) }).await;
    }
    let expiry = Expiry { now: NOW, sessions: NOW.minus(24 * HOUR) };
    let mut swept = Vec::new();
    for limit in [2, ALL, ALL] {
        swept.push(backend.revocations.delete_expired(expiry, limit).await.unwrap());
    }
    assert_eq!(swept, [2, 1, 0]);
    let long_ago = NOW.minus(HOUR);
    for (number, is_left) in [(1, false), (2, false), (3, false), (4, true)] {
        let found = find(backend, &pending(&user.id, number), long_ago).await;
        assert_eq!(found.is_some(), is_left, "{number}");
    }
}

/// How many records there are that will ever expire.
async fn left(backend: &Backend) -> usize {
    let far = NOW.plus(1000 * 24 * HOUR);
    backend.revocations.delete_expired(by(far), ALL).await.unwrap()
}
