//! The address of a server, as libpq has it.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::SslMode;

/// How long a peer may leave what was sent unacknowledged.
const SILENCE_MAX: Duration = Duration::from_secs(5);
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(3);
const KEEPALIVE_TRIES: u32 = 3;

/// Where the server is, and how far the way to it is trusted.
#[derive(Clone, Debug)]
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) encryption: Encryption,
}

/// What the connection is encrypted with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    /// Nothing.
    Never,
    /// TLS if the server has it, with whatever certificate: whoever could forge that could as well
    /// say that there is no TLS.
    IfOffered,
    /// TLS with a certificate for the host's name that these vouch for, or no connection.
    Always(Roots),
}

/// Who vouches for the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    /// Whom this machine trusts.
    Machine,
    /// Whoever is in this PEM file.
    File(PathBuf),
}

/// Why an address cannot be used. Shows no part of it that may be secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum AddressError {
    #[error("the database's address must begin with postgres:// or postgresql://")]
    NotPostgres,
    #[error("sslmode must be disable, prefer, require, verify-ca or verify-full")]
    UnknownMode,
    #[error("sslrootcert needs an sslmode that verifies: require, verify-ca or verify-full")]
    RootsWithoutVerifying,
    #[error("{0} in the database's address is not properly encoded")]
    Malformed(&'static str),
    #[error("the database's address cannot be used")]
    Rejected(#[from] tokio_postgres::Error),
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(url: &str) -> Result<Self, AddressError> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(AddressError::NotPostgres);
        }
        let (place, query) = split_query(url);
        let (mut mode, mut roots, mut rest) = (None, None, Vec::new());
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("sslmode", value)) => mode = Some(decoded(value, "sslmode")?),
                Some(("sslrootcert", value)) => roots = Some(decoded(value, "sslrootcert")?),
                _ => rest.push(parameter),
            }
        }
        let encryption = encryption(mode.as_deref(), roots.map(to_roots))?;
        let mut config: Config = match rest.as_slice() {
            [] => place.parse()?,
            rest => format!("{place}?{}", rest.join("&")).parse()?,
        };
        config.ssl_mode(match encryption {
            Encryption::Never => SslMode::Disable,
            Encryption::IfOffered => SslMode::Prefer,
            Encryption::Always(_) => SslMode::Require,
        });
        if config.get_application_name().is_none() {
            config.application_name("doorward");
        }
        config.keepalives_idle(KEEPALIVE_IDLE);
        config.keepalives_interval(KEEPALIVE_INTERVAL);
        config.keepalives_retries(KEEPALIVE_TRIES);
        config.tcp_user_timeout(SILENCE_MAX);
        Ok(Self { config, encryption })
    }
}

/// The query begins behind the user and the password, in which a question mark means itself.
fn split_query(url: &str) -> (&str, &str) {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let end = url[authority..].find('/').map_or(url.len(), |at| authority + at);
    let host = url[authority..end].rfind('@').map_or(authority, |at| authority + at + 1);
    match url[host..].find('?') {
        Some(at) => (&url[..host + at], &url[host + at + 1..]),
        None => (url, ""),
    }
}

fn to_roots(text: String) -> Roots {
    if text == "system" { Roots::Machine } else { Roots::File(text.into()) }
}

/// Without any mode, an address that names roots wants them to be asked.
fn encryption(mode: Option<&str>, roots: Option<Roots>) -> Result<Encryption, AddressError> {
    match (mode, roots) {
        (Some("require" | "verify-ca" | "verify-full"), roots) => {
            Ok(Encryption::Always(roots.unwrap_or(Roots::Machine)))
        }
        (None, Some(roots)) => Ok(Encryption::Always(roots)),
        (Some("disable" | "prefer"), Some(_)) => Err(AddressError::RootsWithoutVerifying),
        (Some("disable"), None) => Ok(Encryption::Never),
        (Some("prefer") | None, None) => Ok(Encryption::IfOffered),
        (Some(_), _) => Err(AddressError::UnknownMode),
    }
}

/// Undoes percent-encoding. A plus sign means itself, as it does for libpq.
fn decoded(text: &str, what: &'static str) -> Result<String, AddressError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = behind;
        let byte = match (first, behind) {
            (b'%', [high, low, behind @ ..]) => {
                rest = behind;
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap_or_default();
                let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                let byte = is_hex.then(|| u8::from_str_radix(digits, 16).ok()).flatten();
                byte.ok_or(AddressError::Malformed(what))?
            }
            (b'%', _) => return Err(AddressError::Malformed(what)),
            (byte, _) => *byte,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).map_err(|_| AddressError::Malformed(what))
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::Host;

    use super::*;

    fn encryption_of(query: &str) -> Result<Encryption, String> {
        format!("postgres://user:secret@db.example/app{query}")
            .parse::<Address>()
            .map(|address| address.encryption)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_mode_that_asks_for_encryption_always_verifies() {
        for mode in ["require", "verify-ca", "verify-full"] {
            let machine = encryption_of(&format!("?sslmode={mode}"));
            assert_eq!(machine, Ok(Encryption::Always(Roots::Machine)), "{mode}");
            let file = encryption_of(&format!("?sslmode={mode}&sslrootcert=/etc/a%20b%2Bc+d.pem"));
            let path = Roots::File("/etc/a b+c+d.pem".into());
            assert_eq!(file, Ok(Encryption::Always(path)), "{mode}");
        }
        let only_roots = encryption_of("?sslrootcert=roots.pem");
        assert_eq!(only_roots, Ok(Encryption::Always(Roots::File("roots.pem".into()))));
        let system = encryption_of("?sslrootcert=system&sslmode=verify-full");
        assert_eq!(system, Ok(Encryption::Always(Roots::Machine)));
    }

    #[test]
    fn encryption_is_optional_unless_the_address_says_otherwise() {
        assert_eq!(encryption_of(""), Ok(Encryption::IfOffered));
        assert_eq!(encryption_of("?"), Ok(Encryption::IfOffered));
        assert_eq!(encryption_of("?sslmode=prefer"), Ok(Encryption::IfOffered));
        assert_eq!(encryption_of("?sslmode=disable"), Ok(Encryption::Never));
        assert_eq!(encryption_of("?sslmode=verify%2Dfull"), encryption_of("?sslmode=require"));
    }

    #[test]
    fn modes_that_nobody_knows_or_that_ignore_roots_are_mistakes() {
        for mode in ["", "allow", "Require", "true"] {
            let refused = encryption_of(&format!("?sslmode={mode}"));
            assert_eq!(refused, Err(AddressError::UnknownMode.to_string()), "{mode}");
        }
        for mode in ["disable", "prefer"] {
            let refused = encryption_of(&format!("?sslrootcert=a.pem&sslmode={mode}"));
            assert_eq!(refused, Err(AddressError::RootsWithoutVerifying.to_string()), "{mode}");
        }
        for text in ["%", "%4", "%zz", "%+1", "%ff"] {
            let refused = encryption_of(&format!("?sslrootcert={text}"));
            assert_eq!(refused, Err(AddressError::Malformed("sslrootcert").to_string()), "{text}");
        }
    }

    #[test]
    fn what_is_not_ours_is_left_to_the_driver() {
        let url = "postgresql://us%40er:p%2Fw?sslmode=disable@[::1]:6543,other/app\
                   ?connect_timeout=7&sslmode=require&application_name=mine\
                   &target_session_attrs=read-write&sslrootcert=a.pem";
        let address: Address = url.parse().unwrap();
        assert_eq!(address.encryption, Encryption::Always(Roots::File("a.pem".into())));
        let config = address.config;
        assert_eq!(config.get_user(), Some("us@er"));
        assert_eq!(config.get_password(), Some(b"p/w?sslmode=disable".as_slice()));
        let hosts = [Host::Tcp("::1".into()), Host::Tcp("other".into())];
        assert_eq!(config.get_hosts(), hosts);
        assert_eq!(config.get_ports(), [6543, 5432]);
        assert_eq!(config.get_dbname(), Some("app"));
        assert_eq!(config.get_application_name(), Some("mine"));
        assert_eq!(config.get_connect_timeout(), Some(&Duration::from_secs(7)));
        assert_eq!(config.get_ssl_mode(), SslMode::Require);
    }

    #[test]
    fn the_service_is_named_to_the_server() {
        let address: Address = "postgres://db.example?sslmode=disable".parse().unwrap();
        assert_eq!(address.config.get_application_name(), Some("doorward"));
        assert_eq!(address.config.get_hosts(), [Host::Tcp("db.example".into())]);
        assert_eq!(address.config.get_ssl_mode(), SslMode::Disable);
    }

    #[test]
    fn a_mistake_shows_nothing_of_the_address() {
        for url in [
            "user:secret@db.example",
            "postgres://user:secret@db.example/app?secret=1",
            "postgres://user:secret@db.example:secret/app",
            "postgres://user:secret@db.example/app?sslmode=secret",
        ] {
            let error = url.parse::<Address>().unwrap_err();
            let words = contracts::chain(&error);
            assert!(!words.contains("secret@") && !words.contains("user"), "{words}");
        }
        let address: Address = "postgres://user:hidden@db.example/app".parse().unwrap();
        assert!(!format!("{address:?}").contains("hidden"));
    }
}
