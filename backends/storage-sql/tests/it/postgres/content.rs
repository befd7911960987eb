//! What other programs may do to the database, and what it must not depend on.

use contracts::{
    CodePut, Expiry, InsertUserError, MailOutboxStore, NewSession, OneTimeCodeStore, OutboxStore,
    PendingSignInStore, Probe, RevocationStore, SessionStore, StoreError, UserStore,
};
use domain::{EmailAddress, OneTimeCode, Timestamp, User, UserId, Username};

use super::database::Database;
use crate::fixtures::{
    LATER, NOW, code, erase, event, factor, mail, new, pending, put, session, trusted, user,
};
use crate::mail_content::holds;

/// Ids compare by their bytes: in most languages' collations `a` comes before `B`.
#[tokio::test]
async fn lists_follow_the_bytes_whatever_the_collation() {
    let options = "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'";
    let database = Database::create_with(options).await;
    let storage = database.open().await;
    for (number, id) in (0..).zip(["b", "B", "a", "_", "A", "Z1", "z"]) {
        let email = EmailAddress::parse(&format!("user{number}@example.com")).unwrap();
        let user = User { id: UserId::parse(id).unwrap(), email, ..user(&["USER"]) };
        storage.insert_user(&new(&user), None).await.unwrap();
    }
    let mut listed = Vec::new();
    while let Ok(page) = storage.list_users(listed.last(), 2).await {
        if page.is_empty() {
            break;
        }
        listed.extend(page.into_iter().map(|user| user.id));
    }
    let listed: Vec<_> = listed.iter().map(UserId::as_str).collect();
    assert_eq!(listed, ["A", "B", "Z1", "_", "a", "b", "z"]);
}

/// A restored database may have made its indexes in another order than we did.
#[tokio::test]
async fn where_both_are_taken_the_user_name_is_told_whatever_the_order_of_indexes() {
    let database = Database::create().await;
    let storage = database.open().await;
    let owner = User { username: Some(Username::parse("owner").unwrap()), ..user(&[]) };
    storage.insert_user(&new(&owner), None).await.unwrap();
    for name in ["username", "email_key"] {
        database
            .execute(&format!(
                "ALTER TABLE users DROP CONSTRAINT users_{name}_unique;
                 ALTER TABLE users ADD CONSTRAINT users_{name}_unique UNIQUE ({name})"
            ))
            .await;
        let other = User { id: UserId::parse("other").unwrap(), ..owner.clone() };
        let refused = storage.insert_user(&new(&other), None).await;
        assert!(matches!(refused, Err(InsertUserError::UsernameTaken)), "{name}: {refused:?}");
    }
}

/// Of a batch one of which cannot be read, none is leased.
#[tokio::test]
async fn a_claim_that_fails_leases_nothing() {
    let database = Database::create().await;
    let storage = database.open().await;
    storage.insert_events(&[event(1), event(2)]).await.unwrap();
    storage.put_code(&put(&code(), &[mail(1), mail(2)])).await.unwrap();
    database.execute("UPDATE outbox SET user_id = ' '; UPDATE mails SET template = 'x'").await;
    let until = Timestamp::from_unix_ms(i64::MAX);
    for _ in 0..2 {
        let claimed = storage.claim_events(NOW, until, 10).await;
        assert!(matches!(claimed, Err(StoreError::Malformed { .. })), "{claimed:?}");
        let claimed = storage.claim_mails(NOW, LATER, 10).await;
        assert!(matches!(claimed, Err(StoreError::Malformed { .. })), "{claimed:?}");
    }
    database
        .execute(
            "UPDATE outbox SET user_id = 'user_1'; UPDATE mails SET template = 'reset_password'",
        )
        .await;
    assert_eq!(storage.claim_events(NOW, until, 10).await.unwrap().len(), 2);
    assert_eq!(storage.claim_mails(NOW, LATER, 10).await.unwrap().len(), 2);
}

/// What is refused leaves nothing behind, and the connection is as good as before.
#[tokio::test]
async fn an_operation_that_fails_in_the_middle_writes_nothing() {
    let database = Database::create().await;
    let storage = database.open().await;
    storage.insert_events(&[event(1)]).await.unwrap();
    assert!(storage.insert_events(&[event(2), event(1), event(3)]).await.is_err());
    assert_eq!(storage.claim_events(NOW, NOW, 10).await.unwrap(), [event(1)]);

    let undefined = user(&["USER", "undefined"]);
    assert!(storage.insert_user(&new(&undefined), None).await.is_err());
    assert_eq!(storage.find_user(&undefined.id).await.unwrap(), None);

    assert_eq!(storage.put_code(&put(&code(), &[])).await.unwrap(), CodePut::Yes);
    let other = OneTimeCode { user: UserId::parse("other").unwrap(), ..code() };
    assert!(storage.put_code(&put(&other, &[mail(1)])).await.is_err());
    assert_eq!(storage.list_mails(None, 10).await.unwrap(), []);
}

/// What is half there is no absence, and who has left leaves nothing of a factor.
#[tokio::test]
async fn a_factor_is_whole_or_malformed_and_goes_with_its_user() {
    let database = Database::create().await;
    let storage = database.open().await;
    let user = User { totp: Some(factor()), ..user(&["USER"]) };
    storage.insert_user(&new(&user), None).await.unwrap();
    storage.insert_pending_sign_in(&pending()).await.unwrap();
    let begun = session(&user);
    let begun = NewSession { trusts: Some(trusted(&begun)), ..crate::fixtures::begun(&begun) };
    storage.insert_session(&begun).await.unwrap();
    for sql in [
        "totp_sealed_secret = NULL",
        "totp_begun_at_ms = NULL",
        "totp_enabled_at_ms = NULL",
        "totp_last_step = NULL",
        "totp_backup_codes = NULL",
        "totp_backup_codes = '\\x00'",
    ] {
        let whole = "CREATE TABLE kept AS SELECT * FROM users";
        database.execute(&format!("{whole}; UPDATE users SET {sql}")).await;
        let found = storage.find_user(&user.id).await;
        assert!(matches!(found, Err(StoreError::Malformed { .. })), "{sql}: {found:?}");
        let columns = "totp_sealed_secret, totp_begun_at_ms, totp_enabled_at_ms, totp_last_step,
             totp_backup_codes";
        let back = format!("UPDATE users SET ({columns}) = (SELECT {columns} FROM kept)");
        database.execute(&format!("{back}; DROP TABLE kept")).await;
    }
    let codes = factor().enabled.unwrap().backup_codes;
    let traces = [
        factor().sealed_secret.into_vec(),
        codes[0].0.to_vec(),
        codes[1].0.to_vec(),
        pending().secret_digest.to_vec(),
        b"trusted/1".to_vec(),
    ];
    let rows = database.rows().await;
    assert!(traces.iter().all(|trace| holds(&rows, trace)));
    erase(&storage, &user).await;
    storage.delete_remains(NOW, 10).await.unwrap();
    let rows = database.rows().await;
    assert!(traces.iter().all(|trace| !holds(&rows, trace)));
}

/// As it is while it moves, or when a standby stands in for it.
#[tokio::test]
async fn a_database_that_only_reads_is_not_healthy_and_recovers() {
    let database = Database::create().await;
    let storage = database.open().await;
    storage.check().await.unwrap();
    let fence = format!("ALTER DATABASE {} SET default_transaction_read_only", database.name());
    database.execute(&format!("{fence} = on")).await;
    database.end_connections().await;
    assert!(storage.check().await.is_err());
    assert!(storage.insert_events(&[event(1)]).await.is_err());
    assert_eq!(storage.find_user(&user(&[]).id).await.unwrap(), None);

    let other = database.connect().await;
    other.batch_execute("SET default_transaction_read_only = off").await.unwrap();
    other.batch_execute(&format!("{fence} = off")).await.unwrap();
    // The old connections still only read: an operation finds that out and takes a new one.
    storage.insert_events(&[event(1)]).await.unwrap();
    storage.check().await.unwrap();
}

/// What an index need not hear of costs a fraction, and leaves nothing to clean up.
#[tokio::test]
async fn draws_of_a_quota_mostly_touch_no_index_and_whole_ones_are_swept() {
    let database = Database::create().await;
    let storage = database.open().await;
    let other = database.connect().await;
    let draw = "SET stats_fetch_consistency = 'none';
        INSERT INTO limits (limit_key, whole_at_ms)
            SELECT int8send(n), 6000000 FROM generate_series(1, 100) n;
        UPDATE limits SET whole_at_ms = whole_at_ms + 100000;
        SELECT pg_stat_force_next_flush()";
    other.batch_execute(draw).await.unwrap();
    let count = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'limits'";
    let counts = other.query_one(count, &[]).await.unwrap();
    assert_eq!(counts.get::<_, i64>(0), 100);
    assert!(counts.get::<_, i64>(1) > 30, "{counts:?}");

    for (now, gone) in [(6_100_000, 0), (6_599_999, 0), (6_600_000, 60), (6_600_000, 40)] {
        let now = Timestamp::from_unix_ms(now);
        let expiry = Expiry { now, sessions: now };
        assert_eq!(storage.delete_expired(expiry, 60).await.unwrap(), gone);
    }
}
