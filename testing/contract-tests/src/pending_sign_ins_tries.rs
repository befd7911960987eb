//! Sign-ins that want another step: trying a code.

use domain::{PENDING_TRIES_MAX, PendingSignIn};

use crate::Backend;
use crate::fixtures::{ALL, HOUR, MILLISECOND, MINUTE, NOW, by, race};

/// A try gives the sign-in as it is then, and is counted in it alone.
pub async fn a_try_is_counted_and_gives_the_sign_in(backend: &Backend) {
    let user = backend.with_user(1).await;
    let kept = backend.with_pending(&user.id, 1).await;
    let other = backend.with_pending(&user.id, 2).await;
    for tries in 1..=2 {
        let expected = Some(PendingSignIn { tries, ..kept.clone() });
        assert_eq!(backend.try_pending(&kept).await, expected);
        assert_eq!(backend.waiting(&kept).await, expected);
    }
    assert_eq!(backend.waiting(&other).await, Some(other));
}

/// Whoever guesses has few guesses. The record stays, so that the person hears that it is over and
/// not that it never was.
pub async fn after_the_last_try_no_more_are_counted(backend: &Backend) {
    let user = backend.with_user(1).await;
    let kept = backend.with_pending(&user.id, 1).await;
    for tries in 1..=PENDING_TRIES_MAX {
        assert_eq!(backend.try_pending(&kept).await.unwrap().tries, tries);
    }
    for _ in 0..3 {
        assert_eq!(backend.try_pending(&kept).await, None);
    }
    let used_up = PendingSignIn { tries: PENDING_TRIES_MAX, ..kept };
    assert_eq!(backend.waiting(&used_up).await, Some(used_up));
}

/// How many tries there are is for the caller to say, each time.
pub async fn tries_go_as_far_as_each_call_allows(backend: &Backend) {
    let user = backend.with_user(1).await;
    let kept = backend.with_pending(&user.id, 1).await;
    let store = &backend.pending_sign_ins;
    for (tries_max, tries) in [(0, None), (1, Some(1)), (1, None), (2, Some(2)), (9, Some(3))] {
        let tried = store
            .advance_pending_tries(&user.id, kept.secret_digest, tries_max, NOW)
            .await
            .unwrap();
        assert_eq!(tried.map(|pending| pending.tries), tries, "{tries_max}");
    }
}

/// Guesses at one moment do not share a try.
pub async fn many_callers_never_share_a_try(backend: &Backend) {
    let user = backend.with_user(1).await;
    let kept = backend.with_pending(&user.id, 1).await;
    let answers = race(32, |_| {
        let (backend, kept) = (backend.clone(), kept.clone());
        async move { backend.try_pending(&kept).await }
    })
    .await;
    let mut counted: Vec<u32> = answers.into_iter().flatten().map(|tried| tried.tries).collect();
    counted.sort_unstable();
    assert_eq!(counted, (1..=PENDING_TRIES_MAX).collect::<Vec<_>>());
    assert_eq!(backend.waiting(&kept).await.unwrap().tries, PENDING_TRIES_MAX);
}

/// What is over cannot be tried, and nothing is counted.
pub async fn an_expired_sign_in_cannot_be_tried(backend: &Backend) {
    let user = backend.with_user(1).await;
    let kept = backend.with_pending(&user.id, 1).await;
    let (digest, store) = (kept.secret_digest, &backend.pending_sign_ins);
    for now in [kept.expires_at, kept.expires_at.plus(MINUTE)] {
        let tried =
            store.advance_pending_tries(&user.id, digest, PENDING_TRIES_MAX, now).await.unwrap();
        assert_eq!(tried, None);
    }
    let last = kept.expires_at.minus(MILLISECOND);
    let tried =
        store.advance_pending_tries(&user.id, digest, PENDING_TRIES_MAX, last).await.unwrap();
    assert_eq!(tried, Some(PendingSignIn { tries: 1, ..kept }));
}

/// A try of what was taken finds nothing, and leaves nothing.
pub async fn a_try_never_revives_a_sign_in_that_was_taken(backend: &Backend) {
    let user = backend.with_user(1).await;
    for number in 1..=20 {
        let kept = backend.with_pending(&user.id, number).await;
        let digest = kept.secret_digest;
        race(4, |caller| {
            let (backend, kept) = (backend.clone(), kept.clone());
            async move {
                if caller == 0 {
                    let store = &backend.pending_sign_ins;
                    let taken = store.take_pending_sign_in(&kept.user, digest, NOW).await.unwrap();
                    assert!(taken.is_some());
                } else if let Some(tried) = backend.try_pending(&kept).await {
                    assert_eq!(PendingSignIn { tries: 0, ..tried }, kept);
                }
            }
        })
        .await;
        assert_eq!(backend.try_pending(&kept).await, None);
        assert_eq!(backend.waiting(&kept).await, None);
    }
    let far = NOW.plus(1000 * HOUR);
    assert_eq!(backend.revocations.delete_expired(by(far), ALL).await.unwrap(), 0);
}
