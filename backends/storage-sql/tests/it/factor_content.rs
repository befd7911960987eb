//! Second factors, and what belongs to them, in the file: what is in it, what is not, and what we
//! never write there.

use contracts::{NewSession, PendingSignInStore, SessionStore, TrustedDeviceStore, UserStore};
use domain::{PendingSignIn, TrustedDevice, User};
use rusqlite::types::Value;
use storage_sql::SqlStorage;

use crate::fixtures::{
    LATER, NOW, begun, erase, execute, factor, new, pending, session, trusted, user,
};
use crate::mail_content::{assert_malformed, content, holds, rows};
use crate::place;

fn somebody() -> User {
    User { totp: Some(factor()), ..user(&["USER"]) }
}

fn trusting(user: &User) -> NewSession {
    let session = session(user);
    NewSession { trusts: Some(trusted(&session)), ..begun(&session) }
}

/// What stands in the row is what the service has sealed, and MACs, and numbers.
#[tokio::test]
async fn a_factor_is_kept_sealed_and_its_codes_as_macs() {
    let (_folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    storage.insert_user(&new(&somebody()), None).await.unwrap();
    let codes = factor().enabled.unwrap().backup_codes;
    let expected = [
        ("totp_sealed_secret", Value::Blob(factor().sealed_secret.into())),
        ("totp_begun_at_ms", Value::Integer(NOW.unix_ms())),
        ("totp_enabled_at_ms", Value::Integer(LATER.unix_ms())),
        ("totp_last_step", Value::Integer(57)),
        ("totp_backup_codes", Value::Blob([codes[0].0, codes[1].0].concat())),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    let row = rows(&path, "users").remove(0);
    let kept: Vec<_> = row.into_iter().filter(|(name, _)| name.starts_with("totp_")).collect();
    assert_eq!(kept, expected);
}

#[tokio::test]
async fn half_a_factor_is_malformed_and_not_absent() {
    let (_folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    let user = somebody();
    storage.insert_user(&new(&user), None).await.unwrap();
    storage.insert_session(&begun(&session(&user))).await.unwrap();
    let columns = [
        "totp_sealed_secret",
        "totp_begun_at_ms",
        "totp_enabled_at_ms",
        "totp_last_step",
        "totp_backup_codes",
    ];
    let whole = storage.find_user(&user.id).await.unwrap();
    let absent = columns.map(|column| (format!("{column} = NULL"), "second factor"));
    let without_secret = "totp_sealed_secret = NULL, totp_begun_at_ms = NULL".to_owned();
    let others = [
        (without_secret, "second factor"),
        ("totp_last_step = -1".to_owned(), "step of a factor"),
        ("totp_backup_codes = x'00'".to_owned(), "backup codes"),
        ("totp_backup_codes = zeroblob(65)".to_owned(), "backup codes"),
    ];
    for (sql, expected) in absent.into_iter().chain(others) {
        execute(
            &path,
            &format!("CREATE TABLE kept AS SELECT * FROM users; UPDATE users SET {sql}"),
        );
        assert_malformed(&storage.find_user(&user.id).await, expected);
        assert_malformed(&storage.list_users(None, 10).await, expected);
        assert_malformed(&storage.find_session(&user.id, session(&user).id).await, expected);
        let back = columns.map(|column| format!("{column} = (SELECT {column} FROM kept)"));
        execute(&path, &format!("UPDATE users SET {}; DROP TABLE kept", back.join(", ")));
    }
    assert_eq!(storage.find_user(&user.id).await.unwrap(), whole);
    // All codes may be used up.
    execute(&path, "UPDATE users SET totp_backup_codes = x''");
    let found = storage.find_user(&user.id).await.unwrap().unwrap().user;
    assert_eq!(found.second_factor().unwrap().backup_codes, []);
}

/// A try or a take that gives no record changes none: else an unreadable row would eat the tries of
/// whoever asks again, or vanish.
#[tokio::test]
async fn a_sign_in_that_we_never_write_is_malformed_and_left() {
    let (_folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    let kept = pending();
    storage.insert_pending_sign_in(&kept).await.unwrap();
    let (user, digest) = (&kept.user, kept.secret_digest);
    for (sql, expected) in [
        ("step = 'dance'", "step of a sign-in"),
        ("step = 'verification', methods = 'smoke'", "authentication method"),
        ("methods = 'pwd', tries = -2", "tries of a sign-in"),
        ("tries = 0, epoch = -1", "epoch of a sign-in"),
    ] {
        execute(&path, &format!("UPDATE pending_sign_ins SET {sql}"));
        assert_malformed(&storage.find_pending_sign_in(user, digest, NOW).await, expected);
        assert_malformed(&storage.advance_pending_tries(user, digest, 5, NOW).await, expected);
        assert_malformed(&storage.take_pending_sign_in(user, digest, NOW).await, expected);
    }
    execute(&path, "UPDATE pending_sign_ins SET epoch = 0");
    let taken = storage.take_pending_sign_in(user, digest, NOW).await.unwrap();
    assert_eq!(taken, Some(kept));
}

#[tokio::test]
async fn a_trusted_device_that_we_never_write_is_malformed_and_not_absent() {
    let (_folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    let user = somebody();
    storage.insert_user(&new(&user), None).await.unwrap();
    storage.insert_session(&trusting(&user)).await.unwrap();
    let device = trusted(&session(&user)).id;
    for (sql, expected) in [
        ("session_id = 'dev_1'", "session id"),
        ("address = '1.2.3'", "client address"),
        ("address = NULL, epoch = -1", "epoch of a device"),
    ] {
        let sound = session(&user).id;
        execute(&path, &format!("UPDATE trusted_devices SET session_id = '{sound}'"));
        execute(&path, &format!("UPDATE trusted_devices SET {sql}"));
        assert_malformed(&storage.find_trusted_device(&user.id, device, NOW).await, expected);
        let listed = storage.list_trusted_devices(&user.id, NOW, None, 10).await;
        assert_malformed(&listed, expected);
    }
}

/// Secrets are made so that this cannot happen; if it does, nobody gets into another's sign-in, and
/// no tries are given back.
#[tokio::test]
async fn a_taken_digest_never_replaces_a_sign_in() {
    let (_folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    let kept = PendingSignIn { tries: 4, ..pending() };
    storage.insert_pending_sign_in(&kept).await.unwrap();
    assert!(storage.insert_pending_sign_in(&pending()).await.is_err());
    let found = storage.find_pending_sign_in(&kept.user, kept.secret_digest, NOW).await.unwrap();
    assert_eq!(found, Some(kept));
}

/// Nor a trust: the sign-in that would have fails as a whole.
#[tokio::test]
async fn a_taken_id_never_replaces_a_trusted_device() {
    let (_folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    let user = somebody();
    storage.insert_user(&new(&user), None).await.unwrap();
    storage.insert_session(&trusting(&user)).await.unwrap();
    let kept = trusted(&session(&user));
    let other = domain::SessionId::new(NOW, [8; 10]);
    let second = domain::Session { id: other, ..session(&user) };
    let trusts = Some(TrustedDevice { session: other, ..kept.clone() });
    let refused = NewSession { trusts, ..begun(&second) };
    assert!(storage.insert_session(&refused).await.is_err());
    assert_eq!(storage.find_session(&user.id, other).await.unwrap(), None);
    let found = storage.find_trusted_device(&user.id, kept.id, NOW).await.unwrap();
    assert_eq!(found, Some(kept));
}

/// What is deleted is overwritten: neither the file nor its log holds a factor of who has left, nor
/// the devices that they trusted.
#[tokio::test]
async fn the_factor_of_an_erased_user_is_not_in_the_file_any_more() {
    let (_folder, path) = place();
    let storage = SqlStorage::open_sqlite(&path).unwrap();
    let user = somebody();
    storage.insert_user(&new(&user), None).await.unwrap();
    storage.insert_session(&trusting(&user)).await.unwrap();
    storage.insert_pending_sign_in(&pending()).await.unwrap();
    let codes = factor().enabled.unwrap().backup_codes;
    let traces =
        [&*factor().sealed_secret, &codes[0].0, &codes[1].0, b"trusted/1"].map(<[u8]>::to_vec);
    assert!(traces.iter().all(|trace| holds(&content(&path), trace)));
    assert!(holds(&content(&path), &pending().secret_digest));
    erase(&storage, &user).await;
    storage.delete_remains(NOW, 10).await.unwrap();
    // Closing folds the log into the file and removes it.
    drop(storage);
    assert!(traces.iter().all(|trace| !holds(&content(&path), trace)));
    assert!(!holds(&content(&path), &pending().secret_digest));
    for table in ["users", "pending_sign_ins", "trusted_devices"] {
        assert!(rows(&path, table).is_empty(), "{table}");
    }
}
