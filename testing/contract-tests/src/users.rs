//! Users: inserting and finding.

use contracts::InsertUserError;
use domain::{INITIAL_ROLES, Permission, User};

use crate::Backend;
use crate::fixtures::{
    assert_same_user, email, event, new_user, race, roles, session_id, user, user_id, username,
};

/// Whatever one asks by, the answer is the whole user.
pub async fn an_inserted_user_is_found_by_id_address_and_name(backend: &Backend) {
    let user = backend.with_user(1).await;
    backend.with_user(2).await;
    for found in [
        Some(backend.account(&user.id).await),
        backend.account_by_email("User1@Example.com").await,
        backend.account_by_username("user1").await,
    ] {
        assert_same_user(&found.unwrap().user, &user);
    }
}

/// A person may type their address and name in any case; what they first typed is kept.
pub async fn an_address_and_a_name_are_found_in_any_case(backend: &Backend) {
    let user = backend.with_user(1).await;
    for typed in ["user1@example.com", "USER1@EXAMPLE.COM", "uSER1@eXAMPLE.cOM"] {
        let found = backend.account_by_email(typed).await.unwrap().user;
        assert_same_user(&found, &user);
    }
    assert_eq!(backend.account_by_username("USER1").await.unwrap().user, user);
}

/// Absence is `None`, never an error.
pub async fn nobody_is_found_in_an_empty_store(backend: &Backend) {
    assert_eq!(backend.users.find_user(&user_id(1)).await.unwrap(), None);
    assert_eq!(backend.account_by_email("user1@example.com").await, None);
    assert_eq!(backend.account_by_username("user1").await, None);
    assert_eq!(backend.sessions.find_session(&user_id(1), session_id(1)).await.unwrap(), None);
}

/// An address and a name that begin alike, or hold what a pattern would match, are others.
pub async fn only_the_whole_address_or_name_finds_a_user(backend: &Backend) {
    backend.with_user(11).await;
    for other in ["user1@example.com", "user1_@example.com", "%@example.com", "user11@example.co"] {
        assert_eq!(backend.account_by_email(other).await, None, "{other}");
    }
    for other in ["user1", "user111", "user1_", "user1."] {
        assert_eq!(backend.account_by_username(other).await, None, "{other}");
    }
}

/// The refusal names the address, and nothing of the refused user remains.
pub async fn a_taken_address_is_refused_and_leaves_nothing(backend: &Backend) {
    backend.users.insert_user(&new_user(&user(1), &[event(1)]), None).await.unwrap();
    let mut second = user(2);
    second.email = email("USER1@example.COM");
    second.roles = roles(&["ADMIN", "USER"]);

    let refused = backend.users.insert_user(&new_user(&second, &[event(2), event(3)]), None).await;

    assert!(matches!(refused, Err(InsertUserError::EmailTaken(None))), "{refused:?}");
    assert_same_user(&backend.account(&user_id(1)).await.user, &user(1));
    assert_nothing_remains_of_user_2(backend).await;
}

/// The refusal names the user name, and nothing of the refused user remains.
pub async fn a_taken_user_name_is_refused_and_leaves_nothing(backend: &Backend) {
    backend.users.insert_user(&new_user(&user(1), &[event(1)]), None).await.unwrap();
    let mut second = user(2);
    second.username = Some(username("User1"));
    second.roles = roles(&["ADMIN", "USER"]);

    let refused = backend.users.insert_user(&new_user(&second, &[event(2), event(3)]), None).await;

    assert!(matches!(refused, Err(InsertUserError::UsernameTaken)), "{refused:?}");
    assert_same_user(&backend.account(&user_id(1)).await.user, &user(1));
    assert_nothing_remains_of_user_2(backend).await;
}

async fn assert_nothing_remains_of_user_2(backend: &Backend) {
    assert_eq!(backend.users.find_user(&user_id(2)).await.unwrap(), None);
    assert_eq!(backend.events().await, [event(1)]);
    // Its address and name are free, and no role waits for who comes by that id.
    let mut plain = user(2);
    plain.roles.clear();
    backend.insert_user(&plain).await;
    let found = backend.account(&plain.id).await;
    assert_same_user(&found.user, &plain);
    assert!(found.permissions.is_empty());
}

/// Ids are made so that this cannot happen; if it does, the first user keeps what is theirs.
pub async fn a_taken_id_never_replaces_a_user(backend: &Backend) {
    let first = backend.with_user(1).await;
    let mut second = user(2);
    second.id = first.id.clone();
    assert!(backend.users.insert_user(&new_user(&second, &[event(2)]), None).await.is_err());
    assert_same_user(&backend.account(&first.id).await.user, &first);
    assert_eq!(backend.account_by_email("user2@example.com").await, None);
    assert_eq!(backend.account_by_username("user2").await, None);
    assert!(backend.events().await.is_empty());
}

/// An insert brings all its events.
pub async fn an_insert_writes_its_events(backend: &Backend) {
    backend.users.insert_user(&new_user(&user(1), &[event(1), event(2)]), None).await.unwrap();
    assert_eq!(backend.events().await, [event(1), event(2)]);
}

/// Thirty-two people, or one double-clicking robot, sign up with one address.
pub async fn one_of_many_callers_gets_an_address(backend: &Backend) {
    let answers = race(32, |number| {
        let users = backend.users.clone();
        let mut user = user(number);
        user.email = email("one@example.com");
        async move { (number, users.insert_user(&new_user(&user, &[event(number)]), None).await) }
    })
    .await;

    let winner = only_winner(&answers, |error| matches!(error, InsertUserError::EmailTaken(None)));
    let found = backend.account_by_email("one@example.com").await.unwrap().user;
    assert_eq!(found.id, user_id(winner));
    assert_eq!(backend.events().await, [event(winner)]);
    assert_eq!(backend.users.list_users(None, 100).await.unwrap().len(), 1);
}

/// Thirty-two people want one user name.
pub async fn one_of_many_callers_gets_a_user_name(backend: &Backend) {
    let answers = race(32, |number| {
        let users = backend.users.clone();
        let mut user = user(number);
        user.username = Some(username("the-one"));
        async move { (number, users.insert_user(&new_user(&user, &[event(number)]), None).await) }
    })
    .await;

    let winner = only_winner(&answers, |error| matches!(error, InsertUserError::UsernameTaken));
    let found = backend.account_by_username("the-one").await.unwrap().user;
    assert_eq!(found.id, user_id(winner));
    assert_eq!(backend.events().await, [event(winner)]);
    assert_eq!(backend.users.list_users(None, 100).await.unwrap().len(), 1);
}

/// The number of the one who was not refused; all others must have been, in that way.
fn only_winner(
    answers: &[(u32, Result<(), InsertUserError>)],
    is_refusal: impl Fn(&InsertUserError) -> bool,
) -> u32 {
    let refused = |answer: &Result<(), _>| answer.as_ref().is_err_and(&is_refusal);
    let refusals = answers.iter().filter(|(_, answer)| refused(answer)).count();
    assert_eq!(refusals, answers.len() - 1, "{answers:?}");
    answers.iter().find(|(_, answer)| answer.is_ok()).unwrap().0
}

/// People who sign up at once with different addresses do not hinder each other.
pub async fn many_callers_with_different_addresses_all_insert(backend: &Backend) {
    let answers = race(32, |number| {
        let users = backend.users.clone();
        async move { users.insert_user(&new_user(&user(number), &[event(number)]), None).await }
    })
    .await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(backend.users.list_users(None, 100).await.unwrap().len(), 32);
    assert_eq!(backend.events().await, (0..32).map(event).collect::<Vec<_>>());
}

/// No user name is not a user name that could be taken.
pub async fn users_without_a_user_name_coexist(backend: &Backend) {
    for number in 1..=2 {
        let mut user = user(number);
        user.username = None;
        backend.insert_user(&user).await;
        assert_same_user(&backend.account(&user.id).await.user, &user);
    }
}

/// Whoever asks, by whatever key, learns what all roles of the user allow.
pub async fn permissions_are_the_union_of_all_roles(backend: &Backend) {
    let permissions = |names: &[&str]| {
        names.iter().map(|name| Permission::parse(name).unwrap()).collect::<Vec<_>>()
    };
    let expected = [
        (vec![], permissions(&[])),
        (vec!["USER"], permissions(&["profile:read"])),
        (vec!["SUPERVISOR", "USER"], permissions(&["profile:read", "users:read"])),
    ];
    for (number, (names, permissions)) in (1..).zip(expected) {
        let mut user = user(number);
        user.roles = roles(&names);
        backend.insert_user(&user).await;
        for account in [
            Some(backend.account(&user.id).await),
            backend.account_by_email(user.email.key()).await,
            backend.account_by_username(&format!("user{number}")).await,
        ] {
            let account = account.unwrap();
            assert_same_user(&account.user, &user);
            assert!(account.permissions.iter().eq(&permissions), "{account:?}");
        }
    }
}

/// An empty store knows the three roles that every deployment begins with.
pub async fn the_roles_of_a_new_deployment_are_defined(backend: &Backend) {
    let defined = backend.users.list_roles().await.unwrap();
    assert_eq!(defined, roles(&["ADMIN", "SUPERVISOR", "USER"]));
    for (number, (name, permissions)) in (1..).zip(INITIAL_ROLES) {
        let user = User { roles: roles(&[name]), ..user(number) };
        backend.insert_user(&user).await;
        let allowed = backend.account(&user.id).await.permissions;
        let expected = permissions.iter().map(|text| Permission::parse(text).unwrap()).collect();
        assert_eq!(allowed, expected, "{name}");
    }
}
