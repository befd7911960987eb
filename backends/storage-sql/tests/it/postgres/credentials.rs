//! Credentials that change while we run.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use contracts::{BoxError, CredentialSource, Credentials, RecordStore, StoreError};
use storage_sql::{PostgresSettings, SqlStorage};

use super::database::Database;
use super::gate::Gate;

/// A secret store whose content others change.
struct Vault {
    content: Mutex<(String, String)>,
    reads: AtomicUsize,
}

impl Vault {
    fn with(username: &str, password: &str) -> Arc<Self> {
        let content = Mutex::new((username.to_owned(), password.to_owned()));
        Arc::new(Self { content, reads: AtomicUsize::new(0) })
    }

    fn put(&self, username: &str, password: &str) {
        *self.content.lock().unwrap() = (username.to_owned(), password.to_owned());
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl CredentialSource for Vault {
    async fn read_credentials(&self) -> Result<Credentials, BoxError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let (username, password) = self.content.lock().unwrap().clone();
        Ok(Credentials { username, password: password.into() })
    }
}

/// A role that owns the database, and goes when this does.
struct Role {
    name: String,
    database: Database,
}

impl Role {
    async fn create(suffix: &str) -> Self {
        let database = Database::create().await;
        let name = format!("{}_{suffix}", database.name());
        let owner = format!(
            "DROP ROLE IF EXISTS {name};
             CREATE ROLE {name} LOGIN PASSWORD 'first';
             ALTER DATABASE {} OWNER TO {name}; ALTER SCHEMA public OWNER TO {name}",
            database.name()
        );
        database.execute(&owner).await;
        Self { name, database }
    }

    fn settings(&self, vault: &Arc<Vault>) -> PostgresSettings {
        PostgresSettings { credentials: Some(vault.clone()), ..self.database.settings() }
    }

    async fn remove(self) {
        let name = &self.name;
        let sql = format!(
            "REASSIGN OWNED BY {name} TO CURRENT_USER; DROP OWNED BY {name};
             ALTER DATABASE {} OWNER TO CURRENT_USER; DROP ROLE {name}",
            self.database.name()
        );
        self.database.execute(&sql).await;
    }
}

/// Two roles take turns, as rotation services do it: one is locked out while the other is in use.
#[tokio::test]
async fn a_role_that_is_locked_out_is_exchanged_for_the_one_that_stands_in() {
    let role = Role::create("owner").await;
    let vault = Vault::with(&role.name, "first");
    let storage = SqlStorage::open_postgres(&role.settings(&vault)).await.unwrap();
    storage.insert_record("name", b"content", &[]).await.unwrap();
    assert_eq!(vault.reads(), 1);

    let other = format!("{}_2", role.name);
    let exchange = format!(
        "DROP ROLE IF EXISTS {other}; CREATE ROLE {other} LOGIN IN ROLE {0};
         ALTER ROLE {0} NOLOGIN",
        role.name
    );
    role.database.execute(&exchange).await;
    vault.put(&other, "second");
    // Connections that are open stay what they were.
    storage.find_record("name").await.unwrap();
    assert_eq!(vault.reads(), 1);
    role.database.end_connections().await;
    assert_eq!(&*storage.find_record("name").await.unwrap().unwrap().content, b"content");
    storage.replace_record("name", 1, b"changed", &[]).await.unwrap();
    assert_eq!(vault.reads(), 2);

    role.database.execute(&format!("DROP OWNED BY {other}; DROP ROLE {other}")).await;
    role.remove().await;
}

#[tokio::test]
async fn a_rotated_password_is_read_when_the_old_one_is_refused() {
    let database = Database::create().await;
    let gate = Gate::before(database.place(), "first").await;
    let vault = Vault::with("postgres", "first");
    let settings = PostgresSettings {
        credentials: Some(vault.clone()),
        ..database.settings_at(&gate.place.to_string())
    };
    let storage = SqlStorage::open_postgres(&settings).await.unwrap();
    storage.insert_record("name", b"content", &[]).await.unwrap();
    assert_eq!(vault.reads(), 1);

    for password in ["second", "third"] {
        gate.change_password(password);
        vault.put("postgres", password);
        database.end_connections().await;
        storage.find_record("name").await.unwrap();
    }
    assert_eq!(vault.reads(), 3);

    // A password that nobody has written down yet is a failure, and passes.
    gate.change_password("fourth");
    database.end_connections().await;
    for _ in 0..3 {
        let refused = storage.find_record("name").await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    }
    assert_eq!(vault.reads(), 4);
    vault.put("postgres", "fourth");
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    storage.find_record("name").await.unwrap();
}

#[tokio::test]
async fn a_refused_password_is_told_and_shown_nowhere() {
    let database = Database::create().await;
    let gate = Gate::before(database.place(), "right").await;
    let vault = Vault::with("postgres", "not-this-one");
    let settings = PostgresSettings {
        credentials: Some(vault),
        ..database.settings_at(&gate.place.to_string())
    };
    let refused = SqlStorage::open_postgres(&settings).await.map(|_| ()).unwrap_err();
    let words = format!("{} {refused:?}", contracts::chain(&refused));
    assert!(words.contains("password authentication failed"), "{words}");
    assert!(!words.contains("not-this-one"), "{words}");
}
