//! Sessions: ending.

use contracts::{Advance, Advanced, EndSession, Ended};
use domain::{EndReason, Session, SessionEnd};

use crate::Backend;
use crate::fixtures::{HOUR, NOW, count_of, end, event, race, session, session_id, user_id};

/// The end stands in the record, the revocation tells verifiers, the events tell the world.
pub async fn an_end_is_kept_with_its_revocation_and_events(backend: &Backend) {
    let user = backend.with_user(1).await;
    let session = backend.with_session(&user, 1).await;
    let other = backend.with_session(&user, 2).await;
    let end = end(&session);
    let before = backend.sequence().await;

    let ended = backend.sessions.end_session(&end, &[event(1), event(2)]).await.unwrap();

    assert_eq!(ended, Ended::Yes);
    let expected = Session { end: Some(end.end), ..session };
    assert_eq!(backend.session(&expected).await, expected);
    assert_eq!(backend.session(&other).await, other);
    assert_eq!(backend.revoked().await, [end.revocation]);
    assert!(backend.sequence().await > before);
    assert_eq!(backend.events().await, [event(1), event(2)]);
}

/// Why a session ended is told apart later.
pub async fn every_reason_of_an_end_reads_back(backend: &Backend) {
    let user = backend.with_user(1).await;
    let reasons = [
        EndReason::SignedOut,
        EndReason::EndedByUser,
        EndReason::Replay,
        EndReason::PasswordChanged,
        EndReason::PasswordReset,
        EndReason::PasswordDiscarded,
        EndReason::FactorChanged,
        EndReason::FactorReset,
        EndReason::AccountDeleted,
    ];
    for (number, reason) in (1..).zip(reasons) {
        let session = backend.with_session(&user, number).await;
        let why = SessionEnd { at: NOW.plus(HOUR), reason };
        let end = EndSession { end: why, ..end(&session) };
        assert_eq!(backend.sessions.end_session(&end, &[]).await.unwrap(), Ended::Yes);
        assert_eq!(backend.session(&session).await.end, Some(why));
    }
}

/// The first end stands; a second writes nothing, not even a number of the sequence.
pub async fn a_second_end_writes_nothing(backend: &Backend) {
    let user = backend.with_user(1).await;
    let session = backend.with_session(&user, 1).await;
    let first = end(&session);
    assert_eq!(backend.sessions.end_session(&first, &[event(1)]).await.unwrap(), Ended::Yes);
    let before = backend.sequence().await;

    let why = SessionEnd { at: NOW.plus(HOUR), reason: EndReason::Replay };
    let second = EndSession { end: why, ..end(&session) };
    let ended = backend.sessions.end_session(&second, &[event(2)]).await.unwrap();

    assert_eq!(ended, Ended::Already);
    assert_eq!(backend.session(&session).await.end, Some(first.end));
    assert_eq!(backend.revoked().await, [first.revocation]);
    assert_eq!(backend.sequence().await, before);
    assert_eq!(backend.events().await, [event(1)]);
}

/// Nobody ends another's session, and what is not there cannot end.
pub async fn a_session_under_another_user_does_not_end(backend: &Backend) {
    let (user, stranger) = (backend.with_user(1).await, backend.with_user(2).await);
    let session = backend.with_session(&user, 1).await;
    let before = backend.sequence().await;
    for (user, id) in [
        (stranger.id, session.id),
        (user_id(3), session.id),
        (session.user_id.clone(), session_id(9)),
    ] {
        let end = EndSession { user, session: id, ..end(&session) };
        let ended = backend.sessions.end_session(&end, &[event(1)]).await.unwrap();
        assert_eq!(ended, Ended::Already);
    }
    assert_eq!(backend.session(&session).await, session);
    assert!(backend.revoked().await.is_empty());
    assert_eq!(backend.sequence().await, before);
    assert!(backend.events().await.is_empty());
}

/// Thirty-two callers sign one session out: it ends once, and is told once.
pub async fn one_of_many_callers_ends_a_session(backend: &Backend) {
    let user = backend.with_user(1).await;
    let session = backend.with_session(&user, 1).await;
    let answers = race(32, |number| {
        let (sessions, end) = (backend.sessions.clone(), end(&session));
        async move { sessions.end_session(&end, &[event(number)]).await.unwrap() }
    })
    .await;
    assert_eq!(count_of(&answers, &Ended::Yes), 1);
    assert_eq!(backend.revoked().await.len(), 1);
    assert_eq!(backend.events().await.len(), 1);
}

/// A refresh runs into the end of its session: whichever is first, the session has ended, and it
/// has ended for good.
pub async fn an_end_that_races_a_rotation_stands(backend: &Backend) {
    let user = backend.with_user(1).await;
    for number in 0..20 {
        let session = backend.with_session(&user, number).await;
        let answers = race(2, |which| {
            let (sessions, session) = (backend.sessions.clone(), session.clone());
            async move {
                if which == 0 {
                    let ended = sessions.end_session(&end(&session), &[]).await.unwrap();
                    assert_eq!(ended, Ended::Yes);
                    None
                } else {
                    Some(sessions.advance_generation(&advance(&session)).await.unwrap())
                }
            }
        })
        .await;
        let found = backend.session(&session).await;
        assert_eq!(found.end, Some(end(&session).end));
        let has_advanced = answers.contains(&Some(Advanced::Yes));
        assert_eq!(found.generation, if has_advanced { 2 } else { 1 });
    }
}

fn advance(session: &Session) -> Advance {
    Advance {
        user: session.user_id.clone(),
        session: session.id,
        from: 1,
        to: 2,
        at: NOW,
        by: None,
        idle_expires_at: NOW.plus(HOUR),
        resealed: None,
    }
}

/// A session may end after it has expired, or after its epoch has passed: the end is still told.
pub async fn an_expired_session_can_end(backend: &Backend) {
    let user = backend.with_user(1).await;
    let expired = Session { idle_expires_at: NOW, expires_at: NOW, ..session(&user, 1) };
    backend.insert(&expired).await;
    assert_eq!(backend.sessions.end_session(&end(&expired), &[]).await.unwrap(), Ended::Yes);
    assert_eq!(backend.revoked().await.len(), 1);
}
