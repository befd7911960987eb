//! Users: erasing them.

use contracts::{
    Advance, Advanced, CodePut, EraseUser, Forgive, InsertSession, MailState, Notices, OutboxMail,
    QueuedMail, Replaced, UserReplaced,
};
use domain::{MailTemplate, PasswordHash, User};

use crate::Backend;
use crate::fixtures::{
    ALL, HOUR, MINUTE, NOW, assert_same_user, count_of, erasure, event, event_id, new_session,
    new_user, race, raise, replacement, session, session_id, user, user_id,
};
use crate::fixtures_mail::{code, codes, mail_id, mail_to, notices, put, waiting};
use crate::sessions_authenticate::renewal;

/// Nobody finds the user any more, by whatever key, and nobody else is touched.
pub async fn an_erased_user_is_not_found(backend: &Backend) {
    let gone = backend.with_user(1).await;
    let other = backend.with_user(2).await;
    let session = backend.with_session(&gone, 1).await;
    let theirs = backend.with_session(&other, 2).await;

    backend.erase(&gone).await;

    assert_eq!(backend.users.find_user(&gone.id).await.unwrap(), None);
    assert_eq!(backend.account_by_email("user1@example.com").await, None);
    assert_eq!(backend.account_by_username("user1").await, None);
    assert_eq!(backend.signed_in(&session).await, None);
    assert_eq!(backend.alive(&gone.id).await, []);
    let listed = backend.users.list_users(None, ALL).await.unwrap();
    assert_eq!(listed.iter().map(|user| &user.id).collect::<Vec<_>>(), [&other.id]);
    assert_same_user(&listed[0], &User { last_login_at: Some(theirs.created_at), ..other });
    assert_eq!(backend.alive(&listed[0].id).await, [theirs.id]);
}

/// The erasure, its revocation and its notices are one change.
pub async fn an_erasure_is_told(backend: &Backend) {
    let user = backend.with_user(1).await;
    let before = backend.sequence().await;
    let erasure = EraseUser { notices: notices(1), ..erasure(&user) };
    backend.erase_with(&erasure).await;
    assert_eq!(backend.revoked().await, [erasure.revocation]);
    assert!(backend.sequence().await > before);
    assert_eq!(backend.told().await, ([event_id(1)].into(), [mail_id(1)].into()));
}

/// What is left of an erased user's sessions leads nowhere: no refresh, no renewal, no sign-in.
pub async fn sessions_of_an_erased_user_lead_nowhere(backend: &Backend) {
    let user = backend.with_user(1).await;
    let session = backend.with_session(&user, 1).await;
    backend.erase(&user).await;

    let advance = Advance {
        user: user.id.clone(),
        session: session.id,
        from: 1,
        to: 2,
        at: NOW,
        by: None,
        idle_expires_at: NOW.plus(HOUR),
        resealed: None,
    };
    let forgive =
        Forgive { user: user.id.clone(), session: session.id, generation: 1, forgiven: 0 };
    // Whether the record is still there to be moved is the store's affair.
    backend.sessions.advance_generation(&advance).await.unwrap();
    backend.sessions.advance_forgiven(&forgive).await.unwrap();
    let renewed = backend.sessions.advance_authentication(&renewal(&session)).await.unwrap();
    assert_eq!(renewed, Advanced::Stale);
    let late = new_session(&crate::fixtures::session(&user, 2), &[event(1)]);
    let inserted = backend.sessions.insert_session(&late).await.unwrap();
    assert_eq!(inserted, InsertSession::EpochPassed);

    for id in [session_id(1), session_id(2)] {
        assert_eq!(backend.sessions.find_session(&user.id, id).await.unwrap(), None);
    }
    assert_eq!(backend.alive(&user.id).await, []);
    assert!(backend.events().await.is_empty());
}

/// A tombstone cannot be changed back into a person.
pub async fn an_erased_user_cannot_be_changed(backend: &Backend) {
    let user = backend.with_user(1).await;
    let erasure = erasure(&user);
    backend.erase_with(&erasure).await;
    let (revoked, sequence) = (backend.revoked().await, backend.sequence().await);
    for version in [user.version, user.version + 1] {
        let change = replacement(&User { version, ..user.clone() });
        let replaced = backend.users.replace_user(&change).await.unwrap();
        assert_eq!(replaced, UserReplaced::Stale);
    }
    let (old, new) = (user.password_hash.clone().unwrap(), PasswordHash::new("$new"));
    let users = &backend.users;
    let replaced = users.replace_password_hash(&user.id, &old, &new).await.unwrap();
    assert_eq!(replaced, Replaced::Stale);
    for from in [user.session_epoch, erasure.epoch] {
        let mut raise = raise(&user);
        raise.from = from;
        let raised = users.advance_session_epoch(&raise, &[event(1)]).await.unwrap();
        assert_eq!(raised, Replaced::Stale);
    }
    assert_eq!(users.find_user(&user.id).await.unwrap(), None);
    assert!(backend.events().await.is_empty());
    assert_eq!((backend.revoked().await, backend.sequence().await), (revoked, sequence));
}

/// Address and user name are free for whoever comes next, by sign-up or by a change.
pub async fn address_and_user_name_of_an_erased_user_are_free(backend: &Backend) {
    let gone = backend.with_user(1).await;
    backend.erase(&gone).await;
    let newcomer = User { id: user_id(3), ..user(1) };
    backend.insert_user(&newcomer).await;
    let found = backend.account_by_email("user1@example.com").await.unwrap().user;
    assert_same_user(&found, &newcomer);

    backend.erase(&newcomer).await;
    let heir = backend.with_user(2).await;
    let change = replacement(&User { email: gone.email, username: gone.username, ..heir });
    backend.replace(&change).await;
    assert_eq!(backend.account_by_username("user1").await.unwrap().user.id, user_id(2));
}

/// An id never means somebody else: else tokens and sessions of who left would be theirs.
pub async fn the_id_of_an_erased_user_is_not_given_again(backend: &Backend) {
    let gone = backend.with_user(1).await;
    let session = backend.with_session(&gone, 1).await;
    backend.erase(&gone).await;
    let again = User { id: gone.id.clone(), ..user(2) };
    assert!(backend.users.insert_user(&new_user(&again, &[event(1)]), None).await.is_err());
    assert_eq!(backend.users.find_user(&gone.id).await.unwrap(), None);
    assert_eq!(backend.account_by_email("user2@example.com").await, None);
    assert_eq!(backend.signed_in(&session).await, None);
    assert!(backend.events().await.is_empty());
}

/// Mails that wait, are leased or were given up are gone; what outlives the user stays, such as the
/// farewell, and so do the mails of others.
pub async fn mails_that_wait_are_gone_but_the_farewell(backend: &Backend) {
    let user = backend.with_user(1).await;
    let theirs = mail_to(&user_id(2), 4);
    backend.with_mails(&[1, 2, 3].map(|number| mail_to(&user.id, number))).await;
    backend.with_mails(std::slice::from_ref(&theirs)).await;
    let lease = NOW.plus(MINUTE);
    let claimed = backend.mails.claim_mails(lease, lease.plus(MINUTE), 1).await.unwrap();
    let dead = OutboxMail { state: MailState::Dead, ..waiting(&mail_to(&user.id, 3)) };
    backend.mails.replace_mail(&dead, dead.due_at).await.unwrap();

    let template = MailTemplate::AccountDeleted;
    let farewell = QueuedMail { template, user: None, ..mail_to(&user.id, 5) };
    let notices = Notices { events: Vec::new(), mails: vec![farewell.clone()] };
    backend.erase_with(&EraseUser { notices, ..erasure(&user) }).await;

    assert_eq!(backend.mails().await, [waiting(&theirs), waiting(&farewell)]);
    let late = backend.mails.replace_mail(&claimed[0], lease.plus(MINUTE)).await.unwrap();
    assert_eq!(late, Replaced::Stale);
    // What remains of a user is removed, but not before it was said that they left.
    backend.users.delete_remains(NOW.plus(HOUR), ALL).await.unwrap();
    assert_eq!(backend.mails().await, [waiting(&theirs), waiting(&farewell)]);
}

/// No code of an erased user works, and those of others do.
pub async fn codes_of_an_erased_user_are_gone(backend: &Backend) {
    let user = backend.with_user(1).await;
    let (mine, theirs) = (codes(&user.id, 1), codes(&user_id(2), 11));
    for code in mine.iter().chain(&theirs) {
        backend.put(code).await;
    }
    backend.erase(&user).await;
    for code in &mine {
        assert_eq!(backend.code(&user.id, code.kind).await, None);
        assert_eq!(backend.try_code(code.challenge).await, None);
    }
    for code in &theirs {
        assert!(backend.has_code(code).await);
    }
}

/// An erasure decided on an old record, or of nobody, changes nothing.
pub async fn an_erasure_over_another_version_is_stale(backend: &Backend) {
    let user = backend.with_user(1).await;
    let session = backend.with_session(&user, 1).await;
    let code = backend.with_code(&user.id, 1).await;
    backend.with_mails(&[mail_to(&user.id, 1)]).await;
    let signed_in = backend.signed_in(&session).await;
    let sequence = backend.sequence().await;
    for version in [user.version - 1, user.version + 1] {
        let stale = EraseUser { version, notices: notices(2), ..erasure(&user) };
        assert_eq!(backend.users.erase_user(&stale).await.unwrap(), Replaced::Stale);
    }
    let nobody = EraseUser { user: user_id(9), notices: notices(3), ..erasure(&user) };
    assert_eq!(backend.users.erase_user(&nobody).await.unwrap(), Replaced::Stale);

    assert_eq!(backend.signed_in(&session).await, signed_in);
    assert!(backend.has_code(&code).await);
    assert_eq!(backend.told().await, ([].into(), [mail_id(1)].into()));
    assert!(backend.revoked().await.is_empty());
    assert_eq!(backend.sequence().await, sequence);
    assert_eq!(backend.users.delete_remains(NOW.plus(HOUR), ALL).await.unwrap(), 0);
}

/// Whoever is gone does not go again: whatever version is named, nothing is written.
pub async fn a_second_erasure_is_stale(backend: &Backend) {
    let user = backend.with_user(1).await;
    backend.erase_with(&EraseUser { notices: notices(1), ..erasure(&user) }).await;
    let sequence = backend.sequence().await;
    for version in [user.version, user.version + 1] {
        let again = EraseUser { version, notices: notices(2), ..erasure(&user) };
        assert_eq!(backend.users.erase_user(&again).await.unwrap(), Replaced::Stale);
    }
    assert_eq!(backend.told().await, ([event_id(1)].into(), [mail_id(1)].into()));
    assert_eq!(backend.sequence().await, sequence);
}

/// Sixteen callers erase one user: it happens once, and is told once.
pub async fn one_of_many_callers_erases_a_user(backend: &Backend) {
    let user = backend.with_user(1).await;
    let answers = race(16, |number| {
        let users = backend.users.clone();
        let erasure = EraseUser { notices: notices(number), ..erasure(&user) };
        async move { users.erase_user(&erasure).await.unwrap() }
    })
    .await;
    assert_eq!(count_of(&answers, &Replaced::Yes), 1);
    assert_eq!(count_of(&answers, &Replaced::Stale), 15);
    let (events, mails) = backend.told().await;
    assert_eq!((events.len(), mails.len()), (1, 1));
    assert_eq!(backend.revoked().await.len(), 1);
}

/// A sign-in and a request for a code run into an erasure. Whichever came first, nobody
/// is signed in and no record is found afterwards.
pub async fn an_erasure_wins_every_race(backend: &Backend) {
    for number in 0..20 {
        let user = backend.with_user(number).await;
        race(3, |which| {
            let (backend, user) = (backend.clone(), user.clone());
            async move {
                match which {
                    0 => backend.erase(&user).await,
                    1 => {
                        let new = new_session(&session(&user, number), &[]);
                        backend.sessions.insert_session(&new).await.unwrap();
                    }
                    _ => {
                        let answer = backend.codes.put_code(&put(&code(&user.id, number))).await;
                        assert_eq!(answer.unwrap(), CodePut::Yes);
                    }
                }
            }
        })
        .await;
        let found = backend.signed_in(&session(&user, number)).await;
        assert_eq!(found, None);
        assert_eq!(backend.users.find_user(&user.id).await.unwrap(), None);
        backend.users.delete_remains(NOW.minus(HOUR), ALL).await.unwrap();
        assert!(!backend.has_code(&code(&user.id, number)).await);
    }
}
