//! Users: password hashes and epochs, each guarded.

use contracts::{ReplaceUser, Replaced, UserReplaced};
use domain::{PasswordHash, User};

use crate::Backend;
use crate::fixtures::{count_of, event, race, raise, replacement, user, user_id};
use crate::fixtures_mail::notices;

/// Whoever is gone cannot be changed, and no event tells of it.
pub async fn a_change_of_nobody_is_stale(backend: &Backend) {
    let (nobody, hash) = (user(1), PasswordHash::new("$new"));
    let old = nobody.password_hash.clone().unwrap();
    let change = ReplaceUser { notices: notices(1), ..replacement(&nobody) };
    assert_eq!(backend.users.replace_user(&change).await.unwrap(), UserReplaced::Stale);
    let answers = [
        backend.users.replace_password_hash(&nobody.id, &old, &hash).await.unwrap(),
        backend.users.advance_session_epoch(&raise(&nobody), &[event(2)]).await.unwrap(),
    ];
    assert_eq!(answers, [Replaced::Stale; 2]);
    assert_eq!(backend.told().await, ([].into(), [].into()));
    assert!(backend.revoked().await.is_empty());
    assert_eq!(backend.users.find_user(&nobody.id).await.unwrap(), None);
}

/// A rehash must not bring back a password that was changed meanwhile.
pub async fn a_password_hash_is_replaced_only_over_the_old_one(backend: &Backend) {
    let user = backend.with_user(1).await;
    let other = backend.with_user(2).await;
    let old = user.password_hash.clone().unwrap();
    let (new, late) = (PasswordHash::new("$argon2id$new"), PasswordHash::new("$argon2id$late"));
    let users = &backend.users;

    let first = users.replace_password_hash(&user.id, &old, &new).await.unwrap();
    let second = users.replace_password_hash(&user.id, &old, &late).await.unwrap();

    assert_eq!((first, second), (Replaced::Yes, Replaced::Stale));
    assert_eq!(backend.account(&user.id).await.user.password_hash, Some(new));
    assert_eq!(backend.account(&other.id).await.user, other);
}

/// Where there is no password, none can be replaced.
pub async fn a_user_without_a_password_does_not_get_one(backend: &Backend) {
    let user = User { password_hash: None, ..user(1) };
    backend.insert_user(&user).await;
    let (old, new) = (PasswordHash::new(""), PasswordHash::new("$argon2id$new"));
    let replaced = backend.users.replace_password_hash(&user.id, &old, &new).await.unwrap();
    assert_eq!(replaced, Replaced::Stale);
    assert_eq!(backend.account(&user.id).await.user, user);
}

/// Sixteen sign-ins of one user find that the hash is of an old kind.
pub async fn one_of_many_callers_replaces_the_password_hash(backend: &Backend) {
    let user = backend.with_user(1).await;
    let answers = race(16, |number| {
        let (users, user) = (backend.users.clone(), user.clone());
        let new = PasswordHash::new(format!("$new-{number}"));
        async move {
            let old = user.password_hash.as_ref().unwrap();
            users.replace_password_hash(&user.id, old, &new).await.unwrap()
        }
    })
    .await;
    assert_eq!(count_of(&answers, &Replaced::Yes), 1);
}

/// The epoch, the version, the revocation and the events are one change.
pub async fn a_raised_epoch_is_kept_with_its_revocation_and_events(backend: &Backend) {
    let user = backend.with_user(1).await;
    let other = backend.with_user(2).await;
    let raise = raise(&user);
    let before = backend.sequence().await;

    let raised = backend.users.advance_session_epoch(&raise, &[event(1)]).await.unwrap();

    assert_eq!(raised, Replaced::Yes);
    let expected = User { session_epoch: raise.to, version: user.version + 1, ..user };
    assert_eq!(backend.account(&expected.id).await.user, expected);
    assert_eq!(backend.account(&other.id).await.user, other);
    assert_eq!(backend.revoked().await, [raise.revocation]);
    assert!(backend.sequence().await > before);
    assert_eq!(backend.events().await, [event(1)]);
}

/// A raise decided on an old record writes nothing at all, not even a number of the sequence.
pub async fn a_raise_over_another_epoch_is_stale(backend: &Backend) {
    let user = backend.with_user(1).await;
    let before = backend.sequence().await;
    for from in [user.session_epoch - 1, user.session_epoch + 1] {
        let mut stale = raise(&user);
        stale.from = from;
        let raised = backend.users.advance_session_epoch(&stale, &[event(1)]).await.unwrap();
        assert_eq!(raised, Replaced::Stale);
    }
    assert_eq!(backend.account(&user_id(1)).await.user, user);
    assert!(backend.revoked().await.is_empty());
    assert_eq!(backend.sequence().await, before);
    assert!(backend.events().await.is_empty());
}

/// Sixteen callers end all sessions of one user: it happens once, and is told once.
pub async fn one_of_many_callers_raises_the_epoch(backend: &Backend) {
    let user = backend.with_user(1).await;
    let answers = race(16, |number| {
        let (users, raise) = (backend.users.clone(), raise(&user));
        async move { users.advance_session_epoch(&raise, &[event(number)]).await.unwrap() }
    })
    .await;
    assert_eq!(count_of(&answers, &Replaced::Yes), 1);
    assert_eq!(backend.account(&user.id).await.user.session_epoch, user.session_epoch + 1);
    assert_eq!(backend.revoked().await.len(), 1);
    assert_eq!(backend.events().await.len(), 1);
}
