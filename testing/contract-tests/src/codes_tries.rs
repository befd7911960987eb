//! One-time codes: trying the short code.

use domain::OneTimeCode;

use crate::Backend;
use crate::fixtures::{MILLISECOND, MINUTE, race, user_id};
use crate::fixtures_mail::{TRIES_MAX, challenge, code, codes};

/// A try gives the record to compare with, and is counted in it.
pub async fn a_try_is_counted_and_gives_the_record(backend: &Backend) {
    let all = codes(&user_id(1), 1);
    for code in &all {
        backend.put(code).await;
    }
    for tries in 1..=2 {
        let expected = OneTimeCode { tries, ..all[1].clone() };
        assert!(backend.try_code(expected.challenge).await.as_ref() == Some(&expected));
        assert!(backend.has_code(&expected).await);
    }
    assert!(backend.has_code(&all[0]).await);
    assert!(backend.has_code(&all[2]).await);
}

/// Whoever guesses has few guesses; the link still works.
pub async fn after_the_last_try_a_short_code_is_dead_for_ever(backend: &Backend) {
    let code = backend.with_code(&user_id(1), 1).await;
    for _ in 0..TRIES_MAX {
        assert!(backend.try_code(code.challenge).await.is_some());
    }
    for _ in 0..3 {
        assert_eq!(backend.try_code(code.challenge).await, None);
    }
    assert!(backend.has_code(&OneTimeCode { tries: TRIES_MAX, ..code }).await);
}

/// Guesses at one moment do not share a try.
pub async fn many_callers_share_the_tries_of_a_code(backend: &Backend) {
    let code = backend.with_code(&user_id(1), 1).await;
    let answers = race(32, |_| {
        let backend = backend.clone();
        async move { backend.try_code(code.challenge).await }
    })
    .await;
    let mut counted: Vec<u32> = answers.into_iter().flatten().map(|code| code.tries).collect();
    counted.sort_unstable();
    assert_eq!(counted, [1, 2, 3, 4, 5]);
    assert_eq!(backend.try_code(code.challenge).await, None);
}

/// A short code is for a short time: when that is over it cannot be tried, and the link works on.
pub async fn an_expired_short_code_cannot_be_tried(backend: &Backend) {
    let code = backend.with_code(&user_id(1), 1).await;
    let last = code.short_code_expires_at;
    for now in [last, last.plus(MINUTE), code.expires_at] {
        let tried = backend.codes.advance_tries(code.challenge, TRIES_MAX, now).await.unwrap();
        assert_eq!(tried, None);
    }
    assert!(backend.has_code(&code).await);
    let now = last.minus(MILLISECOND);
    let tried = backend.codes.advance_tries(code.challenge, TRIES_MAX, now).await.unwrap();
    assert!(tried.is_some());
    let found = backend.codes.find_code(&code.user, code.kind, last).await.unwrap();
    assert!(found == Some(OneTimeCode { tries: 1, ..code }));
}

/// What is not there cannot be tried.
pub async fn an_unknown_challenge_cannot_be_tried(backend: &Backend) {
    assert_eq!(backend.try_code(challenge(1)).await, None);
    let code = backend.with_code(&user_id(1), 1).await;
    assert_eq!(backend.try_code(challenge(2)).await, None);
    assert!(backend.has_code(&code).await);
}

/// A new code is put while guesses at the old one run: none of them counts for the new one.
pub async fn tries_of_an_old_code_do_not_count_for_its_successor(backend: &Backend) {
    let old = backend.with_code(&user_id(1), 1).await;
    let new = code(&old.user, 2);
    race(8, |caller| {
        let (backend, new, old) = (backend.clone(), new.clone(), old.challenge);
        async move {
            if caller == 0 {
                backend.put(&new).await;
            } else if let Some(tried) = backend.try_code(old).await {
                assert_eq!(tried.challenge, old);
            }
        }
    })
    .await;
    assert!(backend.has_code(&new).await);
    assert_eq!(backend.try_code(old.challenge).await, None);
}
