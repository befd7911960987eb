//! Users: replacing them as a whole.

use contracts::{ReplaceUser, UserReplaced};
use domain::{PasswordHash, PersonName, User, UserStatus};

use crate::Backend;
use crate::fixtures::{
    HOUR, NOW, assert_same_user, count_of, email, ending_replacement, event_id, race, replacement,
    roles, session_id, user, user_id, username,
};
use crate::fixtures_factor::pending_factor;
use crate::fixtures_mail::{code, mail_id, notices, spend};

/// A user of whom nothing is as in `user(number)` but id and creation.
fn transformed(number: u32) -> User {
    let old = user(number);
    User {
        email: email("Somebody.Else@Example.org"),
        is_email_verified: false,
        username: Some(username("somebody-else")),
        name: Some(PersonName::parse("Somebody Else").unwrap()),
        roles: roles(&["ADMIN", "SUPERVISOR"]),
        status: UserStatus::Disabled,
        password_hash: Some(PasswordHash::new("$argon2id$else")),
        totp: Some(pending_factor(number + 100)),
        session_epoch: old.session_epoch + 1,
        ..old
    }
}

/// Every field is replaced, the new login finds the user, the old one nobody, and nobody else is
/// touched.
pub async fn every_field_of_a_user_is_replaced(backend: &Backend) {
    let other = backend.with_user(2).await;
    backend.with_user(1).await;
    let change = replacement(&transformed(1));

    backend.replace(&change).await;

    for found in [
        Some(backend.account(&user_id(1)).await),
        backend.account_by_email("somebody.else@example.org").await,
        backend.account_by_username("somebody-else").await,
    ] {
        let found = found.unwrap();
        assert_same_user(&found.user, &change.user);
        assert!(found.permissions.iter().any(|permission| permission.as_str() == "users:write"));
    }
    assert_eq!(backend.account_by_email("user1@example.com").await, None);
    assert_eq!(backend.account_by_username("user1").await, None);
    assert_same_user(&backend.users.list_users(None, 1).await.unwrap()[0], &change.user);
    assert_same_user(&backend.account(&other.id).await.user, &other);
}

/// What may be absent can be taken away, roles included, and given again.
pub async fn what_may_be_absent_is_taken_away(backend: &Backend) {
    let full = backend.with_user(1).await;
    let bare = User {
        username: None,
        name: None,
        password_hash: None,
        totp: None,
        roles: roles(&[]),
        ..full.clone()
    };
    let taken_away = replacement(&bare);
    backend.replace(&taken_away).await;
    let found = backend.account(&full.id).await;
    assert_same_user(&found.user, &taken_away.user);
    assert!(found.permissions.is_empty());
    assert_eq!(backend.account_by_username("user1").await, None);

    let given_again = replacement(&User { version: taken_away.user.version, ..full });
    backend.replace(&given_again).await;
    let found = backend.account_by_username("user1").await.unwrap();
    assert_same_user(&found.user, &given_again.user);
}

/// When somebody signed in is for sign-ins to say: a change that was read before one must not take
/// it back.
pub async fn the_time_of_the_last_sign_in_is_not_touched(backend: &Backend) {
    let user = backend.with_user(1).await;
    let session = backend.with_session(&user, 1).await;
    for (version, last_login_at) in [(5, None), (6, Some(NOW.plus(HOUR)))] {
        backend.replace(&replacement(&User { version, last_login_at, ..user.clone() })).await;
        let found = backend.account(&user.id).await.user;
        assert_eq!((found.version, found.last_login_at), (version + 1, Some(session.created_at)));
    }
}

/// A sign-in between reading and replacing is no change of the record.
pub async fn a_sign_in_does_not_hinder_a_replacement(backend: &Backend) {
    let read = backend.with_user(1).await;
    backend.with_session(&read, 1).await;
    backend.replace(&replacement(&read)).await;
    assert_eq!(backend.alive(&read.id).await, [session_id(1)]);
}

/// A change decided on an old record writes nothing at all: it spends, drops and puts no code, and
/// nobody hears of it.
pub async fn a_replacement_over_another_version_is_stale(backend: &Backend) {
    let user = backend.with_user(1).await;
    let session = backend.with_session(&user, 1).await;
    let standing = backend.with_code(&user.id, 1).await;
    let signed_in = backend.signed_in(&session).await;
    let sequence = backend.sequence().await;
    for version in [user.version - 1, user.version + 1] {
        let change = ReplaceUser {
            spends: Some(spend(&standing)),
            drops_codes: true,
            code: Some(code(&user.id, 2)),
            keeps_session: Some(session.id),
            notices: notices(1),
            ..ending_replacement(&User { version, ..transformed(1) })
        };
        let replaced = backend.users.replace_user(&change).await.unwrap();
        assert_eq!(replaced, UserReplaced::Stale);
    }
    assert_eq!(backend.signed_in(&session).await, signed_in);
    assert_eq!(backend.account_by_username("somebody-else").await, None);
    assert!(backend.has_code(&standing).await);
    assert_eq!(backend.told().await, ([].into(), [].into()));
    assert_eq!(backend.sequence().await, sequence);
    assert!(backend.revoked().await.is_empty());
}

/// Two administrators edit one user: one of them has to look again.
pub async fn one_of_many_callers_replaces_a_user(backend: &Backend) {
    let user = backend.with_user(1).await;
    let answers = race(16, |number| {
        let users = backend.users.clone();
        let name = Some(PersonName::parse(&format!("Name {number}")).unwrap());
        let change = ReplaceUser {
            notices: notices(number),
            ..ending_replacement(&User { name, ..user.clone() })
        };
        async move { (number, users.replace_user(&change).await.unwrap()) }
    })
    .await;
    let (winners, others): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|(_, replaced)| *replaced == UserReplaced::Yes);
    assert_eq!(winners.len(), 1, "{winners:?}");
    let winner = winners[0].0;
    assert!(others.iter().all(|(_, replaced)| *replaced == UserReplaced::Stale), "{others:?}");
    let found = backend.account(&user.id).await.user;
    assert_eq!(found.name.unwrap().as_str(), format!("Name {winner}"));
    assert_eq!(found.version, user.version + 1);
    assert_eq!(backend.told().await, ([event_id(winner)].into(), [mail_id(winner)].into()));
    assert_eq!(backend.revoked().await.len(), 1);
}

/// What another user has is named, and nothing is written: the code still works, and the epoch
/// stands.
pub async fn a_taken_address_or_user_name_is_named_and_changes_nothing(backend: &Backend) {
    let user = backend.with_user(1).await;
    backend.with_user(2).await;
    let session = backend.with_session(&user, 1).await;
    let standing = backend.with_code(&user.id, 1).await;
    let before = backend.account(&user.id).await;
    let same_email = User { email: email("USER2@example.COM"), ..transformed(1) };
    let same_name = User { username: Some(username("User2")), ..transformed(1) };
    for (wanted, refusal) in
        [(same_email, UserReplaced::EmailTaken), (same_name, UserReplaced::UsernameTaken)]
    {
        let change = ReplaceUser {
            spends: Some(spend(&standing)),
            drops_codes: true,
            code: Some(code(&user.id, 2)),
            notices: notices(1),
            ..ending_replacement(&wanted)
        };
        assert_eq!(backend.users.replace_user(&change).await.unwrap(), refusal);
        assert_eq!(backend.account(&user.id).await, before);
        assert!(backend.has_code(&standing).await);
    }
    assert_eq!(backend.alive(&user.id).await, [session.id]);
    assert_eq!(backend.told().await, ([].into(), [].into()));
    assert!(backend.revoked().await.is_empty());
}

/// One's own address and user name are not taken, however they are spelled now.
pub async fn ones_own_address_may_be_spelled_anew(backend: &Backend) {
    let user = backend.with_user(1).await;
    let change = replacement(&User { email: email("USER1@EXAMPLE.com"), ..user });
    backend.replace(&change).await;
    let found = backend.account_by_email("user1@example.com").await.unwrap().user;
    assert_same_user(&found, &change.user);
}

/// What somebody has left behind is free for another, and not for two.
pub async fn an_address_that_was_left_is_free(backend: &Backend) {
    for number in 1..=2 {
        backend.with_user(number).await;
    }
    backend.replace(&replacement(&transformed(1))).await;
    let heir = User { email: user(1).email, username: user(1).username, ..user(2) };
    backend.replace(&replacement(&heir)).await;
    assert_eq!(backend.account_by_email("user1@example.com").await.unwrap().user.id, heir.id);
    assert_eq!(backend.account_by_username("user1").await.unwrap().user.id, heir.id);
    // So is what the heir had, to somebody new.
    let newcomer = User { id: user_id(3), ..user(2) };
    backend.insert_user(&newcomer).await;
    assert_eq!(backend.account_by_email("user2@example.com").await.unwrap().user.id, newcomer.id);
}

/// Sixteen users want one address: one gets it.
pub async fn one_of_many_users_gets_an_address(backend: &Backend) {
    for number in 0..16 {
        backend.with_user(number).await;
    }
    let answers = race(16, |number| {
        let users = backend.users.clone();
        let change = replacement(&User { email: email("one@example.com"), ..user(number) });
        async move { (number, users.replace_user(&change).await.unwrap()) }
    })
    .await;
    let winner = answers.iter().find(|(_, replaced)| *replaced == UserReplaced::Yes).unwrap().0;
    let replaced: Vec<UserReplaced> = answers.into_iter().map(|(_, replaced)| replaced).collect();
    assert_eq!(count_of(&replaced, &UserReplaced::EmailTaken), 15, "{replaced:?}");
    let found = backend.account_by_email("one@example.com").await.unwrap().user;
    assert_eq!(found.id, user_id(winner));
}
