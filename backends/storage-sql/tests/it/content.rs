//! What other programs may put into the file, and what the file refuses.

use contracts::{OutboxStore, SessionStore, StoreError, UserStore};
use domain::{Permission, Timestamp};
use storage_sql::SqlStorage;

use crate::fixtures::{NOW, begun, event, execute, new, session, user};
use crate::place;

#[tokio::test]
async fn permissions_of_roles_that_share_none_are_united() {
    let (_folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    execute(
        &path,
        "INSERT INTO roles (name) VALUES ('A'), ('B'), ('none');
         INSERT INTO role_permissions (role, permission)
         VALUES ('A', 'one'), ('A', 'both'), ('B', 'both'), ('B', 'two');",
    );
    let user = user(&["A", "B", "none"]);
    storage.insert_user(&new(&user), None).await.unwrap();
    storage.insert_session(&begun(&session(&user))).await.unwrap();

    let account = storage.find_user(&user.id).await.unwrap().unwrap();
    assert_eq!(account.user.roles, user.roles);
    let permissions: Vec<_> = account.permissions.iter().map(Permission::as_str).collect();
    assert_eq!(permissions, ["both", "one", "two"]);
    let found = storage.find_session(&user.id, session(&user).id).await.unwrap().unwrap();
    assert_eq!(found.account.permissions, account.permissions);
    assert_eq!(found.account.user.roles, user.roles);
}

#[tokio::test]
async fn a_value_that_we_never_write_is_malformed_and_not_absent() {
    let (_folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    let user = user(&[]);
    storage.insert_user(&new(&user), None).await.unwrap();
    storage.insert_session(&begun(&session(&user))).await.unwrap();
    for (sql, expected) in [
        ("UPDATE sessions SET methods = 'smoke'", "authentication method"),
        ("UPDATE sessions SET methods = '', generation = -1", "generation"),
        ("UPDATE sessions SET generation = 1, ended_at_ms = 1", "session end"),
        ("UPDATE sessions SET end_reason = 'boredom'", "end reason"),
        ("UPDATE sessions SET end_reason = 'replay', address = '1.2.3'", "client address"),
        ("UPDATE sessions SET address = NULL; UPDATE users SET email = 'nobody'", "e-mail address"),
    ] {
        execute(&path, sql);
        let found = storage.find_session(&user.id, session(&user).id).await;
        let is_expected = matches!(
            &found, Err(StoreError::Malformed { what, .. }) if *what == expected
        );
        assert!(is_expected, "{sql}: {found:?}");
    }
}

/// Of a batch of events one of which cannot be read, none is leased: they would be lost for the
/// length of the lease, time and again.
#[tokio::test]
async fn a_claim_that_fails_leases_nothing() {
    let (_folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    storage.insert_events(&[event(1), event(2)]).await.unwrap();
    execute(&path, "UPDATE outbox SET user_id = ' '");
    let until = Timestamp::from_unix_ms(i64::MAX);
    let claimed = storage.claim_events(NOW, until, 10).await;
    assert!(matches!(claimed, Err(StoreError::Malformed { .. })), "{claimed:?}");
    execute(&path, "UPDATE outbox SET user_id = 'user_1'");
    assert_eq!(storage.claim_events(NOW, until, 10).await.unwrap().len(), 2);
}

/// An event must not be lost because another has its id.
#[tokio::test]
async fn an_event_whose_id_is_taken_is_an_error() {
    let (_folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    storage.insert_events(&[event(1)]).await.unwrap();
    let answer = storage.insert_events(&[event(2), event(1)]).await;
    assert!(answer.is_err());
    assert_eq!(storage.claim_events(NOW, NOW, 10).await.unwrap(), [event(1)]);
}

/// The service knows which roles are defined; one that vanished meanwhile leaves nothing behind.
#[tokio::test]
async fn a_user_with_an_undefined_role_is_not_inserted() {
    let (_folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    let user = user(&["USER", "undefined"]);
    let mut told = new(&user);
    told.notices.events.push(event(1));
    assert!(storage.insert_user(&told, None).await.is_err());
    assert_eq!(storage.find_user(&user.id).await.unwrap(), None);
    assert_eq!(storage.claim_events(NOW, NOW, 10).await.unwrap(), []);
}
