use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use contracts::{CredentialSource, Credentials};
use lettre::transport::smtp::authentication::{Credentials as SmtpCredentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::{OpenSmtpError, SmtpFailure, SmtpSecurity, SmtpSettings, Step};

/// How many idle connections are kept.
const IDLE_MAX: usize = 4;
/// How long an idle connection is kept: servers end them themselves after some minutes.
const IDLE_TIME: Duration = Duration::from_mins(1);
/// How long a server may take to say good-bye.
const CLOSE_TIME: Duration = Duration::from_secs(5);

/// The connections to the relay: those that are idle, and the way to new ones.
///
/// A connection that is in use belongs to its user, and is lost with them.
pub(crate) struct Connections {
    dialer: Dialer,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    /// The one that has been idle longest first.
    connections: Vec<(AsyncSmtpConnection, Instant)>,
    /// Whether a task is there that ends those that have been idle for too long.
    is_swept: bool,
}

impl Connections {
    pub(crate) fn new(dialer: Dialer) -> Self {
        Self { dialer, idle: Mutex::default() }
    }

    /// A connection that has just answered, or a new one.
    pub(crate) async fn take(&self) -> Result<AsyncSmtpConnection, SmtpFailure> {
        while let Some(mut connection) = self.pop() {
            if connection.test_connected().await {
                return Ok(connection);
            }
        }
        self.open().await
    }

    /// A new connection, signed in.
    pub(crate) async fn open(&self) -> Result<AsyncSmtpConnection, SmtpFailure> {
        self.dialer.dial().await
    }

    /// Keeps a connection on which all went well.
    pub(crate) fn put(self: &Arc<Self>, connection: AsyncSmtpConnection) {
        let mut idle = self.idle();
        if idle.connections.len() >= IDLE_MAX {
            drop(idle);
            return close(connection);
        }
        idle.connections.push((connection, Instant::now()));
        if !idle.is_swept {
            idle.is_swept = true;
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    fn pop(&self) -> Option<AsyncSmtpConnection> {
        self.idle().connections.pop().map(|(connection, _)| connection)
    }

    /// When the next connection will have been idle for too long. `None` ends the sweeping.
    fn next_sweep(&self) -> Option<Instant> {
        let mut idle = self.idle();
        let next = idle.connections.first().map(|(_, since)| *since + IDLE_TIME);
        idle.is_swept = next.is_some();
        next
    }

    fn close_idle(&self) {
        let mut idle = self.idle();
        let kept = idle.connections.partition_point(|(_, since)| since.elapsed() >= IDLE_TIME);
        let ended: Vec<_> = idle.connections.drain(..kept).collect();
        drop(idle);
        for (connection, _) in ended {
            close(connection);
        }
    }

    /// No operation leaves the list half done, so a thread that panicked spoils nothing.
    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn sweep(connections: Weak<Connections>) {
    while let Some(next) = connections.upgrade().and_then(|there| there.next_sweep()) {
        tokio::time::sleep_until(next).await;
        if let Some(there) = connections.upgrade() {
            there.close_idle();
        }
    }
}

/// Says good-bye and closes, without anybody waiting for it.
pub(crate) fn close(mut connection: AsyncSmtpConnection) {
    tokio::spawn(async move { tokio::time::timeout(CLOSE_TIME, connection.abort()).await });
}

/// Makes connections.
pub(crate) struct Dialer {
    host: String,
    port: u16,
    protection: Protection,
    hello: ClientId,
    /// For each of the host's addresses: if one does not answer, another must have its turn.
    attempt_time: Duration,
    credentials: Option<KeptCredentials>,
}

enum Protection {
    None,
    Tls(TlsParameters),
    StartTls(TlsParameters),
}

struct KeptCredentials {
    source: Arc<dyn CredentialSource>,
    /// As last read. Forgotten when the server refuses them, since they may have been changed.
    last: Mutex<Option<Credentials>>,
}

impl Dialer {
    pub(crate) fn open(settings: SmtpSettings) -> Result<Self, OpenSmtpError> {
        let tls = || tls_parameters(settings.host.clone(), settings.ca_pem.as_deref());
        let protection = match settings.security {
            SmtpSecurity::None => Protection::None,
            SmtpSecurity::Tls => Protection::Tls(tls()?),
            SmtpSecurity::StartTls => Protection::StartTls(tls()?),
        };
        let domain = settings.from.address.key().rsplit('@').next().unwrap_or_default();
        Ok(Self {
            protection,
            // Our domain and not the machine's name, which is nobody's business and, in a
            // container, no name that a relay could accept.
            hello: ClientId::Domain(domain.to_owned()),
            host: settings.host,
            port: settings.port,
            attempt_time: settings.timeout / 2,
            credentials: settings
                .credentials
                .map(|source| KeptCredentials { source, last: Mutex::default() }),
        })
    }

    async fn dial(&self) -> Result<AsyncSmtpConnection, SmtpFailure> {
        let tls = match &self.protection {
            Protection::Tls(parameters) => Some(parameters.clone()),
            Protection::None | Protection::StartTls(_) => None,
        };
        let server = (self.host.as_str(), self.port);
        let time = Some(self.attempt_time);
        let connected =
            AsyncSmtpConnection::connect_tokio1(server, time, &self.hello, tls, None).await;
        let mut connection =
            connected.map_err(|error| SmtpFailure::at(Step::Connection, &error))?;
        if let Protection::StartTls(parameters) = &self.protection {
            let upgraded = connection.starttls(parameters.clone(), &self.hello).await;
            upgraded.map_err(|error| SmtpFailure::at(Step::StartTls, &error))?;
        }
        if let Some(credentials) = &self.credentials {
            credentials.authenticate(&mut connection).await?;
        }
        Ok(connection)
    }
}

impl KeptCredentials {
    async fn authenticate(&self, connection: &mut AsyncSmtpConnection) -> Result<(), SmtpFailure> {
        let credentials = self.read().await?;
        let password = credentials.password.expose_secret().to_owned();
        let credentials = SmtpCredentials::new(credentials.username, password);
        let answer = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await;
        answer.map(drop).map_err(|error| {
            *self.last() = None;
            SmtpFailure::at(Step::Authentication, &error)
        })
    }

    async fn read(&self) -> Result<Credentials, SmtpFailure> {
        let kept = self.last().clone();
        if let Some(credentials) = kept {
            return Ok(credentials);
        }
        let read = self.source.read_credentials().await.map_err(SmtpFailure::Credentials)?;
        *self.last() = Some(read.clone());
        Ok(read)
    }

    fn last(&self) -> MutexGuard<'_, Option<Credentials>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tls_parameters(host: String, ca_pem: Option<&[u8]>) -> Result<TlsParameters, OpenSmtpError> {
    let unusable =
        |error: lettre::transport::smtp::Error| OpenSmtpError::UnusableCertificates(error.into());
    let mut builder = TlsParameters::builder(host);
    if let Some(pem) = ca_pem {
        // The parser takes a text without certificates for one with none to trust.
        if !pem.windows(PEM_LABEL.len()).any(|part| part == PEM_LABEL) {
            return Err(OpenSmtpError::NoCertificate);
        }
        let authorities = Certificate::from_pem(pem).map_err(unusable)?;
        builder = builder.add_root_certificate(authorities);
    }
    builder.build().map_err(unusable)
}

const PEM_LABEL: &[u8] = b"-----BEGIN CERTIFICATE-----";
