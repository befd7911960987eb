//! The steps of the schema, and what is refused before any is taken.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use contracts::{Probe as _, UserStore as _};
use mongodb::bson::{Document, doc};
use storage_mongodb::{MongoSettings, MongoStorage, migrate, pending};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::place::Place;

const STEPS: [&str; 2] = ["0001_accounts", "0002_second_factor"];

#[tokio::test]
async fn steps_are_pending_until_they_are_taken_and_taken_once() {
    let place = Place::new();
    let settings = place.settings();
    assert_eq!(pending(&settings).await.unwrap(), STEPS);
    let names = place.database().await.list_collection_names().await.unwrap();
    assert_eq!(names, [""; 0], "looking changes nothing");
    assert_eq!(migrate(&settings).await.unwrap(), STEPS);
    assert_eq!(pending(&settings).await.unwrap(), [""; 0]);
    assert_eq!(migrate(&settings).await.unwrap(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_may_open_an_empty_database_at_once() {
    let place = Place::new();
    let mut openers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let settings = place.settings();
        openers.spawn(async move { MongoStorage::open(&settings).await.unwrap() });
    }
    for storage in openers.join_all().await {
        storage.check().await.unwrap();
        let roles = storage.list_roles().await.unwrap();
        let names: Vec<_> = roles.iter().map(domain::RoleName::as_str).collect();
        assert_eq!(names, ["ADMIN", "SUPERVISOR", "USER"]);
    }
}

#[tokio::test]
async fn a_step_that_was_taken_by_half_is_taken_again() {
    let place = Place::new();
    migrate(&place.settings()).await.unwrap();
    let database = place.database().await;
    for half in ["schema", "roles", "mails", "trusted_devices"] {
        database.collection::<Document>(half).drop().await.unwrap();
    }
    assert_eq!(migrate(&place.settings()).await.unwrap(), STEPS);
    MongoStorage::open(&place.settings()).await.unwrap();
}

#[tokio::test]
async fn a_database_of_the_release_before_gets_what_it_lacks_when_it_is_opened() {
    let place = Place::new();
    migrate(&place.settings()).await.unwrap();
    let database = place.database().await;
    let schema = database.collection::<Document>("schema");
    schema.delete_one(doc! { "_id": "0002_second_factor" }).await.unwrap();
    for added in ["trusted_devices", "pending_sign_ins"] {
        database.collection::<Document>(added).drop().await.unwrap();
    }
    assert_eq!(pending(&place.settings()).await.unwrap(), ["0002_second_factor"]);
    MongoStorage::open(&place.settings()).await.unwrap();
    assert_eq!(pending(&place.settings()).await.unwrap(), [""; 0]);
    for (added, of_users) in [("trusted_devices", "user_id__id"), ("pending_sign_ins", "user_id")] {
        let mut names = database.collection::<Document>(added).list_index_names().await.unwrap();
        names.sort();
        assert_eq!(names, ["_id_", "expires_at", of_users]);
    }
}

#[tokio::test]
async fn a_bundle_without_certificates_is_named() {
    let folder = TempDir::new().unwrap();
    let bundle = folder.path().join("bundle.pem");
    std::fs::write(&bundle, "<html>Access denied</html>").unwrap();
    let url = format!("mongodb://host/?tls=true&tlsCAFile={}", bundle.display());
    let failure = MongoStorage::open(&MongoSettings::new(url.as_str().into())).await.err().unwrap();
    assert!(contracts::chain(&failure).contains("bundle.pem of tlsCAFile holds no certificate"));
}

#[tokio::test]
async fn settings_show_no_secret() {
    let settings = MongoSettings::new("mongodb://name:hunter2@host/".into());
    assert!(!format!("{settings:?}").contains("hunter2"));
}

/// A server without transactions cannot keep what belongs together.
#[tokio::test]
async fn a_server_that_stands_alone_is_refused() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let folder = TempDir::new().unwrap();
    let mut server = Command::new(program())
        .args(["--standalone", "--host", "127.0.0.1", "--storage-path"])
        .arg(folder.path().join("store"))
        .args(["--port", &port.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let started = async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), started).await.unwrap();
    let url = format!("mongodb://127.0.0.1:{port}/");
    let failure = MongoStorage::open(&MongoSettings::new(url.as_str().into())).await.err().unwrap();
    let words = contracts::chain(&failure);
    assert!(words.contains("no transactions") && words.contains("replica set"), "{words}");
    server.kill().await.unwrap();
}

/// The test server's program, beside the Python that it is installed with.
fn program() -> String {
    #[allow(clippy::disallowed_methods, reason = "where the test server's program is")]
    let python = std::env::var("TEST_PYTHON").unwrap_or_default();
    let beside = Path::new(&python).with_file_name("secantusd-py");
    if beside.is_file() { beside.display().to_string() } else { "secantusd-py".to_owned() }
}
