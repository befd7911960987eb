use std::sync::Arc;
use std::time::Duration;

use contracts::{BoxError, StoreError};
use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use secrecy::ExposeSecret as _;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::PostgresSettings;
use super::address::{Address, AddressError};
use super::connection::Connection;
use super::encryption;
use super::hosts::{dial, each_host};
use super::passport::{Passport, Passports};

/// How long a server may take to let us in.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(2);
/// How long a connection may lie idle before it is asked for a sign of life: what stands between us
/// and the server may have forgotten it.
const IDLE_UNASKED_MAX: Duration = Duration::from_secs(10);
/// How long that sign of life may take; a new connection is the better choice then.
const PING_TIME_MAX: Duration = Duration::from_millis(500);
/// How old a connection grows, so that the server's name and our credentials are looked up again.
const AGE_MAX: Duration = Duration::from_mins(30);

/// The server, and how to be let in.
pub(super) struct Server {
    hosts: Vec<Config>,
    encryption: MakeRustlsConnect,
    passports: Option<Passports>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("the credentials for the database cannot be read")]
    Credentials(#[source] BoxError),
    #[error("the database does not let us in")]
    Refused(#[from] Error),
    #[error("the database took longer than {} s to let us in", CONNECT_TIME_MAX.as_secs())]
    Silent,
}

impl From<ConnectError> for StoreError {
    fn from(error: ConnectError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Server {
    pub(super) fn new(settings: &PostgresSettings) -> Result<Self, StoreError> {
        let address: Result<Address, AddressError> = settings.url.expose_secret().parse();
        let Address { config, encryption } =
            address.map_err(|error| StoreError::Unavailable(error.into()))?;
        let encryption = encryption::connector(&encryption)
            .map_err(|error| StoreError::Unavailable(error.into()))?;
        let passports = settings.credentials.clone().map(Passports::new);
        Ok(Self { hosts: each_host(&config), encryption, passports })
    }

    /// A connection on its own, with credentials that the server takes, if there are any.
    pub(super) async fn connect(&self) -> Result<(Client, AbortHandle), ConnectError> {
        let Some(passports) = &self.passports else { return self.connect_as(None).await };
        let passport = passports.current().await.map_err(ConnectError::Credentials)?;
        match self.connect_as(Some(&passport)).await {
            Err(error) if is_about_credentials(&error) => {
                let newer = passports.after(&passport).await.map_err(ConnectError::Credentials)?;
                self.connect_as(Some(&newer.ok_or(error)?)).await
            }
            answer => answer,
        }
    }

    async fn connect_as(
        &self,
        passport: Option<&Arc<Passport>>,
    ) -> Result<(Client, AbortHandle), ConnectError> {
        let mut hosts = self.hosts.clone();
        if let Some(passport) = passport {
            for host in &mut hosts {
                host.user(&passport.credentials.username);
                host.password(passport.credentials.password.expose_secret());
            }
        }
        let connecting = timeout(CONNECT_TIME_MAX, dial(hosts, &self.encryption));
        let (client, connection) = connecting.await.map_err(|_| ConnectError::Silent)??;
        if let Some(passport) = passport {
            passport.accepted();
        }
        let driver = tokio::spawn(async move {
            // Whoever uses the client hears of it, too.
            if let Err(error) = connection.await {
                tracing::debug!(error = contracts::chain(&error), "a database connection ended");
            }
        });
        Ok((client, driver.abort_handle()))
    }
}

/// Whether other credentials could help.
fn is_about_credentials(error: &ConnectError) -> bool {
    let ConnectError::Refused(error) = error else { return false };
    matches!(
        error.code(),
        Some(&(SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION))
    )
}

impl Manager for Server {
    type Type = Connection;
    type Error = ConnectError;

    async fn create(&self) -> Result<Connection, ConnectError> {
        // Boxed, because it is large and rare: every operation could have to begin with it.
        let (client, driver) = Box::pin(self.connect()).await?;
        let mut connection = Connection::new(client, driver);
        connection.settle().await?;
        Ok(connection)
    }

    async fn recycle(
        &self,
        connection: &mut Connection,
        metrics: &Metrics,
    ) -> RecycleResult<ConnectError> {
        if !connection.is_usable() || metrics.age() > AGE_MAX {
            return Err(RecycleError::message("it has ended"));
        }
        if metrics.last_used() > IDLE_UNASKED_MAX {
            let answer = timeout(PING_TIME_MAX, connection.ping()).await;
            answer.map_err(|_| ConnectError::Silent)?.map_err(ConnectError::Refused)?;
        }
        Ok(())
    }
}
