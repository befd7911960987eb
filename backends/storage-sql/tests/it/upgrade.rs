//! A file of an earlier release takes the steps it has not seen, and loses nothing by them.

use std::path::Path;

use contracts::{
    InsertSession, OutboxStore, RecordStore, RevocationStore, SessionStore, StoreError,
    UserReplaced, UserStore,
};
use domain::{
    EmailAddress, EndReason, Login, Session, SessionEnd, SessionId, Timestamp, User, UserId,
    UserStatus, Username,
};
use rusqlite::Connection;
use storage_sql::{SqlStorage, migrate_sqlite, pending_sqlite};

use crate::fixtures::{
    LATER, NOW, THIRD_RELEASE_LIST, THIRD_RELEASE_WRITES, begun, erase, event, execute, factor,
    replaced, session, user,
};
use crate::place;

const ACCOUNTS: &str = include_str!("../../src/schema/sqlite/0001_accounts.sql");
const MAIL: &str = include_str!("../../src/schema/sqlite/0002_mail.sql");
const LIMITS: &str = include_str!("../../src/schema/sqlite/0003_limits.sql");

/// Makes the file of a release that knew three steps, with one user.
fn make_third_release(path: &Path) {
    let (user, now) = (user(&[]), NOW.unix_ms());
    execute(
        path,
        &format!(
            "{ACCOUNTS}; {MAIL}; {LIMITS}; PRAGMA user_version = 3; PRAGMA journal_mode = WAL;
             CREATE TABLE schema_steps (number INTEGER PRIMARY KEY, name TEXT NOT NULL,
                                        works_with INTEGER NOT NULL) STRICT;
             INSERT INTO schema_steps VALUES (1, 'accounts', 1), (2, 'mail', 2), (3, 'limits', 2);
             INSERT INTO users VALUES ('{}', 'user@example.com', 'user@example.com', 0, NULL, NULL,
                                       'active', NULL, 0, 1, {now}, NULL)",
            user.id,
        ),
    );
}

/// Makes the file of a release that knew only the first step: two sessions of one user, one of
/// which has ended, with the revocation and the event of its end, and a record.
fn make_first_release(path: &Path) {
    let (user, session) = (user(&[]), session(&user(&[])));
    execute(path, &format!("{ACCOUNTS}; PRAGMA user_version = 1; PRAGMA journal_mode = WAL;"));
    let (now, later) = (NOW.unix_ms(), LATER.unix_ms());
    execute(
        path,
        &format!(
            "INSERT INTO users VALUES ('{0}', 'User@Example.com', 'user@example.com', 1, 'user',
                                       NULL, 'active', NULL, 0, 1, {now}, {now});
             INSERT INTO user_roles VALUES ('{0}', 'ADMIN'), ('{0}', 'USER');
             INSERT INTO sessions VALUES
             ('{1}', '{0}', 0, 1, 0, {now}, NULL, x'00000000', '', {now}, NULL, NULL, {now},
              {now}, {later}, {later}, NULL, NULL),
             ('sess_00000000000000000000000000', '{0}', 0, 4, 2, {now}, 'b', x'01', 'pwd', {now},
              '::1', 'a', {now}, {now}, {later}, {later}, {now}, 'signed_out');
             UPDATE counters SET value = 7 WHERE name = 'revocations';
             INSERT INTO revocations VALUES
             (7, 'sess_00000000000000000000000000', NULL, NULL, NULL, {now}, {later});
             INSERT INTO outbox VALUES ('{2}', 'test', '{0}', {now}, '{{}}', 0);
             INSERT INTO records VALUES ('key-ring', 3, x'c0ffee');",
            user.id,
            session.id,
            event(1).id,
        ),
    );
}

#[tokio::test]
async fn a_file_of_the_first_release_keeps_users_and_sessions() {
    let (_folder, path) = place();
    make_first_release(&path);
    assert_eq!(pending_sqlite(&path).unwrap(), ["mail", "limits", "factors"]);
    assert_eq!(migrate_sqlite(&path).unwrap(), ["mail", "limits", "factors"]);
    assert_eq!(pending_sqlite(&path).unwrap(), [""; 0]);

    let storage = SqlStorage::open_sqlite(&path).unwrap();
    let expected = User {
        email: EmailAddress::parse("User@Example.com").unwrap(),
        is_email_verified: true,
        username: Some(Username::parse("user").unwrap()),
        last_login_at: Some(NOW),
        ..user(&["ADMIN", "USER"])
    };
    let login = Login::parse("USER@example.com").unwrap();
    let account = storage.find_user_by_login(&login).await.unwrap().unwrap();
    assert_eq!(account.user, expected);
    let alive = storage.list_sessions(&expected.id, NOW, None, 10).await.unwrap();
    assert_eq!(alive, [session(&expected)]);
    let found = storage.find_session(&expected.id, session(&expected).id).await.unwrap().unwrap();
    assert_eq!((found.session, found.account), (session(&expected), account));

    let id = SessionId::from_bytes([0; 16]);
    let ended = storage.find_session(&expected.id, id).await.unwrap().unwrap().session;
    assert_eq!(ended.end, Some(SessionEnd { at: NOW, reason: EndReason::SignedOut }));
    assert_eq!((ended.generation, ended.forgiven_generation), (4, 2));
    let revocations = storage.list_revocations(NOW, 10).await.unwrap();
    assert_eq!((revocations.sequence, revocations.rows.len()), (7, 1));
    assert_eq!(storage.claim_events(NOW, NOW, 10).await.unwrap(), [event(1)]);
    assert_eq!(storage.find_record("key-ring").await.unwrap().unwrap().version, 3);
}

/// What the next step brought works on what came before it: a sign-in, and an erasure that leaves
/// the old sessions to be removed by and by.
#[tokio::test]
async fn users_of_the_first_release_can_sign_in_and_be_erased() {
    let (_folder, path) = place();
    make_first_release(&path);
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    let user = storage.find_user(&user(&[]).id).await.unwrap().unwrap().user;
    let id = SessionId::new(NOW, [9; 10]);
    let begun = begun(&Session { id, ..session(&user) });
    assert_eq!(storage.insert_session(&begun).await.unwrap(), InsertSession::Yes);
    erase(&storage, &user).await;
    // Two sessions of the old release and one of this, and its device.
    let long_ago = Timestamp::from_unix_ms(0);
    assert_eq!(storage.delete_remains(long_ago, 2).await.unwrap(), 3);
    assert_eq!(storage.delete_remains(long_ago, 2).await.unwrap(), 1);
    assert_eq!(storage.delete_remains(long_ago, 2).await.unwrap(), 0);
    let connection = Connection::open(&path).unwrap();
    for (check, expected) in [("integrity_check", Some("ok")), ("foreign_key_check", None)] {
        let mut statement = connection.prepare(&format!("PRAGMA {check}")).unwrap();
        let mut rows = statement.query([]).unwrap();
        let first: Option<String> = rows.next().unwrap().map(|row| row.get(0).unwrap());
        assert_eq!(first.as_deref(), expected, "{check}");
    }
}

/// A step is taken as a whole or not at all: the old release can still work with the file.
#[tokio::test]
async fn a_step_that_fails_leaves_the_file_as_it_was() {
    let (_folder, path) = place();
    make_first_release(&path);
    execute(&path, "CREATE TABLE sessions_of_anyone (in_the_way TEXT)");
    let refused = migrate_sqlite(&path);
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert_eq!(pending_sqlite(&path).unwrap(), ["mail", "limits", "factors"]);

    execute(&path, "DROP TABLE sessions_of_anyone");
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    let user = user(&[]);
    let alive = storage.list_sessions(&user.id, NOW, None, 10).await.unwrap();
    assert_eq!(alive, [session(&user)]);
}

#[tokio::test]
async fn users_of_the_third_release_have_no_factor_and_can_get_one() {
    let (_folder, path) = place();
    make_third_release(&path);
    assert_eq!(pending_sqlite(&path).unwrap(), ["factors"]);
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    let user = user(&[]);
    assert_eq!(storage.find_user(&user.id).await.unwrap().unwrap().user, user);
    assert_eq!(storage.list_users(None, 10).await.unwrap(), std::slice::from_ref(&user));
    let change = replaced(&User { totp: Some(factor()), ..user });
    assert_eq!(storage.replace_user(&change).await.unwrap(), UserReplaced::Yes);
    let found = storage.find_user(&change.user.id).await.unwrap().unwrap().user;
    assert_eq!(found, change.user);
}

/// While a deployment is rolled out, instances of the third release write beside this one: they
/// neither see a factor nor harm it, and whom they sign up has none.
#[tokio::test]
async fn the_third_release_goes_on_working_and_harms_no_factor() {
    let (_folder, path) = place();
    make_third_release(&path);
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    let user = user(&[]);
    let change = replaced(&User { totp: Some(factor()), ..user });
    storage.replace_user(&change).await.unwrap();

    let other = Connection::open(&path).unwrap();
    for statement in THIRD_RELEASE_WRITES {
        other.execute(statement, []).unwrap();
    }
    let listed: Vec<String> = other
        .prepare(THIRD_RELEASE_LIST)
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(listed, ["another", change.user.id.as_str()]);

    let found = storage.find_user(&change.user.id).await.unwrap().unwrap().user;
    assert_eq!((found.version, found.status), (3, UserStatus::Disabled));
    assert_eq!(found.totp, Some(factor()));
    let another = UserId::parse("another").unwrap();
    assert_eq!(storage.find_user(&another).await.unwrap().unwrap().user.totp, None);
}
