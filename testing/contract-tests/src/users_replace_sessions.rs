//! Users: replacing them, and what becomes of their sessions.

use contracts::{Advance, Advanced, InsertSession, ReplaceUser, Replaced, SignedIn, UserReplaced};
use domain::{Revocation, RevocationScope, SessionState, UserStatus};

use crate::Backend;
use crate::fixtures::{
    HOUR, NOW, end, ending_replacement, event_id, new_session, race, raise, replacement, session,
    session_id,
};
use crate::fixtures_mail::{mail_id, notices};

/// Where the epoch does not rise, every session lives on, and nothing is revoked.
pub async fn a_change_without_a_new_epoch_ends_no_session(backend: &Backend) {
    let user = backend.with_user(1).await;
    let session = backend.with_session(&user, 1).await;
    backend.replace(&replacement(&user)).await;
    assert_eq!(backend.alive(&user.id).await, [session.id]);
    assert!(backend.revoked().await.is_empty());
}

/// The epoch, the revocation and the notices are one change.
pub async fn a_new_epoch_ends_all_sessions_and_is_told(backend: &Backend) {
    let user = backend.with_user(1).await;
    let other = backend.with_user(2).await;
    let session = backend.with_session(&user, 1).await;
    let theirs = backend.with_session(&other, 2).await;
    let before = backend.sequence().await;
    let change = ReplaceUser { notices: notices(1), ..ending_replacement(&user) };

    backend.replace(&change).await;

    let SignedIn { session, account } = backend.signed_in(&session).await.unwrap();
    assert_eq!(session.state(&account.user, NOW), SessionState::Ended);
    assert_eq!(backend.alive(&user.id).await, []);
    assert_eq!(backend.alive(&other.id).await, [theirs.id]);
    assert_eq!(backend.revoked().await, [change.revocation.unwrap()]);
    assert!(backend.sequence().await > before);
    assert_eq!(backend.told().await, ([event_id(1)].into(), [mail_id(1)].into()));
}

/// Whoever changes the password stays signed in where they did it, and nowhere else.
pub async fn a_kept_session_lives_on_alone(backend: &Backend) {
    let user = backend.with_user(1).await;
    let sessions = [1, 2, 3].map(|number| session(&user, number));
    for session in &sessions {
        backend.insert(session).await;
    }
    let [_, kept, _] = &sessions;
    let epoch = user.session_epoch + 1;
    let scope =
        RevocationScope::User { user: user.id.clone(), epoch_below: epoch, except: Some(kept.id) };
    let change = ending_replacement(&user);
    let revocation = Revocation { scope, ..change.revocation.clone().unwrap() };
    let change = ReplaceUser {
        keeps_session: Some(kept.id),
        revocation: Some(revocation.clone()),
        ..change
    };

    backend.replace(&change).await;

    for session in &sessions {
        let found = backend.signed_in(session).await.unwrap();
        let (expected, state) = if session.id == kept.id {
            (epoch, SessionState::Alive)
        } else {
            (user.session_epoch, SessionState::Ended)
        };
        assert_eq!(found.session.state(&found.account.user, NOW), state);
        assert_eq!(found.session, domain::Session { epoch: expected, ..session.clone() });
    }
    assert_eq!(backend.alive(&user.id).await, [kept.id]);
    assert_eq!(backend.revoked().await, [revocation]);
}

/// Whoever was signed out meanwhile is not signed in again by being kept.
pub async fn a_kept_session_that_has_ended_stays_ended(backend: &Backend) {
    let user = backend.with_user(1).await;
    let session = backend.with_session(&user, 1).await;
    backend.sessions.end_session(&end(&session), &[]).await.unwrap();
    let change = ReplaceUser { keeps_session: Some(session.id), ..ending_replacement(&user) };
    backend.replace(&change).await;
    let found = backend.signed_in(&session).await.unwrap();
    assert_eq!(found.session.end, Some(end(&session).end));
    assert_eq!(backend.alive(&user.id).await, []);
}

/// Nor is one that an earlier change has shut out.
pub async fn a_session_of_an_older_epoch_is_not_kept(backend: &Backend) {
    let user = backend.with_user(1).await;
    let session = backend.with_session(&user, 1).await;
    let first = ending_replacement(&user);
    backend.replace(&first).await;
    let keeps_session = Some(session.id);
    let second = ReplaceUser { keeps_session, ..ending_replacement(&first.user) };
    backend.replace(&second).await;
    assert_eq!(backend.alive(&user.id).await, []);
}

/// A kept session may be refreshed at the moment it is kept: neither is lost.
pub async fn a_kept_session_loses_no_rotation(backend: &Backend) {
    for number in 0..20 {
        let user = backend.with_user(number).await;
        let session = backend.with_session(&user, number).await;
        race(2, |which| {
            let (backend, user, session) = (backend.clone(), user.clone(), session.clone());
            async move {
                if which == 0 {
                    let keeps_session = Some(session.id);
                    let change = ReplaceUser { keeps_session, ..ending_replacement(&user) };
                    backend.replace(&change).await;
                } else {
                    let advance = Advance {
                        user: user.id,
                        session: session.id,
                        from: 1,
                        to: 2,
                        at: NOW,
                        by: None,
                        idle_expires_at: NOW.plus(HOUR),
                        resealed: None,
                    };
                    let advanced = backend.sessions.advance_generation(&advance).await.unwrap();
                    assert_eq!(advanced, Advanced::Yes);
                }
            }
        })
        .await;
        let found = backend.session(&session).await;
        assert_eq!((found.generation, found.epoch), (2, user.session_epoch + 1));
        assert_eq!(backend.alive(&user.id).await, [session.id]);
    }
}

/// Whoever proved the old password before the change gets no session after it.
pub async fn a_sign_in_with_the_old_epoch_is_refused(backend: &Backend) {
    let user = backend.with_user(1).await;
    let change = ending_replacement(&user);
    backend.replace(&change).await;
    let late = new_session(&session(&user, 1), &[]);
    let inserted = backend.sessions.insert_session(&late).await.unwrap();
    assert_eq!(inserted, InsertSession::EpochPassed);
    backend.with_session(&change.user, 2).await;
    assert_eq!(backend.alive(&user.id).await, [session_id(2)]);
}

/// Whoever is disabled gets no session any more, and theirs says so.
pub async fn a_user_who_is_disabled_cannot_sign_in(backend: &Backend) {
    let user = backend.with_user(1).await;
    let session = backend.with_session(&user, 1).await;
    let mut change = replacement(&user);
    change.user.status = UserStatus::Disabled;
    backend.replace(&change).await;
    let found = backend.signed_in(&session).await.unwrap();
    assert_eq!(found.session.state(&found.account.user, NOW), SessionState::UserDisabled);
    let refused = new_session(&crate::fixtures::session(&user, 2), &[]);
    let inserted = backend.sessions.insert_session(&refused).await.unwrap();
    assert_eq!(inserted, InsertSession::EpochPassed);
}

/// Sign-ins run into a reset. Whichever came first, none of them is alive afterwards.
pub async fn a_sign_in_that_races_a_replacement_does_not_survive_it(backend: &Backend) {
    for round in 0..25 {
        let user = backend.with_user(round).await;
        let answers = race(4, |which| {
            let (backend, user) = (backend.clone(), user.clone());
            async move {
                if which == 0 {
                    backend.replace(&ending_replacement(&user)).await;
                    None
                } else {
                    let session = session(&user, 4 * round + which);
                    let new = new_session(&session, &[]);
                    let inserted = backend.sessions.insert_session(&new).await.unwrap();
                    Some((session, inserted))
                }
            }
        })
        .await;
        for (session, inserted) in answers.into_iter().flatten() {
            let found = backend.signed_in(&session).await;
            assert_eq!(found.is_some(), inserted == InsertSession::Yes);
            if let Some(SignedIn { session, account }) = found {
                assert_eq!(session.state(&account.user, NOW), SessionState::Ended);
            }
        }
        assert_eq!(backend.alive(&user.id).await, []);
    }
}

/// "End all my sessions" runs into a change that does so too: one of them is decided again, and no
/// epoch is taken back.
pub async fn a_raise_that_races_a_replacement_is_one_of_two(backend: &Backend) {
    for number in 0..20 {
        let user = backend.with_user(number).await;
        let answers = race(2, |which| {
            let (users, user) = (backend.users.clone(), user.clone());
            async move {
                if which == 0 {
                    let change = ending_replacement(&user);
                    users.replace_user(&change).await.unwrap() == UserReplaced::Yes
                } else {
                    let raised = users.advance_session_epoch(&raise(&user), &[]).await.unwrap();
                    raised == Replaced::Yes
                }
            }
        })
        .await;
        assert_eq!(answers.iter().filter(|won| **won).count(), 1);
        let found = backend.account(&user.id).await.user;
        assert_eq!(found.session_epoch, user.session_epoch + 1);
        assert_eq!(found.version, user.version + 1);
    }
}
