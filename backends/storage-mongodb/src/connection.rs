//! The driver's client, made anew when the server no longer accepts its credentials.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use contracts::{Credentials, StoreError};
use mongodb::options::Credential;
use mongodb::{Client, Database};
use secrecy::ExposeSecret as _;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::attempts::unavailable;
use crate::{MongoSettings, ca_bundle, connection_url};

/// Credentials are not read more often, however many operations were refused: where they are kept,
/// reading costs.
const READ_EVERY: Duration = Duration::from_secs(1);

/// A client with its database. It lives until the last operation that uses it has ended.
pub(crate) struct Connected {
    pub(crate) client: Client,
    pub(crate) database: Database,
    credentials: Option<Credentials>,
    /// As many as there may be connections.
    turns: Arc<Semaphore>,
}

/// The right to use one connection at a time. Given back when the last clone is gone.
pub(crate) type Turn = Arc<OwnedSemaphorePermit>;

impl Connected {
    /// Waits until there is a connection for this caller. A transaction borrows a connection for
    /// each of its commands; because it keeps its turn in between, those who wait for what it has
    /// locked never have all of them.
    pub(crate) async fn turn(&self) -> Result<Turn, StoreError> {
        Arc::clone(&self.turns).acquire_owned().await.map(Arc::new).map_err(unavailable)
    }
}

/// The way to the server.
pub(crate) struct Connection {
    settings: MongoSettings,
    current: RwLock<Arc<Connected>>,
    /// When credentials were read last. Locked while somebody reads, so that all others wait.
    last_read_at: Mutex<Instant>,
}

impl Connection {
    /// Reads settings, certificates and credentials. Does not wait for the server.
    pub(crate) async fn open(settings: &MongoSettings) -> Result<Self, StoreError> {
        let credentials = read_credentials(settings).await?;
        let connected = connect(settings, credentials).await?;
        Ok(Self {
            settings: settings.clone(),
            current: RwLock::new(Arc::new(connected)),
            last_read_at: Mutex::new(Instant::now()),
        })
    }

    /// What operations use now.
    pub(crate) fn current(&self) -> Arc<Connected> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the credentials again after the server refused those of `refused`. Of several callers
    /// at once, one reads. Returns whether there is something new to try.
    pub(crate) async fn renew(&self, refused: &Arc<Connected>) -> Result<bool, StoreError> {
        let mut last_read_at = self.last_read_at.lock().await;
        if !Arc::ptr_eq(&self.current(), refused) {
            return Ok(true);
        }
        if last_read_at.elapsed() < READ_EVERY && refused.credentials.is_some() {
            // Whoever rotates a password sets it on the server and in the secret one after the
            // other: the next reading may find it.
            tokio::time::sleep_until(*last_read_at + READ_EVERY).await;
        }
        *last_read_at = Instant::now();
        let Some(new) = read_credentials(&self.settings).await? else { return Ok(false) };
        if refused.credentials.as_ref().is_some_and(|old| is_same(old, &new)) {
            return Ok(false);
        }
        let connected = Arc::new(connect(&self.settings, Some(new)).await?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = connected;
        tracing::info!("the credentials of the store were read again");
        Ok(true)
    }
}

async fn read_credentials(settings: &MongoSettings) -> Result<Option<Credentials>, StoreError> {
    match &settings.credentials {
        Some(source) => source.read_credentials().await.map(Some).map_err(StoreError::Unavailable),
        None => Ok(None),
    }
}

fn is_same(one: &Credentials, other: &Credentials) -> bool {
    one.username == other.username && one.password.expose_secret() == other.password.expose_secret()
}

async fn connect(
    settings: &MongoSettings,
    credentials: Option<Credentials>,
) -> Result<Connected, StoreError> {
    // To the driver, none would mean any number.
    let pool_max = settings.pool_max.max(1);
    let mut target = connection_url::parse(&settings.url, pool_max).await.map_err(unavailable)?;
    if let Some(path) = &target.ca_file {
        let certificates = ca_bundle::count(path).map_err(unavailable)?;
        tracing::debug!(certificates, "certificates of authorities were read");
    }
    if let Some(Credentials { username, password }) = &credentials {
        let credential = target.options.credential.get_or_insert_with(Credential::default);
        credential.username = Some(username.clone());
        credential.password = Some(password.expose_secret().to_owned());
    }
    target.options.command_event_handler.clone_from(&settings.command_events);
    let client = Client::with_options(target.options).map_err(|error| {
        unavailable(connection_url::UrlMistake::Unusable(error.kind.to_string()))
    })?;
    let database = client.database(&target.database);
    let turns = Arc::new(Semaphore::new(pool_max as usize));
    Ok(Connected { client, database, credentials, turns })
}
