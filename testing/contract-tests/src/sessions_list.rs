//! Sessions: listing.

use contracts::{Ended, Replaced};
use domain::{Session, SessionId, User};

use crate::Backend;
use crate::fixtures::{ALL, NOW, SECOND, end, raise, session, session_id, user_id};

/// The ids of one page of sessions that are alive now.
async fn page(
    backend: &Backend,
    user: &User,
    after: Option<SessionId>,
    limit: usize,
) -> Vec<SessionId> {
    let sessions = backend.sessions.list_sessions(&user.id, NOW, after, limit).await.unwrap();
    sessions.into_iter().map(|session| session.id).collect()
}

/// What is listed is what was inserted.
pub async fn a_listed_session_is_whole(backend: &Backend) {
    let user = backend.with_user(1).await;
    let session = backend.with_session(&user, 1).await;
    let listed = backend.sessions.list_sessions(&user.id, NOW, None, ALL).await.unwrap();
    assert_eq!(listed, [session]);
}

/// A person sees their own sessions, not those of others; nobody has none.
pub async fn everyone_has_their_own_sessions(backend: &Backend) {
    let (user, other) = (backend.with_user(1).await, backend.with_user(2).await);
    backend.with_session(&user, 1).await;
    backend.with_session(&other, 2).await;
    assert_eq!(page(backend, &user, None, ALL).await, [session_id(1)]);
    assert_eq!(page(backend, &other, None, ALL).await, [session_id(2)]);
    let nobody = backend.sessions.list_sessions(&user_id(3), NOW, None, ALL).await.unwrap();
    assert_eq!(nobody, []);
}

/// A session that cannot be used any more is not shown. One that expires now has expired.
pub async fn only_sessions_that_are_alive_are_listed(backend: &Backend) {
    let user = backend.with_user(1).await;
    let ended = backend.with_session(&user, 1).await;
    assert_eq!(backend.sessions.end_session(&end(&ended), &[]).await.unwrap(), Ended::Yes);
    backend.insert(&Session { idle_expires_at: NOW, ..session(&user, 2) }).await;
    backend.insert(&Session { idle_expires_at: NOW.plus(SECOND), ..session(&user, 3) }).await;
    backend.insert(&Session { expires_at: NOW, ..session(&user, 4) }).await;
    backend.insert(&Session { expires_at: NOW.plus(SECOND), ..session(&user, 5) }).await;
    assert_eq!(page(backend, &user, None, ALL).await, [session_id(3), session_id(5)]);
}

/// A raised epoch empties the list, and a later sign-in is on it.
pub async fn sessions_of_an_older_epoch_are_not_listed(backend: &Backend) {
    let user = backend.with_user(1).await;
    backend.with_session(&user, 1).await;
    let raised = backend.users.advance_session_epoch(&raise(&user), &[]).await.unwrap();
    assert_eq!(raised, Replaced::Yes);
    assert_eq!(page(backend, &user, None, ALL).await, []);
    let user = backend.account(&user.id).await.user;
    backend.with_session(&user, 2).await;
    assert_eq!(page(backend, &user, None, ALL).await, [session_id(2)]);
}

/// Pages follow each other by id, and count only what they show.
pub async fn sessions_are_listed_by_id_page_after_page(backend: &Backend) {
    let user = backend.with_user(1).await;
    for number in [5, 2, 1, 4, 3] {
        backend.with_session(&user, number).await;
    }
    let ended = end(&session(&user, 2));
    assert_eq!(backend.sessions.end_session(&ended, &[]).await.unwrap(), Ended::Yes);
    assert_eq!(page(backend, &user, None, 2).await, [session_id(1), session_id(3)]);
    assert_eq!(page(backend, &user, Some(session_id(3)), 2).await, [session_id(4), session_id(5)]);
    assert_eq!(page(backend, &user, Some(session_id(2)), 1).await, [session_id(3)]);
    assert_eq!(page(backend, &user, Some(session_id(5)), 2).await, []);
}
