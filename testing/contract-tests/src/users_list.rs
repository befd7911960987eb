//! Users: listing.

use domain::{User, UserId};

use crate::Backend;
use crate::fixtures::{assert_same_user, roles, user, user_id};

/// The ids of one page.
async fn page(backend: &Backend, after: Option<&UserId>, limit: usize) -> Vec<UserId> {
    let users = backend.users.list_users(after, limit).await.unwrap();
    users.into_iter().map(|user| user.id).collect()
}

fn ids(numbers: &[u32]) -> Vec<UserId> {
    numbers.iter().copied().map(user_id).collect()
}

/// An empty store has no users, after any key.
pub async fn a_list_of_nobody_is_empty(backend: &Backend) {
    assert_eq!(page(backend, None, 10).await, []);
    assert_eq!(page(backend, Some(&user_id(1)), 10).await, []);
}

/// Pages follow each other by id, however the users came, and the last one may be short.
pub async fn users_are_listed_by_id_page_after_page(backend: &Backend) {
    for number in [5, 2, 7, 1, 6, 3, 4] {
        backend.with_user(number).await;
    }
    assert_eq!(page(backend, None, 3).await, ids(&[1, 2, 3]));
    assert_eq!(page(backend, Some(&user_id(3)), 3).await, ids(&[4, 5, 6]));
    assert_eq!(page(backend, Some(&user_id(6)), 3).await, ids(&[7]));
    assert_eq!(page(backend, Some(&user_id(7)), 3).await, []);
}

/// The key of a page need not exist any more.
pub async fn a_page_follows_a_key_that_is_no_users(backend: &Backend) {
    for number in [1, 3] {
        backend.with_user(number).await;
    }
    assert_eq!(page(backend, Some(&user_id(2)), 3).await, ids(&[3]));
}

/// Who comes in meanwhile neither shifts a later page nor shows anyone twice.
pub async fn a_list_is_stable_while_users_come(backend: &Backend) {
    for number in [20, 30, 40] {
        backend.with_user(number).await;
    }
    assert_eq!(page(backend, None, 2).await, ids(&[20, 30]));
    for number in [10, 25, 35] {
        backend.with_user(number).await;
    }
    assert_eq!(page(backend, Some(&user_id(30)), 10).await, ids(&[35, 40]));
}

/// A page counts users, not their roles, and shows each with all they hold.
pub async fn a_page_counts_users_whatever_roles_they_hold(backend: &Backend) {
    let held: [&[&str]; 4] = [&["ADMIN", "SUPERVISOR", "USER"], &[], &["USER", "ADMIN"], &["USER"]];
    let users: Vec<User> =
        (1..).zip(held).map(|(number, names)| with_roles(number, names)).collect();
    for user in &users {
        backend.insert_user(user).await;
    }
    let listed = backend.users.list_users(None, 3).await.unwrap();
    assert_eq!(listed.len(), 3);
    for (found, expected) in listed.iter().zip(&users) {
        assert_same_user(found, expected);
    }
}

fn with_roles(number: u32, names: &[&str]) -> User {
    User { roles: roles(names), ..user(number) }
}

/// Foreign ids sort by their bytes, not by the rules of a language: else pages would differ from
/// one backend to the next, and a key could skip users.
pub async fn ids_sort_by_their_bytes(backend: &Backend) {
    let sorted = ["00", "A", "Z", "Zz", "_", "a", "auth0|5f7c", "b", "user_1", "z", "~"];
    let mut users: Vec<User> = (1..).map(user).take(sorted.len()).collect();
    for (user, id) in users.iter_mut().zip(sorted) {
        user.id = UserId::parse(id).unwrap();
    }
    for user in users.iter().rev() {
        backend.insert_user(user).await;
    }
    let mut listed: Vec<UserId> = Vec::new();
    while let [_, ..] = &*page(backend, listed.last(), 2).await {
        listed.extend(page(backend, listed.last(), 2).await);
    }
    assert_eq!(listed.iter().map(UserId::as_str).collect::<Vec<_>>(), sorted);
}
