//! Sessions: proving again who one is.

use contracts::{Advance, Advanced, Reauthenticate, ReplaceUser};
use domain::{AuthenticationMethod, Session, UserStatus};

use crate::Backend;
use crate::fixtures::{
    HOUR, MILLISECOND, NOW, SECOND, end, ending_replacement, race, raise, replacement, session,
    session_id, user_id,
};

/// The user of the session has proved just now who they are, with the credentials of its epoch.
pub(crate) fn renewal(session: &Session) -> Reauthenticate {
    Reauthenticate {
        user: session.user_id.clone(),
        session: session.id,
        epoch: session.epoch,
        at: NOW,
        methods: vec![AuthenticationMethod::Password],
    }
}

async fn assert_stale(backend: &Backend, renewal: &Reauthenticate) {
    let renewed = backend.sessions.advance_authentication(renewal).await.unwrap();
    assert_eq!(renewed, Advanced::Stale, "{renewal:?}");
}

/// Time and methods are new, all else stays, and so do other sessions and the user.
pub async fn an_authentication_is_renewed(backend: &Backend) {
    let user = backend.with_user(1).await;
    let session = Session { methods: Vec::new(), ..session(&user, 1) };
    backend.insert(&session).await;
    let other = backend.with_session(&user, 2).await;
    let account = backend.account(&user.id).await;

    let renewed = backend.sessions.advance_authentication(&renewal(&session)).await.unwrap();

    assert_eq!(renewed, Advanced::Yes);
    let methods = vec![AuthenticationMethod::Password];
    let expected = Session { authenticated_at: NOW, methods, ..session };
    assert_eq!(backend.session(&expected).await, expected);
    assert_eq!(backend.session(&other).await, other);
    assert_eq!(backend.account(&user.id).await, account);
}

/// Two tabs may ask in one millisecond, or in the wrong order: the time never goes back.
pub async fn the_time_of_an_authentication_never_goes_back(backend: &Backend) {
    let user = backend.with_user(1).await;
    let session = backend.with_session(&user, 1).await;
    for _ in 0..2 {
        let renewed = backend.sessions.advance_authentication(&renewal(&session)).await.unwrap();
        assert_eq!(renewed, Advanced::Yes);
    }
    let late =
        Reauthenticate { at: NOW.minus(MILLISECOND), methods: Vec::new(), ..renewal(&session) };
    let renewed = backend.sessions.advance_authentication(&late).await.unwrap();
    assert_eq!(renewed, Advanced::Yes, "the session lives, and was renewed later than that");
    let expected = Session { authenticated_at: NOW, ..session };
    assert_eq!(backend.session(&expected).await, expected);
}

/// What has ended cannot be renewed.
pub async fn the_authentication_of_an_ended_session_is_not_renewed(backend: &Backend) {
    let user = backend.with_user(1).await;
    let session = backend.with_session(&user, 1).await;
    backend.sessions.end_session(&end(&session), &[]).await.unwrap();
    assert_stale(backend, &renewal(&session)).await;
    let expected = Session { end: Some(end(&session).end), ..session };
    assert_eq!(backend.session(&expected).await, expected);
}

/// The epoch was read with the password: if it is another by now, so may the password be. Nor does
/// the new password bring a session back that ended with the old one.
pub async fn an_authentication_of_another_epoch_is_not_renewed(backend: &Backend) {
    let user = backend.with_user(1).await;
    let session = backend.with_session(&user, 1).await;
    for epoch in [user.session_epoch - 1, user.session_epoch + 1] {
        assert_stale(backend, &Reauthenticate { epoch, ..renewal(&session) }).await;
    }
    backend.users.advance_session_epoch(&raise(&user), &[]).await.unwrap();
    for epoch in [user.session_epoch, user.session_epoch + 1] {
        assert_stale(backend, &Reauthenticate { epoch, ..renewal(&session) }).await;
    }
    assert_eq!(backend.session(&session).await, session);
}

/// A session that was kept is renewed in its new epoch.
pub async fn the_authentication_of_a_kept_session_is_renewed(backend: &Backend) {
    let user = backend.with_user(1).await;
    let session = backend.with_session(&user, 1).await;
    let change = ReplaceUser { keeps_session: Some(session.id), ..ending_replacement(&user) };
    backend.replace(&change).await;
    assert_stale(backend, &renewal(&session)).await;
    let kept = backend.session(&session).await;
    let renewed = backend.sessions.advance_authentication(&renewal(&kept)).await.unwrap();
    assert_eq!(renewed, Advanced::Yes);
}

/// Whoever may not sign in cannot prove who they are either.
pub async fn the_authentication_of_a_disabled_user_is_not_renewed(backend: &Backend) {
    let user = backend.with_user(1).await;
    let session = backend.with_session(&user, 1).await;
    let mut change = replacement(&user);
    change.user.status = UserStatus::Disabled;
    backend.replace(&change).await;
    assert_stale(backend, &renewal(&session)).await;
    assert_eq!(backend.session(&session).await, session);
}

/// Nobody renews another's session, and what is not there cannot be renewed.
pub async fn the_authentication_under_another_user_is_not_renewed(backend: &Backend) {
    let user = backend.with_user(1).await;
    let stranger = backend.with_user(2).await.id;
    let session = backend.with_session(&user, 1).await;
    for (user, id) in [(stranger, session.id), (user_id(3), session.id), (user.id, session_id(9))] {
        assert_stale(backend, &Reauthenticate { user, session: id, ..renewal(&session) }).await;
    }
    assert_eq!(backend.session(&session).await, session);
}

/// A refresh runs at the same moment: neither takes the other back.
pub async fn a_renewal_and_a_rotation_lose_nothing(backend: &Backend) {
    let user = backend.with_user(1).await;
    for number in 0..20 {
        let session = backend.with_session(&user, number).await;
        let answers = race(2, |which| {
            let (sessions, session) = (backend.sessions.clone(), session.clone());
            async move {
                if which == 0 {
                    sessions.advance_authentication(&renewal(&session)).await.unwrap()
                } else {
                    let advance = Advance {
                        user: session.user_id,
                        session: session.id,
                        from: 1,
                        to: 2,
                        at: NOW.plus(SECOND),
                        by: None,
                        idle_expires_at: NOW.plus(2 * HOUR),
                        resealed: None,
                    };
                    sessions.advance_generation(&advance).await.unwrap()
                }
            }
        })
        .await;
        assert_eq!(answers, [Advanced::Yes; 2]);
        let expected = Session {
            authenticated_at: NOW,
            generation: 2,
            rotated_at: NOW.plus(SECOND),
            last_used_at: NOW.plus(SECOND),
            rotated_by: None,
            idle_expires_at: NOW.plus(2 * HOUR),
            ..session
        };
        assert_eq!(backend.session(&expected).await, expected);
    }
}
