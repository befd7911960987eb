//! Sessions: keys that are sealed anew, one by one or with a rotation.

use contracts::{Advance, Advanced, Ended, Replaced, Resealed, SealedKey};
use domain::Session;

use crate::Backend;
use crate::fixtures::{
    HOUR, NOW, SECOND, by, count_of, end, race, raise, session, session_id, user_id,
};

fn key(session: &Session) -> SealedKey {
    SealedKey {
        user: session.user_id.clone(),
        session: session.id,
        expires_at: session.expires_at,
        sealed_refresh_key: session.sealed_refresh_key.clone(),
    }
}

fn resealed(session: &Session, new: &[u8]) -> Resealed {
    Resealed { old: session.sealed_refresh_key.clone(), new: new.into() }
}

fn advance(session: &Session, resealed: Option<Resealed>) -> Advance {
    Advance {
        user: session.user_id.clone(),
        session: session.id,
        from: session.generation,
        to: session.generation + 1,
        at: NOW.plus(SECOND),
        by: None,
        idle_expires_at: NOW.plus(2 * HOUR),
        resealed,
    }
}

/// Session of that number whose key nobody else has.
async fn with_session(backend: &Backend, number: u32) -> Session {
    let user = backend.with_user(number).await;
    let sealed_refresh_key = number.to_be_bytes().into();
    let session = Session { sealed_refresh_key, ..session(&user, number) };
    backend.insert(&session).await;
    session
}

async fn replace(backend: &Backend, session: &Session, key: &Resealed) -> Replaced {
    let sessions = &backend.sessions;
    sessions.replace_sealed_key(&session.user_id, session.id, key).await.unwrap()
}

/// Every key, `limit` at a time.
async fn pages(backend: &Backend, limit: usize) -> Vec<Vec<SealedKey>> {
    let mut pages: Vec<Vec<SealedKey>> = Vec::new();
    loop {
        let after = pages.last().and_then(|page| page.last());
        let page = backend.sessions.list_sealed_keys(after, limit).await.unwrap();
        if page.is_empty() {
            return pages;
        }
        assert!(page.len() <= limit);
        pages.push(page);
    }
}

async fn keys(backend: &Backend, limit: usize) -> Vec<SealedKey> {
    let mut keys = pages(backend, limit).await.concat();
    keys.sort_by_key(|key| key.session);
    keys
}

/// A rotation takes the key along, one without leaves it, and a stale one changes nothing.
pub async fn a_rotation_keeps_a_key_that_was_sealed_anew(backend: &Backend) {
    let mut session = with_session(backend, 1).await;
    let sessions = &backend.sessions;
    let anew = resealed(&session, b"anew");
    let advanced = sessions.advance_generation(&advance(&session, Some(anew))).await.unwrap();
    assert_eq!(advanced, Advanced::Yes);
    assert_eq!(*backend.session(&session).await.sealed_refresh_key, *b"anew");

    let late = resealed(&session, b"late");
    let advanced = sessions.advance_generation(&advance(&session, Some(late))).await.unwrap();
    assert_eq!(advanced, Advanced::Stale);
    session.generation += 1;
    let advanced = sessions.advance_generation(&advance(&session, None)).await.unwrap();
    assert_eq!(advanced, Advanced::Yes);
    assert_eq!(*backend.session(&session).await.sealed_refresh_key, *b"anew");
}

/// Also of sessions that have ended or expired, are of an older epoch, or of nobody any more.
pub async fn keys_of_sessions_in_any_state_are_listed(backend: &Backend) {
    assert_eq!(pages(backend, 10).await, Vec::<Vec<SealedKey>>::new());
    let mut expected = Vec::new();
    for number in 1..=7 {
        expected.push(key(&with_session(backend, number).await));
    }
    let user = backend.with_user(8).await;
    for number in 8..=9 {
        // In the order of expiry the others come later, and earlier.
        let expires_at = if number == 8 { NOW.minus(HOUR) } else { NOW.plus(48 * HOUR) };
        let session = Session { expires_at, ..session(&user, number) };
        backend.insert(&session).await;
        expected.push(key(&session));
    }
    let ended = session(&backend.account(&user_id(1)).await.user, 1);
    assert_eq!(backend.sessions.end_session(&end(&ended), &[]).await.unwrap(), Ended::Yes);
    let raised = raise(&backend.account(&user_id(2)).await.user);
    backend.users.advance_session_epoch(&raised, &[]).await.unwrap();
    backend.erase(&backend.account(&user_id(3)).await.user).await;

    for limit in [1, 2, 3, 9, 100] {
        assert_eq!(keys(backend, limit).await, expected, "{limit}");
    }
}

/// A page goes on where the last one ended, whatever has become of that session.
pub async fn a_page_follows_a_session_that_is_gone(backend: &Backend) {
    for number in 1..=4 {
        let user = backend.with_user(number).await;
        let expires_at = NOW.plus(number * SECOND);
        backend.insert(&Session { expires_at, ..session(&user, number) }).await;
    }
    let all = pages(backend, 1).await.concat();
    for (number, last) in all.iter().enumerate() {
        let rest = backend.sessions.list_sealed_keys(Some(last), 10).await.unwrap();
        assert_eq!(rest, all[number + 1..]);
    }
    // What is left after a sweep is what a page after any of them gives.
    backend.revocations.delete_expired(by(NOW.plus(2 * SECOND)), 10).await.unwrap();
    for (number, last) in all.iter().enumerate() {
        let rest = backend.sessions.list_sealed_keys(Some(last), 10).await.unwrap();
        let is_left = |key: &&SealedKey| key.expires_at > NOW.plus(2 * SECOND);
        let expected: Vec<_> = all[number + 1..].iter().filter(is_left).cloned().collect();
        assert_eq!(rest, expected);
    }
}

/// The key is replaced whatever has become of its session, and nothing else is.
pub async fn a_replaced_key_is_all_that_changes(backend: &Backend) {
    let session = with_session(backend, 1).await;
    let other = with_session(backend, 2).await;
    assert_eq!(replace(backend, &session, &resealed(&session, b"anew")).await, Replaced::Yes);
    let expected = Session { sealed_refresh_key: (*b"anew").into(), ..session };
    assert_eq!(backend.session(&expected).await, expected);

    assert_eq!(backend.sessions.end_session(&end(&expected), &[]).await.unwrap(), Ended::Yes);
    assert_eq!(replace(backend, &expected, &resealed(&expected, b"later")).await, Replaced::Yes);
    let found = backend.session(&expected).await;
    assert_eq!(*found.sealed_refresh_key, *b"later");
    assert_eq!(found.end, Some(end(&expected).end));
    assert_eq!(backend.session(&other).await, other);
}

/// A key that is not the one that was read stays, and so does that of another session or user.
pub async fn a_key_that_changed_meanwhile_stays(backend: &Backend) {
    let session = with_session(backend, 1).await;
    let other = with_session(backend, 2).await;
    let anew = resealed(&session, b"anew");
    assert_eq!(replace(backend, &other, &anew).await, Replaced::Stale);
    let stranger = Session { user_id: user_id(2), ..session.clone() };
    assert_eq!(replace(backend, &stranger, &anew).await, Replaced::Stale);
    let nothing = Session { id: session_id(9), ..session.clone() };
    assert_eq!(replace(backend, &nothing, &anew).await, Replaced::Stale);
    assert_eq!(keys(backend, 10).await, [key(&session), key(&other)]);
}

/// Sixteen commands seal one key anew: one is heard, and its key is there.
pub async fn one_of_many_callers_replaces_a_key(backend: &Backend) {
    let session = with_session(backend, 1).await;
    let answers = race(16, |number| {
        let (sessions, session) = (backend.sessions.clone(), session.clone());
        let key = resealed(&session, &[b"anew", &number.to_be_bytes()[..]].concat());
        async move {
            let (user, id) = (&session.user_id, session.id);
            (sessions.replace_sealed_key(user, id, &key).await.unwrap(), key.new)
        }
    })
    .await;
    let (outcomes, new): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
    assert_eq!(count_of(&outcomes, &Replaced::Yes), 1);
    let winner = outcomes.iter().position(|outcome| *outcome == Replaced::Yes).unwrap();
    assert_eq!(backend.session(&session).await.sealed_refresh_key, new[winner]);
}

/// While a server serves, a command seals anew: the rotation stands, and so does one of the keys.
pub async fn a_replaced_key_and_a_rotation_lose_nothing(backend: &Backend) {
    let session = with_session(backend, 1).await;
    let answers = race(4, |number| {
        let (sessions, session) = (backend.sessions.clone(), session.clone());
        async move {
            if number < 2 {
                let advance = advance(&session, None);
                return sessions.advance_generation(&advance).await.unwrap() == Advanced::Yes;
            }
            let key = resealed(&session, &[9, u8::try_from(number).unwrap()]);
            let (user, id) = (&session.user_id, session.id);
            sessions.replace_sealed_key(user, id, &key).await.unwrap() == Replaced::Yes
        }
    })
    .await;
    assert_eq!(count_of(&answers, &true), 2, "one rotation and one key");
    let found = backend.session(&session).await;
    assert_eq!((found.generation, found.sealed_refresh_key[0]), (session.generation + 1, 9));
}
