//! Sessions: rotating refresh tokens and forgiving lost answers, each in one compare-and-set.

use contracts::{Advance, Advanced, Ended, Forgive};
use domain::Session;

use crate::Backend;
use crate::fixtures::{HOUR, NOW, SECOND, count_of, end, race, session, session_id, user_id};

fn advance(session: &Session) -> Advance {
    Advance {
        user: session.user_id.clone(),
        session: session.id,
        from: session.generation,
        to: session.generation + 1,
        at: NOW.plus(SECOND),
        by: Some("browser/2".into()),
        idle_expires_at: NOW.plus(2 * HOUR),
        resealed: None,
    }
}

fn forgive(session: &Session) -> Forgive {
    Forgive {
        user: session.user_id.clone(),
        session: session.id,
        generation: session.generation,
        forgiven: session.forgiven_generation,
    }
}

/// A session of a new user at generation 5, of which 2 was forgiven.
async fn session_at_five(backend: &Backend) -> Session {
    let user = backend.with_user(1).await;
    let session = Session { generation: 5, forgiven_generation: 2, ..session(&user, 1) };
    backend.insert(&session).await;
    backend.with_session(&user, 2).await;
    session
}

/// The record shows who moved it, when, and until when; all else stays, and so do other sessions.
pub async fn a_rotation_moves_the_session_on(backend: &Backend) {
    let session = session_at_five(backend).await;
    let other = backend.sessions.find_session(&session.user_id, session_id(2)).await.unwrap();
    let advance = advance(&session);
    let advanced = backend.sessions.advance_generation(&advance).await.unwrap();
    assert_eq!(advanced, Advanced::Yes);
    let expected = Session {
        generation: 6,
        rotated_at: advance.at,
        last_used_at: advance.at,
        rotated_by: advance.by,
        idle_expires_at: advance.idle_expires_at,
        ..session
    };
    assert_eq!(backend.session(&expected).await, expected);
    let after = backend.sessions.find_session(&expected.user_id, session_id(2)).await.unwrap();
    assert_eq!(after, other);
}

/// A client that says nothing of itself may rotate too.
pub async fn a_rotation_by_an_unnamed_client_is_kept(backend: &Backend) {
    let session = session_at_five(backend).await;
    let advance = Advance { by: None, ..advance(&session) };
    let advanced = backend.sessions.advance_generation(&advance).await.unwrap();
    assert_eq!(advanced, Advanced::Yes);
    assert_eq!(backend.session(&session).await.rotated_by, None);
}

/// Thirty-two tabs refresh at once: one gets the new token, the others must look again.
pub async fn one_of_many_callers_advances_a_generation(backend: &Backend) {
    let session = session_at_five(backend).await;
    let answers = race(32, |number| {
        let by = Some(format!("tab/{number}").into());
        let (sessions, advance) = (backend.sessions.clone(), Advance { by, ..advance(&session) });
        async move {
            let advanced = sessions.advance_generation(&advance).await.unwrap();
            (advance.by, advanced)
        }
    })
    .await;
    let winners: Vec<_> = answers
        .into_iter()
        .filter_map(|(by, advanced)| (advanced == Advanced::Yes).then_some(by))
        .collect();
    let found = backend.session(&session).await;
    assert_eq!(winners, [found.rotated_by]);
    assert_eq!(found.generation, 6);
}

/// Only the newest generation moves on, and what is stale changes nothing.
pub async fn another_generation_does_not_advance(backend: &Backend) {
    let session = session_at_five(backend).await;
    for from in [4, 6] {
        let stale = Advance { from, ..advance(&session) };
        let advanced = backend.sessions.advance_generation(&stale).await.unwrap();
        assert_eq!(advanced, Advanced::Stale);
    }
    assert_eq!(backend.session(&session).await, session);
}

/// A stranger's token moves nothing, and what is not there cannot be moved.
pub async fn a_session_under_another_user_does_not_advance(backend: &Backend) {
    let session = session_at_five(backend).await;
    let stranger = backend.with_user(2).await.id;
    for (user, id) in
        [(stranger, session.id), (user_id(3), session.id), (session.user_id.clone(), session_id(9))]
    {
        let advance = Advance { user: user.clone(), session: id, ..advance(&session) };
        let advanced = backend.sessions.advance_generation(&advance).await.unwrap();
        assert_eq!(advanced, Advanced::Stale);
        let forgive = Forgive { user, session: id, ..forgive(&session) };
        let forgiven = backend.sessions.advance_forgiven(&forgive).await.unwrap();
        assert_eq!(forgiven, Advanced::Stale);
    }
    assert_eq!(backend.session(&session).await, session);
    let made = backend.sessions.find_session(&session.user_id, session_id(9)).await.unwrap();
    assert_eq!(made, None);
}

/// After its end a session neither rotates nor forgives.
pub async fn an_ended_session_does_not_advance(backend: &Backend) {
    let session = session_at_five(backend).await;
    assert_eq!(backend.sessions.end_session(&end(&session), &[]).await.unwrap(), Ended::Yes);
    let ended = backend.session(&session).await;
    let advanced = backend.sessions.advance_generation(&advance(&session)).await.unwrap();
    let forgiven = backend.sessions.advance_forgiven(&forgive(&session)).await.unwrap();
    assert_eq!([advanced, forgiven], [Advanced::Stale; 2]);
    assert_eq!(backend.session(&session).await, ended);
}

/// The newest generation is remembered as forgiven; nothing else changes.
pub async fn a_forgiven_generation_is_remembered(backend: &Backend) {
    let session = session_at_five(backend).await;
    let forgiven = backend.sessions.advance_forgiven(&forgive(&session)).await.unwrap();
    assert_eq!(forgiven, Advanced::Yes);
    let expected = Session { forgiven_generation: 5, ..session };
    assert_eq!(backend.session(&expected).await, expected);
}

/// What was decided on another generation, or on another forgiveness, is decided again.
pub async fn forgiveness_is_guarded_by_what_was_read(backend: &Backend) {
    let session = session_at_five(backend).await;
    for stale in [
        Forgive { generation: 4, ..forgive(&session) },
        Forgive { generation: 6, ..forgive(&session) },
        Forgive { forgiven: 1, ..forgive(&session) },
        Forgive { forgiven: 3, ..forgive(&session) },
    ] {
        let forgiven = backend.sessions.advance_forgiven(&stale).await.unwrap();
        assert_eq!(forgiven, Advanced::Stale, "{stale:?}");
    }
    assert_eq!(backend.session(&session).await, session);
}

/// A lost answer is forgiven once, even if a thief asks at the same moment.
pub async fn one_of_many_callers_is_forgiven(backend: &Backend) {
    let session = session_at_five(backend).await;
    let answers = race(16, |_| {
        let (sessions, forgive) = (backend.sessions.clone(), forgive(&session));
        async move { sessions.advance_forgiven(&forgive).await.unwrap() }
    })
    .await;
    assert_eq!(count_of(&answers, &Advanced::Yes), 1);
}

/// A rotation and a forgiveness of one generation at once: the forgiveness wins only if it comes
/// first, so a token that was already replaced is never forgiven.
pub async fn a_rotation_and_a_forgiveness_do_not_mix(backend: &Backend) {
    let session = session_at_five(backend).await;
    let answers = race(2, |which| {
        let (sessions, session) = (backend.sessions.clone(), session.clone());
        async move {
            if which == 0 {
                sessions.advance_generation(&advance(&session)).await.unwrap();
                None
            } else {
                Some(sessions.advance_forgiven(&forgive(&session)).await.unwrap())
            }
        }
    })
    .await;
    let found = backend.session(&session).await;
    assert_eq!(found.generation, 6);
    let was_forgiven = answers.contains(&Some(Advanced::Yes));
    assert_eq!(found.forgiven_generation, if was_forgiven { 5 } else { 2 });
}
