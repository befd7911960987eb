//! User name and password that are kept elsewhere, and change.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use contracts::{BoxError, CredentialSource, Credentials, RecordStore as _, StoreError};
use mongodb::bson::doc;
use std::sync::Arc;
use storage_mongodb::{MongoSettings, MongoStorage};

use crate::place::Place;

/// A secret that can be rotated, and counts how often it is read.
struct Kept {
    username: String,
    password: Mutex<String>,
    reads: AtomicU32,
}

#[async_trait]
impl CredentialSource for Kept {
    async fn read_credentials(&self) -> Result<Credentials, BoxError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let password = self.password.lock().unwrap().as_str().into();
        Ok(Credentials { username: self.username.clone(), password })
    }
}

/// A user of the server's own, gone with this value.
struct Login {
    place: Place,
    kept: Arc<Kept>,
}

impl Login {
    async fn new(kept_password: &str) -> Self {
        let place = Place::new();
        let username = place.name().to_owned();
        let create = doc! {
            "createUser": &username,
            "pwd": "first",
            "roles": [{ "role": "readWriteAnyDatabase", "db": "admin" }],
        };
        place.client().await.database("admin").run_command(create).await.unwrap();
        let kept = Kept {
            username,
            password: Mutex::new(kept_password.to_owned()),
            reads: AtomicU32::new(0),
        };
        Self { place, kept: Arc::new(kept) }
    }

    fn settings(&self) -> MongoSettings {
        let credentials: Arc<dyn CredentialSource> = self.kept.clone();
        MongoSettings { credentials: Some(credentials), ..self.place.settings() }
    }

    async fn change_password(&self, password: &str) {
        let change = doc! { "updateUser": self.place.name(), "pwd": password };
        self.place.client().await.database("admin").run_command(change).await.unwrap();
    }

    async fn remove(self) {
        let remove = doc! { "dropUser": self.place.name() };
        self.place.client().await.database("admin").run_command(remove).await.unwrap();
    }

    fn reads(&self) -> u32 {
        self.kept.reads.load(Ordering::SeqCst)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_read_again_after_the_server_refused_them() {
    let login = Login::new("first").await;
    let storage = Arc::new(MongoStorage::open(&login.settings()).await.unwrap());
    storage.insert_record("r", b"", &[]).await.unwrap();
    assert_eq!(login.reads(), 1);

    login.change_password("second").await;
    *login.kept.password.lock().unwrap() = "second".to_owned();
    // Connections that stand know nothing of it: they have to break.
    login.place.fail(1, doc! { "failCommands": ["find"], "closeConnection": true }).await;
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let storage = Arc::clone(&storage);
        callers.spawn(async move { storage.find_record("r").await.unwrap().is_some() });
    }
    assert!(callers.join_all().await.into_iter().all(|found| found));
    assert_eq!(login.reads(), 2);
    login.remove().await;
}

#[tokio::test]
async fn credentials_of_the_source_come_before_those_of_the_url() {
    let login = Login::new("wrong").await;
    let refused = MongoStorage::open(&login.settings()).await;
    let failure = refused.err().unwrap();
    assert!(matches!(failure, StoreError::Unavailable(_)));
    let words = contracts::chain(&failure);
    assert!(words.contains("authenticat") && !words.contains("wrong"), "{words}");
    // Looked at once more, in case it was being rotated at that moment.
    assert_eq!(login.reads(), 2);
    login.remove().await;
}

#[tokio::test]
async fn a_source_that_fails_is_a_failure_of_the_store() {
    struct Broken;

    #[async_trait]
    impl CredentialSource for Broken {
        async fn read_credentials(&self) -> Result<Credentials, BoxError> {
            Err("the vault is closed".into())
        }
    }

    let place = Place::new();
    let settings = MongoSettings { credentials: Some(Arc::new(Broken)), ..place.settings() };
    let failure = MongoStorage::open(&settings).await.err().unwrap();
    assert!(contracts::chain(&failure).contains("the vault is closed"));
}
