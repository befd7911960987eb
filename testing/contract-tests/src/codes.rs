//! One-time codes: putting and finding.

use contracts::{CodePut, PutCode};
use domain::{CodeKind, EmailAddress, OneTimeCode};

use crate::Backend;
use crate::fixtures::{
    ALL, HOUR, MILLISECOND, MINUTE, NOW, SECOND, by, count_of, email, event_id, race, user_id,
};
use crate::fixtures_mail::{challenge, code, codes, mail_id, notices, put, put_after_a_minute};

/// A code comes back whole until it expires; one that expires now has expired.
pub async fn a_code_is_found_whole_until_it_expires(backend: &Backend) {
    for mut code in codes(&user_id(1), 1) {
        if code.kind == CodeKind::ChangeAddress {
            code.email = Some(email("New.Address@Example.com"));
        }
        backend.put(&code).await;
        let typed = code.email.as_ref().map(EmailAddress::as_typed);
        for now in [NOW, code.short_code_expires_at, code.expires_at.minus(MILLISECOND)] {
            let found = backend.codes.find_code(&code.user, code.kind, now).await.unwrap().unwrap();
            assert!(found == code, "{:?}", code.kind);
            assert_eq!(found.email.as_ref().map(EmailAddress::as_typed), typed);
        }
        for now in [code.expires_at, code.expires_at.plus(HOUR)] {
            assert_eq!(backend.codes.find_code(&code.user, code.kind, now).await.unwrap(), None);
        }
    }
}

/// What is good for one thing, or one person, is good for nothing else.
pub async fn a_code_of_another_kind_or_user_is_not_found(backend: &Backend) {
    let reset = backend.with_code(&user_id(1), 1).await;
    assert_eq!(backend.code(&user_id(2), reset.kind).await, None);
    for kind in [CodeKind::VerifyAddress, CodeKind::ChangeAddress] {
        assert_eq!(backend.code(&reset.user, kind).await, None);
    }
}

/// Whoever asks again gets a new code, with all its tries, and the old one is dead.
pub async fn a_new_code_replaces_the_old_one(backend: &Backend) {
    let all = codes(&user_id(1), 1);
    for code in &all {
        backend.put(code).await;
    }
    let old = &all[1];
    assert!(backend.try_code(old.challenge).await.is_some());
    let new = OneTimeCode { expires_at: NOW.plus(2 * HOUR), ..code(&old.user, 9) };

    backend.put(&new).await;

    assert!(backend.has_code(&new).await);
    assert_eq!(backend.code(&new.user, new.kind).await.unwrap().tries, 0);
    assert_eq!(backend.try_code(old.challenge).await, None);
    assert_eq!(backend.try_code(new.challenge).await.unwrap().secret_digest, new.secret_digest);
    assert!(backend.has_code(&all[0]).await);
    assert!(backend.has_code(&all[2]).await);
}

/// A code that somebody has just been sent is not taken from them, and nobody is told anything.
pub async fn a_code_that_is_too_young_stays(backend: &Backend) {
    let old = backend.with_code(&user_id(1), 1).await;
    let new = code(&old.user, 2);
    let put = PutCode { notices: notices(1), ..put_after_a_minute(&new) };
    for _ in 0..2 {
        let answer = backend.codes.put_code(&put).await.unwrap();
        assert_eq!(answer, CodePut::TooSoon(old.challenge));
    }
    assert!(backend.has_code(&old).await);
    assert_eq!(backend.try_code(new.challenge).await, None);
    assert!(backend.try_code(old.challenge).await.is_some());
    assert_eq!(backend.told().await, ([].into(), [].into()));
}

/// The cool-down ends at its moment, not after it.
pub async fn a_code_made_at_the_boundary_is_replaced(backend: &Backend) {
    let old = backend.with_code(&user_id(1), 1).await;
    let new = code(&old.user, 2);
    let early = PutCode { unless_made_after: NOW.minus(MILLISECOND), ..put(&new) };
    let answer = backend.codes.put_code(&early).await.unwrap();
    assert_eq!(answer, CodePut::TooSoon(old.challenge));
    let on_time = PutCode { unless_made_after: NOW, ..put(&new) };
    assert_eq!(backend.codes.put_code(&on_time).await.unwrap(), CodePut::Yes);
    assert!(backend.has_code(&new).await);
}

/// A code of another kind, or of another user, cools nothing down.
pub async fn a_cool_down_is_for_one_kind_of_one_user(backend: &Backend) {
    for code in codes(&user_id(1), 1).into_iter().chain(codes(&user_id(2), 11)) {
        let answer = backend.codes.put_code(&put_after_a_minute(&code)).await.unwrap();
        assert_eq!(answer, CodePut::Yes, "{code:?}");
    }
}

/// A button that is clicked thirty-two times: one code is put and told of, and all others learn
/// its challenge, so that every page asks for the code that the mail holds.
pub async fn one_of_many_callers_puts_a_code(backend: &Backend) {
    let answers = race(32, |number| {
        let codes = backend.codes.clone();
        let put =
            PutCode { notices: notices(number), ..put_after_a_minute(&code(&user_id(1), number)) };
        async move { (number, codes.put_code(&put).await.unwrap()) }
    })
    .await;
    let winners: Vec<_> =
        answers.iter().filter(|(_, answer)| *answer == CodePut::Yes).map(|(n, _)| *n).collect();
    assert_eq!(winners.len(), 1, "{answers:?}");
    let winner = winners[0];
    let answers: Vec<CodePut> = answers.into_iter().map(|(_, answer)| answer).collect();
    assert_eq!(count_of(&answers, &CodePut::TooSoon(challenge(winner))), 31, "{answers:?}");
    assert!(backend.has_code(&code(&user_id(1), winner)).await);
    assert_eq!(backend.told().await, ([event_id(winner)].into(), [mail_id(winner)].into()));
}

/// An unknown address leaves the trace of a known one: its code is put, found, tried and cooled
/// down.
pub async fn a_code_of_nobody_is_kept(backend: &Backend) {
    let old = backend.with_code(&user_id(1), 1).await;
    assert!(backend.has_code(&old).await);
    let answer = backend.codes.put_code(&put_after_a_minute(&code(&old.user, 2))).await.unwrap();
    assert_eq!(answer, CodePut::TooSoon(old.challenge));
    assert!(backend.try_code(old.challenge).await.is_some());
    assert_eq!(backend.users.find_user(&old.user).await.unwrap(), None);
}

/// The mail that holds the code is there with it, and so is the event.
pub async fn notices_are_there_exactly_if_the_code_is(backend: &Backend) {
    let first = PutCode { notices: notices(1), ..put(&code(&user_id(1), 1)) };
    let refused = PutCode { notices: notices(2), ..put_after_a_minute(&code(&user_id(1), 2)) };
    let second = PutCode { notices: notices(3), ..put(&code(&user_id(1), 3)) };
    for put in [first, refused, second] {
        backend.codes.put_code(&put).await.unwrap();
    }
    let expected = ([event_id(1), event_id(3)].into(), [mail_id(1), mail_id(3)].into());
    assert_eq!(backend.told().await, expected);
}

/// What has expired goes, what has not stays: the link outlives the short code.
pub async fn a_sweep_takes_codes_that_have_expired(backend: &Backend) {
    let expiring = |number, expires_at| OneTimeCode {
        short_code_expires_at: NOW.minus(MINUTE),
        expires_at,
        ..code(&user_id(number), number)
    };
    let (past, present) = (expiring(1, NOW.minus(SECOND)), expiring(2, NOW));
    let living = expiring(3, NOW.plus(SECOND));
    for code in [&past, &present, &living] {
        backend.put(code).await;
    }
    assert_eq!(backend.revocations.delete_expired(by(NOW), 1).await.unwrap(), 1);
    assert_eq!(backend.revocations.delete_expired(by(NOW), ALL).await.unwrap(), 1);
    assert_eq!(backend.revocations.delete_expired(by(NOW), ALL).await.unwrap(), 0);
    assert!(backend.has_code(&living).await);
    // Not even the moment when they worked brings them back.
    for code in [past, present] {
        let then = NOW.minus(HOUR);
        assert_eq!(backend.codes.find_code(&code.user, code.kind, then).await.unwrap(), None);
    }
}
