use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use mail::DevelopmentMailbox;
use service::Service;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::{ObservedStore, TestClock, TestServerBuilder};

/// A running instance of the service on real sockets. It stops when it is dropped.
pub struct TestServer {
    /// Its clock, which stands still until it is moved.
    pub clock: TestClock,
    /// Its store, which can be looked into and broken.
    pub store: Arc<ObservedStore>,
    /// The use cases behind the sockets.
    pub service: Arc<Service>,
    /// Where its mails go when they are sent.
    pub mailbox: Arc<DevelopmentMailbox>,
    /// Where the public listener is.
    pub address: SocketAddr,
    /// Where the operations listener is.
    pub operations_address: SocketAddr,
    /// Where the world reaches it: the issuer of its tokens.
    pub public_url: String,
    pub(crate) client: reqwest::Client,
    pub(crate) folder: Arc<TempDir>,
    pub(crate) _stop: watch::Sender<()>,
}

impl TestServer {
    /// An instance with a store of its own and the defaults of the product, but for cheap hashing
    /// and ES256, whose keys are made at once.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// An instance with a store of its own, to be set up.
    pub fn builder() -> TestServerBuilder {
        TestServerBuilder::new()
    }

    /// Another instance on the same store, with the same issuer and a clock that moves along.
    pub fn beside(&self) -> TestServerBuilder {
        TestServerBuilder::beside(self)
    }

    /// The database file.
    pub fn database(&self) -> std::path::PathBuf {
        database_in(self.folder.path())
    }
}

pub(crate) fn database_in(folder: &Path) -> std::path::PathBuf {
    folder.join("doorward.db")
}
