//! Opening and migrating.

use std::error::Error;
use std::time::Duration;

use contracts::{Probe, RecordStore, StoreError, UserStore};
use domain::{User, UserId, UserStatus};
use storage_sql::{SqlStorage, migrate_postgres, pending_postgres};
use tokio::time::timeout;

use super::database::Database;
use crate::fixtures::{THIRD_RELEASE_LIST, THIRD_RELEASE_WRITES, factor, new, user};

const STEPS: [&str; 4] = ["accounts", "mail", "limits", "factors"];

/// Long before anybody would wait for a lock in vain.
const SOON: Duration = Duration::from_secs(30);

const ACCOUNTS: &str = include_str!("../../../src/schema/postgres/0001_accounts.sql");
const MAIL: &str = include_str!("../../../src/schema/postgres/0002_mail.sql");
const LIMITS: &str = include_str!("../../../src/schema/postgres/0003_limits.sql");
const KEEP_STEPS: &str = "
    CREATE TABLE schema_steps (number bigint PRIMARY KEY, name text NOT NULL,
        works_with bigint NOT NULL, taken_at timestamptz NOT NULL DEFAULT now());
    INSERT INTO schema_steps VALUES (1, 'accounts', 1)";

#[tokio::test]
async fn each_step_is_taken_once_and_asking_changes_nothing() {
    let database = Database::create().await;
    let settings = database.settings();
    let count = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    for _ in 0..2 {
        assert_eq!(pending_postgres(&settings).await.unwrap(), STEPS);
        let objects = database.connect().await.query_one(count, &[]).await.unwrap();
        assert_eq!(objects.get::<_, i64>(0), 0);
    }
    assert_eq!(migrate_postgres(&settings).await.unwrap(), STEPS);
    assert_eq!(migrate_postgres(&settings).await.unwrap(), [""; 0]);
    assert_eq!(pending_postgres(&settings).await.unwrap(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_several_that_open_a_new_database_at_once_one_takes_each_step() {
    let database = Database::create().await;
    let mut openers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let settings = database.settings();
        openers.spawn(async move { migrate_postgres(&settings).await.unwrap() });
    }
    let mut taken = openers.join_all().await.concat();
    taken.sort_by_key(|name| STEPS.iter().position(|step| step == name));
    assert_eq!(taken, STEPS);
}

#[tokio::test]
async fn a_schema_of_a_newer_release_is_refused_and_left_alone() {
    let database = Database::create().await;
    let settings = database.settings();
    migrate_postgres(&settings).await.unwrap();
    for newer in [
        "INSERT INTO schema_steps VALUES (5, 'next', 5)",
        // Nobody says what the sixth was for.
        "UPDATE schema_steps SET works_with = 4, number = 7 WHERE number = 5",
    ] {
        database.execute(newer).await;
        for refused in [
            SqlStorage::open_postgres(&settings).await.map(|_| ()),
            migrate_postgres(&settings).await.map(|_| ()),
            pending_postgres(&settings).await.map(|_| ()),
        ] {
            let error = refused.unwrap_err();
            assert!(matches!(error, StoreError::Malformed { .. }), "{error:?}");
            assert_eq!(error.to_string(), "the store holds a malformed schema version");
            let known = format!("; this release knows {}", STEPS.len());
            assert!(error.source().unwrap().to_string().ends_with(&known));
        }
    }
}

#[tokio::test]
async fn a_newer_schema_that_says_it_can_be_worked_beside_is_used() {
    let database = Database::create().await;
    let settings = database.settings();
    migrate_postgres(&settings).await.unwrap();
    let newer = "INSERT INTO schema_steps VALUES (5, 'next', 4), (6, 'last', 2)";
    database.execute(newer).await;
    assert_eq!(pending_postgres(&settings).await.unwrap(), [""; 0]);
    let storage = database.open().await;
    storage.insert_record("name", b"content", &[]).await.unwrap();
}

/// A second instance must be able to start while the first migrates or works.
#[tokio::test]
async fn a_migrated_database_opens_while_another_program_has_the_tables() {
    let database = Database::create().await;
    migrate_postgres(&database.settings()).await.unwrap();
    let other = database.connect().await;
    other
        .batch_execute("BEGIN; LOCK TABLE users, records, schema_steps IN ROW EXCLUSIVE MODE")
        .await
        .unwrap();
    let storage = database.open().await;
    assert_eq!(storage.find_record("name").await.unwrap(), None);
    storage.check().await.unwrap();
}

/// What failed half-way is as if it had not begun, and can be taken later.
#[tokio::test]
async fn a_step_that_fails_leaves_the_database_as_it_was() {
    let database = Database::create().await;
    let settings = database.settings();
    for pending in [&STEPS[..], &STEPS[1..]] {
        database.execute("CREATE TABLE devices (in_the_way text)").await;
        let refused = migrate_postgres(&settings).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        assert_eq!(pending_postgres(&settings).await.unwrap(), pending);
        database.execute("DROP TABLE devices").await;
        if pending == STEPS {
            database.execute(&format!("{ACCOUNTS}; {KEEP_STEPS}")).await;
        }
    }
    assert_eq!(migrate_postgres(&settings).await.unwrap(), STEPS[1..]);
}

/// Instances of the old release would go on working with what has changed under them.
#[tokio::test]
async fn steps_that_want_all_instances_stopped_are_taken_on_purpose_only() {
    let database = Database::create().await;
    let settings = database.settings();
    database.execute(&format!("{ACCOUNTS}; {KEEP_STEPS}")).await;
    for _ in 0..2 {
        let error = SqlStorage::open_postgres(&settings).await.map(|_| ()).unwrap_err();
        let words = contracts::chain(&error);
        assert!(words.contains("(mail, limits, factors) with `doorward migrate`"), "{words}");
        assert_eq!(pending_postgres(&settings).await.unwrap(), STEPS[1..]);
    }
    assert_eq!(migrate_postgres(&settings).await.unwrap(), STEPS[1..]);
    database.open().await.check().await.unwrap();
}

#[tokio::test]
async fn steps_that_can_be_worked_beside_are_taken_when_the_database_is_opened() {
    let database = Database::create().await;
    let settings = database.settings();
    let mail = "INSERT INTO schema_steps VALUES (2, 'mail', 2)";
    database.execute(&format!("{ACCOUNTS}; {KEEP_STEPS}; {MAIL}; {mail}")).await;
    assert_eq!(pending_postgres(&settings).await.unwrap(), STEPS[2..]);
    database.open().await.check().await.unwrap();
    assert_eq!(pending_postgres(&settings).await.unwrap(), [""; 0]);
}

/// While a deployment is rolled out, instances of the release before go on with the statements that
/// they have prepared: they neither see a factor nor harm it, and whom they sign up has none.
#[tokio::test]
async fn the_third_release_goes_on_working_and_harms_no_factor() {
    let database = Database::create().await;
    let settings = database.settings();
    let steps = "INSERT INTO schema_steps VALUES (2, 'mail', 2), (3, 'limits', 2)";
    database.execute(&format!("{ACCOUNTS}; {KEEP_STEPS}; {MAIL}; {LIMITS}; {steps}")).await;
    let old = database.connect().await;
    let [insert, replace] = THIRD_RELEASE_WRITES;
    let (insert, replace) =
        (old.prepare(insert).await.unwrap(), old.prepare(replace).await.unwrap());
    let list = old.prepare(THIRD_RELEASE_LIST).await.unwrap();
    assert_eq!(old.query(&list, &[]).await.unwrap().len(), 0);

    assert_eq!(pending_postgres(&settings).await.unwrap(), ["factors"]);
    let storage = database.open().await;
    assert_eq!(pending_postgres(&settings).await.unwrap(), [""; 0]);
    let user = User { totp: Some(factor()), version: 2, ..user(&[]) };
    storage.insert_user(&new(&user), None).await.unwrap();

    assert_eq!(old.execute(&insert, &[]).await.unwrap(), 1);
    assert_eq!(old.execute(&replace, &[]).await.unwrap(), 1);
    assert_eq!(old.query(&list, &[]).await.unwrap().len(), 2);
    let found = storage.find_user(&user.id).await.unwrap().unwrap().user;
    assert_eq!((found.version, found.status), (3, UserStatus::Disabled));
    assert_eq!(found.totp, Some(factor()));
    let another = UserId::parse("another").unwrap();
    assert_eq!(storage.find_user(&another).await.unwrap().unwrap().user.totp, None);
}

/// A backup reads tables for as long as it takes. Whoever came after a step that waited for it
/// would wait as well, so the step gives up, and the release before goes on.
#[tokio::test]
async fn a_step_does_not_wait_behind_a_backup_while_others_work() {
    let database = Database::create().await;
    let settings = database.settings();
    let steps = "INSERT INTO schema_steps VALUES (2, 'mail', 2), (3, 'limits', 2)";
    database.execute(&format!("{ACCOUNTS}; {KEEP_STEPS}; {MAIL}; {LIMITS}; {steps}")).await;
    let backup = database.connect().await;
    backup.batch_execute("BEGIN; SELECT FROM users").await.unwrap();

    let opened = timeout(SOON, SqlStorage::open_postgres(&settings)).await.unwrap();
    let refused = opened.map(|_| ());
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert_eq!(pending_postgres(&settings).await.unwrap(), ["factors"]);
    database.execute(THIRD_RELEASE_WRITES[0]).await;

    backup.batch_execute("COMMIT").await.unwrap();
    database.open().await.check().await.unwrap();
    assert_eq!(pending_postgres(&settings).await.unwrap(), [""; 0]);
}

/// Several replicas that start at once must not take a new database for an old one half-way.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_new_database_can_be_opened_by_several_at_once() {
    let database = Database::create().await;
    let mut openers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let settings = database.settings();
        openers.spawn(async move { SqlStorage::open_postgres(&settings).await.map(|_| ()) });
    }
    openers.join_all().await.into_iter().for_each(|answer| answer.unwrap());
}
