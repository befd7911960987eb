//! A database of one's own on the server that `TEST_MONGODB_URI` names.

use std::sync::{Arc, Mutex};

use futures_util::TryStreamExt as _;
use mongodb::bson::{Document, RawDocumentBuf, doc};
use mongodb::event::EventHandler;
use mongodb::event::command::CommandEvent;
use mongodb::{Client, Database};
use storage_mongodb::MongoSettings;
use uuid::Uuid;

use crate::allowed;

/// A database with a random name, removed with this value. What was sent to it that is not allowed
/// fails the test.
pub(crate) struct Place {
    name: String,
    objections: Arc<Mutex<Vec<String>>>,
}

impl Place {
    pub(crate) fn new() -> Self {
        #[allow(clippy::disallowed_methods, reason = "nobody guesses at a test's database")]
        let name = format!("test_{}", Uuid::new_v4().simple());
        Self { name, objections: Arc::default() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The connection string with this database, and one more option. The name of the database is
    /// also that of the application, so that a fail point meets nobody else.
    pub(crate) fn url_with(&self, option: &str) -> String {
        let server = server();
        let (place, options) = server.split_once('?').unwrap_or((&server, ""));
        let (place, name) = (place.trim_end_matches('/'), &self.name);
        format!("{place}/{name}?{options}&authSource=admin&appName={name}&{option}")
    }

    pub(crate) fn settings(&self) -> MongoSettings {
        self.settings_of(&self.url_with(""))
    }

    pub(crate) fn settings_of(&self, url: &str) -> MongoSettings {
        let objections = Arc::clone(&self.objections);
        let handler = EventHandler::callback(move |event| {
            if let CommandEvent::Started(started) = event {
                objections.lock().unwrap().extend(allowed::objections(&started.command));
            }
        });
        MongoSettings { command_events: Some(handler), ..MongoSettings::new(url.into()) }
    }

    /// A client that is none of ours.
    pub(crate) async fn client(&self) -> Client {
        Client::with_uri_str(server()).await.unwrap()
    }

    pub(crate) async fn database(&self) -> Database {
        self.client().await.database(&self.name)
    }

    /// The bytes of all documents.
    pub(crate) async fn documents(&self) -> Vec<u8> {
        let database = self.database().await;
        let mut bytes = Vec::new();
        for name in database.list_collection_names().await.unwrap() {
            let found = database.collection::<RawDocumentBuf>(&name).find(doc! {}).await.unwrap();
            let found: Vec<RawDocumentBuf> = found.try_collect().await.unwrap();
            for document in found {
                bytes.extend(document.as_bytes());
            }
        }
        bytes
    }

    /// Makes commands of this database's application fail as `data` says.
    pub(crate) async fn fail(&self, times: i32, mut data: Document) {
        data.insert("appName", &self.name);
        let point = doc! {
            "configureFailPoint": "failCommand",
            "mode": { "times": times },
            "data": data,
        };
        self.client().await.database("admin").run_command(point).await.unwrap();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let name = self.name.clone();
        // A test's runtime may be shutting down: the removal has one of its own.
        let removal = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let client = Client::with_uri_str(server()).await.unwrap();
                let _ = client.database(&name).drop().await;
            });
        });
        let _ = removal.join();
        let objections = self.objections.lock().unwrap();
        assert!(objections.is_empty() || std::thread::panicking(), "{objections:#?}");
    }
}

/// The connection string of the server that tests use.
pub(crate) fn server() -> String {
    #[allow(clippy::disallowed_methods, reason = "where the test server is")]
    let server = std::env::var("TEST_MONGODB_URI");
    server.expect("TEST_MONGODB_URI names a server for tests: run `cargo xtask test`")
}
