use std::net::SocketAddr;

use crate::Environment;
use crate::mistake::{Wrong, quoted};
use crate::public_url::{BasePath, Origin, PublicUrl};
use crate::reader::{Reader, Refused};
use crate::value::Value;

/// How the world reaches the service.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// The public listener; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The listener for metrics, which is not for the public.
    pub operations_listen: SocketAddr,
    /// The issuer, if one is set; see [`public_url_for`](Self::public_url_for). In staging and
    /// production it is set and https.
    pub public_url: Option<PublicUrl>,
    /// How many hops at the right of `X-Forwarded-For` are ours: 0 to 16.
    pub trusted_proxies: u8,
    /// The origins whose pages may call the API from a browser.
    pub cors_origins: Vec<Origin>,
    /// Where everything is mounted but `/.well-known`, health and metrics.
    pub base_path: Option<BasePath>,
    /// Whether this process is the only one of the deployment.
    pub is_single_instance: bool,
}

impl ServerSettings {
    /// The issuer: the one that is set, else the URL of the public listener.
    ///
    /// `bound` is the listener's address after binding: with port 0 the port is known only then.
    pub fn public_url_for(&self, bound: SocketAddr) -> PublicUrl {
        self.public_url.clone().unwrap_or_else(|| PublicUrl::derived(bound))
    }

    /// The base path as text: empty or `/v1`.
    pub fn base_path_text(&self) -> &str {
        self.base_path.as_ref().map_or("", BasePath::as_str)
    }
}

/// The settings that say who can reach the service.
pub(crate) struct Addresses {
    listen: Result<SocketAddr, Refused>,
    operations_listen: Result<SocketAddr, Refused>,
    public_url: Result<Option<PublicUrl>, Refused>,
}

impl Addresses {
    pub(crate) fn read(reader: &mut Reader) -> Self {
        let addresses = Self {
            listen: reader.text("server.listen", parse_address),
            operations_listen: reader.text("server.operations_listen", parse_address),
            public_url: reader.optional_text("server.public_url", PublicUrl::parse),
        };
        if let (Ok(listen), Ok(operations_listen)) = (addresses.listen, addresses.operations_listen)
            && are_in_conflict(listen, operations_listen)
        {
            let problem = format!("takes the port of server.listen, {listen}");
            reader.refuse("server.operations_listen", Wrong::new(problem, "write another port"));
        }
        if let (Ok(listen), Ok(None)) = (addresses.listen, &addresses.public_url) {
            let derived = PublicUrl::derived(listen);
            reader.show("server.public_url", &Value::Text(derived.to_string()));
            if listen.ip().is_unspecified() {
                let text = format!("not set, so tokens name {derived} as their issuer");
                reader.warn("server.public_url", text);
            }
        }
        addresses
    }

    /// The first setting with an address that other machines may reach.
    pub(crate) fn exposed(&self) -> Option<&'static str> {
        let is_exposed = |address: Result<SocketAddr, Refused>| {
            address.is_ok_and(|address| !address.ip().is_loopback())
        };
        if is_exposed(self.listen) {
            Some("server.listen")
        } else if is_exposed(self.operations_listen) {
            Some("server.operations_listen")
        } else if let Ok(Some(url)) = &self.public_url
            && !url.is_loopback()
        {
            Some("server.public_url")
        } else {
            None
        }
    }

    /// Unless one was refused, it is certain who can reach the service.
    pub(crate) fn are_known(&self) -> Result<(), Refused> {
        self.listen?;
        self.operations_listen?;
        self.public_url.as_ref().map(drop).map_err(|refused| *refused)
    }
}

pub(crate) fn read(
    reader: &mut Reader,
    addresses: Addresses,
    environment: Result<Environment, Refused>,
) -> Result<ServerSettings, Refused> {
    let trusted_proxies = reader.integer("server.trusted_proxies", 0..=16);
    let cors_origins = reader.list("server.cors_origins", Origin::parse);
    let base_path = reader.optional_text("server.base_path", BasePath::parse);
    let is_single_instance = reader.boolean("server.single_instance");
    if let (Ok(public_url), Ok(environment)) = (&addresses.public_url, environment)
        && !environment.is_development()
        && !public_url.as_ref().is_some_and(PublicUrl::is_https)
    {
        let problem = match public_url {
            Some(_) => format!("is plain http, which {environment} refuses"),
            None => format!("must be set in {environment}"),
        };
        let right = "write the https URL under which clients reach the service";
        reader.refuse("server.public_url", Wrong::new(problem, right));
    }
    Ok(ServerSettings {
        listen: addresses.listen?,
        operations_listen: addresses.operations_listen?,
        public_url: addresses.public_url?,
        trusted_proxies: trusted_proxies?,
        cors_origins: cors_origins?,
        base_path: base_path?,
        is_single_instance: is_single_instance?,
    })
}

/// Names are refused: which address they mean may change between two starts.
fn parse_address(text: &str) -> Result<SocketAddr, Wrong> {
    text.parse().map_err(|_| {
        Wrong::new(
            format!("{} is not an IP address and a port", quoted(text)),
            "write 127.0.0.1:8080, 0.0.0.0:8080 or [::]:8080",
        )
    })
}

/// Whether two listeners would want the same port of the same address. Port 0 takes any free one.
fn are_in_conflict(one: SocketAddr, other: SocketAddr) -> bool {
    let is_any = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && (is_any || one.ip() == other.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_conflict_where_one_port_is_wanted_twice() {
        for (one, other, expected) in [
            ("127.0.0.1:1", "127.0.0.1:1", true),
            ("0.0.0.0:1", "127.0.0.1:1", true),
            ("127.0.0.1:1", "[::]:1", true),
            ("127.0.0.1:1", "127.0.0.2:1", false),
            ("127.0.0.1:1", "127.0.0.1:2", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
        ] {
            let (first, second) = (one.parse().unwrap(), other.parse().unwrap());
            assert_eq!(are_in_conflict(first, second), expected, "{one} {other}");
            assert_eq!(are_in_conflict(second, first), expected, "{other} {one}");
        }
    }

    #[test]
    fn a_listener_is_an_ip_address_and_a_port() {
        assert!(parse_address("[::1]:0").is_ok());
        for text in ["", "8080", ":8080", "localhost:8080", "127.0.0.1", "127.0.0.1:65536"] {
            assert!(parse_address(text).is_err(), "{text}");
        }
    }
}
