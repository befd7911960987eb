//! Codes and mails in the file: what is in it, what is not, and what we never write there.

use std::fs;
use std::path::Path;

use contracts::{CodePut, MailOutboxStore, OneTimeCodeStore, StoreError, UserStore};
use domain::{CodeToken, OneTimeCode, ShortCode, Timestamp, User, UserId};
use rusqlite::Connection;
use rusqlite::types::Value;
use storage_sql::SqlStorage;

use crate::fixtures::{LATER, NOW, code, erase, execute, mail, new, put, user};
use crate::place;

/// The rows of a table, each with the names of its columns.
pub(crate) fn rows(path: &Path, table: &str) -> Vec<Vec<(String, Value)>> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut found = statement.query([]).unwrap();
    let mut rows = Vec::new();
    while let Some(row) = found.next().unwrap() {
        rows.push(
            names.iter().map(|name| (name.clone(), row.get(name.as_str()).unwrap())).collect(),
        );
    }
    rows
}

/// Every byte of the database, its log included.
pub(crate) fn content(path: &Path) -> Vec<u8> {
    let folder = path.parent().unwrap();
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.flat_map(|file| fs::read(file).unwrap()).collect()
}

pub(crate) fn holds(content: &[u8], wanted: &[u8]) -> bool {
    content.windows(wanted.len()).any(|window| window == wanted)
}

/// Whoever reads a copy of the file proves no mailbox: it holds what can be compared with, column
/// by column, and neither a link nor a short code.
#[tokio::test]
async fn a_code_is_kept_as_digests_only() {
    let (_folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    let code = code();
    storage.put_code(&put(&code, &[mail(1)])).await.unwrap();

    let text = |text: &str| Value::Text(text.to_owned());
    let moment = |at: Timestamp| Value::Integer(at.unix_ms());
    let expected = [
        ("user_id", text(code.user.as_str())),
        ("kind", text("reset_password")),
        ("challenge", text(&code.challenge.to_string())),
        ("secret_digest", Value::Blob(code.secret_digest.to_vec())),
        ("short_code_mac", Value::Blob(code.short_code_mac.to_vec())),
        ("tries", Value::Integer(0)),
        ("email", Value::Null),
        ("created_at_ms", moment(NOW)),
        ("short_code_expires_at_ms", moment(LATER)),
        ("expires_at_ms", moment(LATER)),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    assert_eq!(rows(&path, "one_time_codes"), [expected]);

    let token = CodeToken { user: code.user.clone(), kind: code.kind, secret: [0x5a; 32].into() };
    let short_code = ShortCode::new([7; 5]);
    for stage in ["in the log", "in the file"] {
        let content = content(&path);
        assert!(holds(&content, &code.secret_digest), "{stage}");
        assert!(holds(&content, &mail(1).sealed_values), "{stage}");
        assert!(!holds(&content, token.secret.as_slice()), "{stage}");
        assert!(!holds(&content, short_code.expose()), "{stage}");
        assert!(!holds(&content, short_code.to_text().as_bytes()), "{stage}");
        execute(&path, "PRAGMA wal_checkpoint(TRUNCATE)");
    }
}

/// Tries, too, leave nothing behind but their number.
#[tokio::test]
async fn a_try_changes_a_number_and_nothing_else() {
    let (_folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    storage.put_code(&put(&code(), &[])).await.unwrap();
    let before = rows(&path, "one_time_codes");
    storage.advance_tries(code().challenge, 5, NOW).await.unwrap().unwrap();
    let after = rows(&path, "one_time_codes");
    let changed: Vec<_> = before[0].iter().zip(&after[0]).filter(|(old, new)| old != new).collect();
    let tries = |count| ("tries".to_owned(), Value::Integer(count));
    assert_eq!(changed, [(&tries(0), &tries(1))]);
}

/// A tombstone holds an id, two numbers and whether there is work left; no row of any table names
/// the person.
#[tokio::test]
async fn a_tombstone_holds_nothing_of_the_person() {
    let (_folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    let user = user(&["USER"]);
    storage.insert_user(&new(&user), None).await.unwrap();
    storage.put_code(&put(&code(), &[mail(1)])).await.unwrap();
    erase(&storage, &user).await;

    let expected = [
        ("id", Value::Text(user.id.as_str().to_owned())),
        ("erased_at_ms", Value::Integer(NOW.unix_ms())),
        ("session_epoch", Value::Integer(1)),
        ("has_remains", Value::Integer(1)),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    assert_eq!(rows(&path, "erased_users"), [expected]);
    for table in ["users", "user_roles", "one_time_codes", "mails"] {
        assert!(rows(&path, table).is_empty(), "{table}");
    }
}

#[tokio::test]
async fn a_code_that_we_never_write_is_malformed_and_not_absent() {
    let (_folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    storage.put_code(&put(&code(), &[])).await.unwrap();
    for (sql, expected) in [
        ("email = 'nobody'", "address of a code"),
        ("email = NULL, tries = -1", "tries of a code"),
        ("tries = 4294967296", "tries of a code"),
        ("tries = 0, short_code_mac = x'00'", "MAC of a code"),
        ("secret_digest = x''", "digest of a code"),
        ("challenge = 'mail_1'", "challenge"),
    ] {
        execute(&path, &format!("UPDATE one_time_codes SET {sql}"));
        let found = storage.find_code(&code().user, code().kind, NOW).await;
        assert_malformed(&found, expected);
    }
}

/// A try that gives no record is not counted: else an unreadable row would eat the tries of whoever
/// asks again.
#[tokio::test]
async fn a_try_that_fails_is_not_counted() {
    let (_folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    storage.put_code(&put(&code(), &[])).await.unwrap();
    execute(&path, "UPDATE one_time_codes SET kind = 'unheard_of'");
    assert_malformed(&storage.advance_tries(code().challenge, 5, NOW).await, "kind of a code");
    execute(&path, "UPDATE one_time_codes SET kind = 'reset_password'");
    let tried = storage.advance_tries(code().challenge, 5, NOW).await.unwrap().unwrap();
    assert!(tried == OneTimeCode { tries: 1, ..code() });
}

#[tokio::test]
async fn a_mail_that_we_never_write_is_malformed_and_not_absent() {
    let (_folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    storage.put_code(&put(&code(), &[mail(1)])).await.unwrap();
    for (sql, expected) in [
        ("attempts = -1", "attempts"),
        ("attempts = 0, recipient = 'nobody'", "recipient"),
        ("template = 'greetings'", "mail template"),
        ("user_id = ''", "user of a mail"),
    ] {
        execute(&path, &format!("UPDATE mails SET {sql}"));
        assert_malformed(&storage.find_mail(mail(1).id).await, expected);
        assert_malformed(&storage.list_mails(None, 10).await, expected);
    }
}

/// Of a batch of mails one of which cannot be read, none is leased: they would be lost for the
/// length of the lease, time and again.
#[tokio::test]
async fn a_claim_of_mails_that_fails_leases_nothing() {
    let (_folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    storage.put_code(&put(&code(), &[mail(1), mail(2)])).await.unwrap();
    execute(&path, "UPDATE mails SET template = 'greetings'");
    assert_malformed(&storage.claim_mails(NOW, LATER, 10).await, "mail template");
    execute(&path, "UPDATE mails SET template = 'reset_password'");
    assert_eq!(storage.claim_mails(NOW, LATER, 10).await.unwrap().len(), 2);
}

/// A mail must not be lost because another has its id: neither is what it tells of done.
#[tokio::test]
async fn a_mail_whose_id_is_taken_is_an_error() {
    let (_folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    storage.put_code(&put(&code(), &[mail(1)])).await.unwrap();
    let user = User { id: UserId::parse("other").unwrap(), ..user(&[]) };
    let mut told = new(&user);
    told.notices.mails = vec![mail(2), mail(1)];
    assert!(storage.insert_user(&told, None).await.is_err());
    assert_eq!(storage.find_user(&user.id).await.unwrap(), None);
    assert_eq!(storage.list_mails(None, 10).await.unwrap().len(), 1);
}

/// Challenges are made so that this cannot happen; if it does, nobody's code is replaced.
#[tokio::test]
async fn a_taken_challenge_never_replaces_a_code() {
    let (_folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    assert_eq!(storage.put_code(&put(&code(), &[])).await.unwrap(), CodePut::Yes);
    let other = OneTimeCode { user: UserId::parse("other").unwrap(), ..code() };
    assert!(storage.put_code(&put(&other, &[mail(1)])).await.is_err());
    assert_eq!(storage.find_code(&other.user, other.kind, NOW).await.unwrap(), None);
    let found = storage.find_code(&code().user, code().kind, NOW).await.unwrap();
    assert!(found == Some(code()));
    assert_eq!(storage.list_mails(None, 10).await.unwrap(), []);
}

#[track_caller]
pub(crate) fn assert_malformed<T: std::fmt::Debug>(answer: &Result<T, StoreError>, expected: &str) {
    let is_expected =
        matches!(answer, Err(StoreError::Malformed { what, .. }) if *what == expected);
    assert!(is_expected, "{expected}: {answer:?}");
}

/// What is deleted is overwritten: neither the file nor its log names whom it has forgotten.
#[tokio::test]
async fn an_erased_user_is_not_in_the_file_any_more() {
    let (_folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    let user = user(&["USER"]);
    storage.insert_user(&new(&user), None).await.unwrap();
    assert!(holds(&content(&path), user.email.as_typed().as_bytes()));
    erase(&storage, &user).await;
    // Closing folds the log into the file and removes it.
    drop(storage);
    assert!(!holds(&content(&path), user.email.as_typed().as_bytes()));
}
