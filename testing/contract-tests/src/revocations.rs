//! Revocations: listing, counting and sweeping.

use contracts::{Ended, Expiry, Revocations};
use domain::{Revocation, RevocationScope, Session, Timestamp, User};

use crate::Backend;
use crate::fixtures::{
    ALL, HOUR, MINUTE, NOW, SECOND, by, count_of, end, race, raise, session, session_id, user_id,
};

/// Ends a new session of the user, with a revocation that expires then.
async fn end_one(backend: &Backend, user: &User, number: u32, expires_at: Timestamp) -> Revocation {
    let session = backend.with_session(user, number).await;
    let mut end = end(&session);
    end.revocation.expires_at = expires_at;
    assert_eq!(backend.sessions.end_session(&end, &[]).await.unwrap(), Ended::Yes);
    end.revocation
}

/// An empty store has revoked nothing.
pub async fn nothing_is_revoked_in_an_empty_store(backend: &Backend) {
    assert!(backend.revoked().await.is_empty());
    assert_eq!(backend.revocations.delete_expired(by(NOW), ALL).await.unwrap(), 0);
}

/// Each revocation raises the sequence; the newest comes first.
pub async fn the_newest_revocation_comes_first_and_raises_the_sequence(backend: &Backend) {
    let user = backend.with_user(1).await;
    let mut expected = Vec::new();
    for number in [3, 1, 2] {
        let before = backend.sequence().await;
        expected.insert(0, end_one(backend, &user, number, NOW.plus(MINUTE)).await);
        assert!(backend.sequence().await > before);
        assert_eq!(backend.revoked().await, expected);
    }
}

/// What is revoked of a user, and which session is spared, reads back.
pub async fn revocations_of_sessions_and_of_users_read_back(backend: &Backend) {
    let user = backend.with_user(1).await;
    let one = end_one(backend, &user, 1, NOW.plus(MINUTE)).await;
    let mut raise = raise(&user);
    raise.revocation.scope = RevocationScope::User {
        user: user_id(1),
        epoch_below: raise.to,
        except: Some(session_id(7)),
    };
    raise.revocation.ended_at = NOW.minus(SECOND);
    backend.users.advance_session_epoch(&raise, &[]).await.unwrap();
    assert_eq!(backend.revoked().await, [raise.revocation, one]);
}

/// Whoever asks for few gets the newest, and the whole sequence.
pub async fn a_limit_keeps_the_newest_revocations(backend: &Backend) {
    let user = backend.with_user(1).await;
    let mut all = Vec::new();
    for number in 1..=5 {
        all.insert(0, end_one(backend, &user, number, NOW.plus(MINUTE)).await);
    }
    let list = backend.revocations.list_revocations(NOW, 2).await.unwrap();
    assert_eq!(list, Revocations { sequence: backend.sequence().await, rows: all[..2].to_vec() });
}

/// No token is left that an expired revocation could concern. One that expires now has expired.
pub async fn expired_revocations_are_not_listed(backend: &Backend) {
    let user = backend.with_user(1).await;
    let kept = end_one(backend, &user, 1, NOW.plus(SECOND)).await;
    end_one(backend, &user, 2, NOW).await;
    end_one(backend, &user, 3, NOW.minus(SECOND)).await;
    // The limit counts what is listed.
    let list = backend.revocations.list_revocations(NOW, 1).await.unwrap();
    assert_eq!(list.rows, [kept]);
}

/// A verifier that has seen sequence 7 must never be told 7 again for something newer.
pub async fn the_sequence_never_falls(backend: &Backend) {
    let user = backend.with_user(1).await;
    for number in 1..=3 {
        end_one(backend, &user, number, NOW.plus(MINUTE)).await;
    }
    let before = backend.sequence().await;
    let later = NOW.plus(HOUR);
    assert_eq!(backend.revocations.delete_expired(by(later), ALL).await.unwrap(), 3);
    let list = backend.revocations.list_revocations(NOW, ALL).await.unwrap();
    assert_eq!(list, Revocations { sequence: before, rows: Vec::new() });
    end_one(backend, &user, 4, NOW.plus(MINUTE)).await;
    assert!(backend.sequence().await > before);
}

/// Ends at one moment are all told, each with a number of its own.
pub async fn revocations_at_one_moment_are_all_listed(backend: &Backend) {
    let user = backend.with_user(1).await;
    for number in 0..16 {
        backend.with_session(&user, number).await;
    }
    let before = backend.sequence().await;
    let answers = race(16, |number| {
        let (sessions, end) = (backend.sessions.clone(), end(&session(&user, number)));
        async move { sessions.end_session(&end, &[]).await.unwrap() }
    })
    .await;
    assert_eq!(count_of(&answers, &Ended::Yes), 16);
    let revoked = backend.revoked().await;
    for number in 0..16 {
        assert_eq!(count_of(&revoked, &end(&session(&user, number)).revocation), 1);
    }
    assert!(backend.sequence().await >= before + 16);
}

/// What has expired goes, what has not stays, and the answer is how many went.
pub async fn a_sweep_takes_what_has_expired_and_nothing_else(backend: &Backend) {
    let user = backend.with_user(1).await;
    end_one(backend, &user, 1, NOW.minus(SECOND)).await;
    let kept = end_one(backend, &user, 2, NOW.plus(SECOND)).await;
    let idle = Session { idle_expires_at: NOW.minus(HOUR), ..session(&user, 3) };
    let past = NOW.minus(SECOND);
    let over = Session { idle_expires_at: past, expires_at: past, ..session(&user, 4) };
    let alive = session(&user, 5);
    for session in [&idle, &over, &alive] {
        backend.insert(session).await;
    }

    assert_eq!(backend.revocations.delete_expired(by(NOW), ALL).await.unwrap(), 2);

    assert_eq!(backend.revoked().await, [kept]);
    assert_eq!(backend.session(&idle).await, idle);
    assert_eq!(backend.session(&alive).await, alive);
    assert_eq!(backend.sessions.find_session(&user.id, over.id).await.unwrap(), None);
    assert!(backend.users.find_user(&user.id).await.unwrap().is_some());
    assert_eq!(backend.revocations.delete_expired(by(NOW), ALL).await.unwrap(), 0);
}

/// Sessions stay longer than the rest, so that their tokens are told apart from unknown ones.
pub async fn sessions_are_swept_by_a_moment_of_their_own(backend: &Backend) {
    let user = backend.with_user(1).await;
    end_one(backend, &user, 1, NOW.minus(SECOND)).await;
    let past = NOW.minus(SECOND);
    let over = Session { expires_at: past, ..session(&user, 2) };
    backend.insert(&over).await;
    let expiry = Expiry { now: NOW, sessions: NOW.minus(HOUR) };
    assert_eq!(backend.revocations.delete_expired(expiry, ALL).await.unwrap(), 1);
    assert!(backend.sessions.find_session(&user.id, over.id).await.unwrap().is_some());
}

/// A sweep takes small bites of each kind, so that it never holds others up for long.
pub async fn a_sweep_takes_no_more_than_its_limit_of_each_kind(backend: &Backend) {
    let user = backend.with_user(1).await;
    let past = NOW.minus(SECOND);
    for number in 0..5 {
        end_one(backend, &user, number, past).await;
        backend.insert(&Session { expires_at: past, ..session(&user, number + 5) }).await;
    }
    let before_all = past.minus(SECOND);
    let mut left = Vec::new();
    let mut swept = Vec::new();
    for _ in 0..4 {
        swept.push(backend.revocations.delete_expired(by(NOW), 2).await.unwrap());
        let list = backend.revocations.list_revocations(before_all, ALL).await.unwrap();
        left.push(list.rows.len());
    }
    assert_eq!(left, [3, 1, 0, 0]);
    assert_eq!(swept, [4, 4, 2, 0]);
}

/// Two instances may sweep at once; nothing is counted twice, and neither fails.
pub async fn sweeps_at_one_moment_share_the_work(backend: &Backend) {
    let user = backend.with_user(1).await;
    for number in 0..10 {
        end_one(backend, &user, number, NOW.minus(SECOND)).await;
    }
    let swept = race(4, |_| {
        let revocations = backend.revocations.clone();
        async move { revocations.delete_expired(by(NOW), ALL).await.unwrap() }
    })
    .await;
    assert_eq!(swept.into_iter().sum::<usize>(), 10);
}
