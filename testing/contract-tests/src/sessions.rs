//! Sessions: beginning and finding.

use contracts::{InsertSession, Replaced, SignedIn};
use domain::{Account, Session, SessionState, User, UserStatus};

use crate::Backend;
use crate::fixtures::{
    ALL, NOW, assert_same_user, event, new_session, race, raise, roles, session, session_id, user,
    user_id,
};

/// What was inserted comes back whole, and so does its user with what they may do.
pub async fn an_inserted_session_is_found_with_its_account(backend: &Backend) {
    let user = User { roles: roles(&["SUPERVISOR", "USER"]), ..user(1) };
    backend.insert_user(&user).await;
    let session = backend.with_session(&user, 1).await;
    backend.with_session(&user, 2).await;

    let found = backend.sessions.find_session(&user.id, session.id).await.unwrap().unwrap();

    assert_eq!(found.session, session);
    assert_eq!(found.account, backend.account(&user.id).await);
    assert_same_user(
        &found.account.user,
        &User { last_login_at: Some(session.created_at), ..user },
    );
    assert_eq!(found.account.permissions.len(), 2);
}

/// A user without roles is an account like any other.
pub async fn a_session_of_a_user_without_roles_is_found(backend: &Backend) {
    let user = User { roles: roles(&[]), ..user(1) };
    backend.insert_user(&user).await;
    let session = backend.with_session(&user, 1).await;
    let user = User { last_login_at: Some(session.created_at), ..user };
    let account = Account { user, permissions: [].into() };
    let found = backend.sessions.find_session(&user_id(1), session.id).await.unwrap();
    assert_eq!(found, Some(SignedIn { session, account }));
}

/// The sign-in is kept with the user and told in the same operation; nobody else has signed in.
pub async fn a_sign_in_is_kept_with_the_user_and_told(backend: &Backend) {
    let user = backend.with_user(1).await;
    let other = backend.with_user(2).await;
    let session = session(&user, 1);
    let events = [event(1), event(2)];
    let inserted = backend.sessions.insert_session(&new_session(&session, &events)).await.unwrap();
    assert_eq!(inserted, InsertSession::Yes);
    let found = backend.account(&user.id).await.user;
    assert_eq!(found.last_login_at, Some(session.created_at));
    assert_eq!(backend.account(&other.id).await.user.last_login_at, None);
    assert_eq!(backend.events().await, events);
}

/// The epoch was read with the password: if it is another by now, so may the password be.
pub async fn a_session_of_another_epoch_is_refused(backend: &Backend) {
    let user = backend.with_user(1).await;
    for epoch in [user.session_epoch - 1, user.session_epoch + 1] {
        let session = Session { epoch, ..session(&user, 1) };
        assert_refused(backend, &session).await;
    }
    assert_eq!(backend.account(&user.id).await.user, user);
}

/// Whoever was disabled between the password and the session gets no session.
pub async fn a_session_of_a_disabled_user_is_refused(backend: &Backend) {
    let user = User { status: UserStatus::Disabled, ..user(1) };
    backend.insert_user(&user).await;
    assert_refused(backend, &session(&user, 1)).await;
    assert_eq!(backend.account(&user.id).await.user, user);
}

/// Whoever is gone by then gets no session either.
pub async fn a_session_of_nobody_is_refused(backend: &Backend) {
    assert_refused(backend, &session(&user(1), 1)).await;
    assert_eq!(backend.users.find_user(&user_id(1)).await.unwrap(), None);
}

async fn assert_refused(backend: &Backend, session: &Session) {
    let inserted =
        backend.sessions.insert_session(&new_session(session, &[event(1)])).await.unwrap();
    assert_eq!(inserted, InsertSession::EpochPassed);
    let found = backend.sessions.find_session(&session.user_id, session.id).await.unwrap();
    assert_eq!(found, None);
    assert!(backend.events().await.is_empty());
}

/// Ids are made so that this cannot happen; if it does, nobody gets into another's session.
pub async fn a_taken_id_never_replaces_a_session(backend: &Backend) {
    let (user, thief) = (backend.with_user(1).await, backend.with_user(2).await);
    let kept = backend.with_session(&user, 1).await;
    // Where sessions are kept under their users, both may stand.
    let _ = backend.sessions.insert_session(&new_session(&session(&thief, 1), &[])).await;
    assert_eq!(backend.session(&kept).await, kept);

    let again = Session { sealed_refresh_key: [9].into(), ..session(&user, 1) };
    assert!(backend.sessions.insert_session(&new_session(&again, &[event(1)])).await.is_err());
    assert_eq!(backend.session(&kept).await, kept);
    assert!(backend.events().await.is_empty());
}

/// A sign-in runs into "end all my sessions". Either it comes too late and is refused, or its
/// session is of the old epoch, and dead.
pub async fn a_sign_in_that_races_an_epoch_raise_does_not_survive_it(backend: &Backend) {
    for number in 0..50 {
        let user = backend.with_user(number).await;
        let answers = race(2, |which| {
            let (backend, user) = (backend.clone(), user.clone());
            async move {
                if which == 0 {
                    let raised = backend.users.advance_session_epoch(&raise(&user), &[]).await;
                    assert_eq!(raised.unwrap(), Replaced::Yes);
                    None
                } else {
                    let session = session(&user, number);
                    Some(
                        backend.sessions.insert_session(&new_session(&session, &[])).await.unwrap(),
                    )
                }
            }
        })
        .await;
        let inserted = answers.into_iter().flatten().next();
        let found = backend.sessions.find_session(&user.id, session_id(number)).await.unwrap();
        assert_eq!(found.is_some(), inserted == Some(InsertSession::Yes));
        if let Some(SignedIn { session, account }) = found {
            assert_eq!(session.state(&account.user, NOW), SessionState::Ended);
        }
        let alive = backend.sessions.list_sessions(&user.id, NOW, None, ALL).await.unwrap();
        assert_eq!(alive, []);
    }
}

/// Sign-ins of one user at once all begin a session.
pub async fn many_sign_ins_of_one_user_all_succeed(backend: &Backend) {
    let user = backend.with_user(1).await;
    let answers =
        race(32, |number| {
            let (sessions, session) = (backend.sessions.clone(), session(&user, number));
            async move {
                sessions.insert_session(&new_session(&session, &[event(number)])).await.unwrap()
            }
        })
        .await;
    assert_eq!(answers, [InsertSession::Yes; 32]);
    let alive = backend.sessions.list_sessions(&user.id, NOW, None, ALL).await.unwrap();
    assert_eq!(alive.len(), 32);
    assert_eq!(backend.events().await.len(), 32);
}

/// A session id alone opens nothing: the user must be its own.
pub async fn a_session_is_not_found_under_another_user(backend: &Backend) {
    let (user, other) = (backend.with_user(1).await, backend.with_user(2).await);
    let session = backend.with_session(&user, 1).await;
    for stranger in [other.id, user_id(3)] {
        let found = backend.sessions.find_session(&stranger, session.id).await.unwrap();
        assert_eq!(found, None);
    }
    let found = backend.sessions.find_session(&user.id, session_id(2)).await.unwrap();
    assert_eq!(found, None);
}
