use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contracts::{BoxError, CredentialSource, Credentials};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::failure::RedisFailure;
use crate::keys::Keys;
use crate::tls::Tls;

/// How long a server may take to let us in.
const DIAL_WITHIN: Duration = Duration::from_secs(1);
/// How long credentials may take to be read.
const READ_WITHIN: Duration = Duration::from_secs(2);

/// Where Redis is, and how to get in.
pub struct RedisSettings {
    /// `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS.
    pub url: SecretString,
    /// Where user name and password are kept, instead of in the URL.
    pub credentials: Option<Arc<dyn CredentialSource>>,
    /// Authorities, as PEM, that may have signed the server's certificate, beside those that the
    /// machine trusts.
    pub ca_pem: Option<Vec<u8>>,
    /// What all our keys begin with, where the server is not ours alone; without braces.
    pub key_prefix: String,
}

impl RedisSettings {
    /// A server as its URL says, and nothing more.
    pub fn new(url: SecretString) -> Self {
        Self { url, credentials: None, ca_pem: None, key_prefix: String::new() }
    }
}

/// Why settings cannot be used. Says nothing of the URL, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenRedisError {
    /// The URL is none that can be used.
    #[error("the URL of Redis cannot be used: {0}")]
    Url(&'static str),
    /// Authorities are given, but TLS is not asked for.
    #[error("authorities are of no use without rediss://")]
    AuthoritiesWithoutTls,
    /// The PEM text of the authorities holds none.
    #[error("there is no certificate among the authorities")]
    NoAuthority,
    /// The authorities cannot be read, or the machine trusts none.
    #[error("the certificates of the authorities cannot be used")]
    Authorities(#[source] BoxError),
    /// The prefix of keys would move them between the servers of a cluster.
    #[error("the prefix of keys holds braces")]
    KeyPrefix,
}

/// Makes connections.
pub(crate) struct Dialer {
    host: String,
    port: u16,
    tls: Option<Tls>,
    /// Database, user and password as the URL has them.
    login: RedisConnectionInfo,
    credentials: Option<KeptCredentials>,
}

struct KeptCredentials {
    source: Arc<dyn CredentialSource>,
    /// As last read. Forgotten when the server refuses them, since they may have been changed.
    last: Mutex<Option<Credentials>>,
}

/// A connection that many callers share, and the task that serves it.
pub(crate) struct Live {
    pub(crate) connection: MultiplexedConnection,
    driver: JoinHandle<()>,
}

impl Live {
    /// Whether the server has closed it.
    pub(crate) fn is_closed(&self) -> bool {
        self.driver.is_finished()
    }
}

/// A server that hangs must not keep connections open that nobody waits for any more.
impl Drop for Live {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Dialer {
    pub(crate) fn open(settings: RedisSettings) -> Result<(Self, Keys), OpenRedisError> {
        let keys = Keys::with_prefix(settings.key_prefix).ok_or(OpenRedisError::KeyPrefix)?;
        let (is_protected, host, port, login) = parse(settings.url.expose_secret())?;
        let tls = match (is_protected, &settings.ca_pem) {
            (true, ca_pem) => Some(Tls::open(host.clone(), ca_pem.as_deref())?),
            (false, None) => None,
            (false, Some(_)) => return Err(OpenRedisError::AuthoritiesWithoutTls),
        };
        let credentials =
            settings.credentials.map(|source| KeptCredentials { source, last: Mutex::default() });
        Ok((Self { host, port, tls, login, credentials }, keys))
    }

    pub(crate) async fn dial(&self) -> Result<Live, RedisFailure> {
        let Some(credentials) = &self.credentials else {
            return self.dial_as(&self.login).await;
        };
        let (login, was_kept) = credentials.login(&self.login).await?;
        match self.dial_as(&login).await {
            Err(RedisFailure::NotAuthenticated(_)) if was_kept => {
                credentials.forget();
                let (login, _) = credentials.login(&self.login).await?;
                self.dial_as(&login).await
            }
            outcome => outcome,
        }
    }

    /// The server does not know what it was told: it is read again before the next time.
    pub(crate) fn forget_credentials(&self) {
        if let Some(credentials) = &self.credentials {
            credentials.forget();
        }
    }

    async fn dial_as(&self, login: &RedisConnectionInfo) -> Result<Live, RedisFailure> {
        let dialed = timeout(DIAL_WITHIN, self.connect(login)).await;
        let outcome = dialed.unwrap_or(Err(RedisFailure::TimedOut(DIAL_WITHIN)));
        if matches!(outcome, Err(RedisFailure::NotAuthenticated(_))) {
            self.forget_credentials();
        }
        outcome
    }

    async fn connect(&self, login: &RedisConnectionInfo) -> Result<Live, RedisFailure> {
        let address = (self.host.as_str(), self.port);
        let stream = TcpStream::connect(address).await.map_err(|e| RedisFailure::broken(&e))?;
        stream.set_nodelay(true).map_err(|e| RedisFailure::broken(&e))?;
        match &self.tls {
            None => greet(stream, login).await,
            Some(tls) => {
                let protected = tls.connector.connect(tls.name.clone(), stream).await;
                greet(protected.map_err(|e| RedisFailure::broken(&e))?, login).await
            }
        }
    }
}

async fn greet<S>(stream: S, login: &RedisConnectionInfo) -> Result<Live, RedisFailure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // Whoever asks has a time limit of their own.
    let config =
        AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
    let (mut connection, driver) =
        MultiplexedConnection::new_with_config(login, stream, config).await?;
    let live = Live { connection: connection.clone(), driver: tokio::spawn(driver) };
    // A server that asks for a password, or is still loading, says so here for the first time.
    redis::cmd("PING").exec_async(&mut connection).await?;
    Ok(live)
}

impl KeptCredentials {
    /// The login, and whether it was read for an earlier connection.
    async fn login(
        &self,
        base: &RedisConnectionInfo,
    ) -> Result<(RedisConnectionInfo, bool), RedisFailure> {
        let kept = self.last().clone();
        let was_kept = kept.is_some();
        let credentials = match kept {
            Some(credentials) => credentials,
            None => self.read().await?,
        };
        let password = credentials.password.expose_secret();
        let login = base.clone().set_username(&credentials.username).set_password(password);
        Ok((login, was_kept))
    }

    async fn read(&self) -> Result<Credentials, RedisFailure> {
        let read = timeout(READ_WITHIN, self.source.read_credentials()).await;
        let read = read.unwrap_or_else(|late| Err(late.into()));
        let credentials = read.map_err(|error| RedisFailure::Credentials(error.into()))?;
        *self.last() = Some(credentials.clone());
        Ok(credentials)
    }

    fn forget(&self) {
        *self.last() = None;
    }

    /// Nothing is left half done in it, so a thread that panicked spoils nothing.
    fn last(&self) -> MutexGuard<'_, Option<Credentials>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Place = (bool, String, u16, RedisConnectionInfo);

/// Whether to protect the connection, host, port, and the login.
fn parse(url: &str) -> Result<Place, OpenRedisError> {
    let (is_protected, rest) = match url.split_once("://") {
        Some(("redis", rest)) => (false, rest),
        Some(("rediss", rest)) => (true, rest),
        _ => return Err(OpenRedisError::Url("it begins with neither redis:// nor rediss://")),
    };
    // Among what drivers read there is a way to switch TLS off in all but name.
    if rest.contains(['?', '#']) {
        return Err(OpenRedisError::Url("it has a query or a fragment"));
    }
    let unusable = OpenRedisError::Url("it is not user:password@host:port/database");
    let Ok(info) = format!("redis://{rest}").into_connection_info() else { return Err(unusable) };
    // Managed servers do not let everybody name their library.
    let login = info.redis_settings().clone().set_skip_set_lib_name();
    match info.addr() {
        ConnectionAddr::Tcp(host, port) => Ok((is_protected, host.clone(), *port, login)),
        _ => Err(unusable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(settings: RedisSettings) -> String {
        contracts::chain(&Dialer::open(settings).err().unwrap())
    }

    fn at(url: &str) -> RedisSettings {
        RedisSettings::new(url.into())
    }

    #[test]
    fn a_url_names_server_database_and_user() {
        let (_, host, port, login) = parse("redis://ada:p%40ss@[::1]:7000/3").unwrap();
        assert_eq!((host.as_str(), port, login.db()), ("::1", 7000, 3));
        assert_eq!((login.username(), login.password()), (Some("ada"), Some("p@ss")));
        let (is_protected, host, port, login) = parse("rediss://cache.example").unwrap();
        assert_eq!((is_protected, host.as_str(), port), (true, "cache.example", 6379));
        assert_eq!((login.username(), login.password(), login.db()), (None, None, 0));
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_without_being_shown() {
        for url in [
            "http://:hidden@cache.example",
            "unix:///hidden",
            "hidden",
            "rediss://:hidden@cache.example#insecure",
            "redis://:hidden@cache.example?protocol=resp3",
            "redis://:hidden@cache.example/one",
            "redis://:hidden@",
            "redis://:hidden@0.0.0.0",
        ] {
            let text = refusal(at(url));
            assert!(text.contains("URL") && !text.contains("hidden"), "{url}: {text}");
        }
    }

    #[test]
    fn authorities_are_counted() {
        let protected = |pem: &[u8]| RedisSettings {
            ca_pem: Some(pem.to_vec()),
            ..at("rediss://cache.example")
        };
        assert_eq!(refusal(protected(b"")), "there is no certificate among the authorities");
        let broken = b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
        assert!(refusal(protected(broken)).contains("cannot be used"));
        let of_no_use = RedisSettings { url: "redis://cache.example".into(), ..protected(b"") };
        assert_eq!(refusal(of_no_use), "authorities are of no use without rediss://");
    }

    #[test]
    fn a_prefix_with_braces_is_refused() {
        let settings = RedisSettings { key_prefix: "{a}".to_owned(), ..at("redis://localhost") };
        assert_eq!(refusal(settings), "the prefix of keys holds braces");
    }
}
