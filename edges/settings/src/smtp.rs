use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use url::{Host, Url};

use crate::Environment;
use crate::credentials;
use crate::loopback::is_loopback;
use crate::mistake::Wrong;
use crate::path::parse_path;
use crate::reader::{Reader, Refused};
use crate::secret_input::SecretInput;
use crate::value::Value;

/// The server that takes mails.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// Where it listens and how the connection is secured. Outside development, without TLS only on
    /// this machine.
    pub url: SmtpUrl,
    /// A JSON object with the texts `username` and `password`; `None`: no signing in. Never goes
    /// without TLS to another machine. The form of one that is named is for the one who opens it.
    pub credentials: Option<SecretInput>,
    /// A PEM file of certificate authorities that are trusted beside the usual ones; nobody has
    /// opened it yet.
    pub ca_file: Option<PathBuf>,
}

/// Where an SMTP server listens and how the connection to it is secured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpUrl {
    /// A name in lower case and ASCII, or an IP address without brackets.
    pub host: String,
    /// Not 0.
    pub port: u16,
    /// How the connection is secured.
    pub security: SmtpSecurity,
}

/// How a connection to an SMTP server is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the start (RFC 8314 §3.3).
    Tls,
    /// TLS after STARTTLS, without which nothing is sent (RFC 3207).
    StartTls,
    /// No TLS.
    None,
}

/// What the settings say about a server, whether or not it is the transport.
pub(crate) struct SmtpInput {
    url: Result<Option<SmtpUrl>, Refused>,
    credentials: Result<Option<SecretInput>, Refused>,
    ca_file: Result<Option<PathBuf>, Refused>,
}

const URL: &str = "mail.smtp_url";
const CREDENTIALS: &str = "mail.credentials";
const CA_FILE: &str = "mail.smtp_ca_file";

const RIGHT: &str = "write smtp://host:587, smtps://host:465, or smtp://host:25?tls=none for a \
                     relay on the same machine";

impl SmtpInput {
    pub(crate) fn read(reader: &mut Reader, environment: Result<Environment, Refused>) -> Self {
        let url = read_url(reader, environment);
        let credentials = credentials::read(reader, CREDENTIALS, environment);
        let ca_file = reader.optional_text(CA_FILE, parse_path);
        if let (Ok(Some(url)), Ok(Some(_))) = (&url, &credentials)
            && url.is_exposed()
        {
            let problem = "would be sent in clear, because mail.smtp_url has ?tls=none";
            let right = "leave out ?tls=none there, or unset mail.credentials";
            reader.refuse(CREDENTIALS, Wrong::new(problem, right));
        }
        Self { url, credentials, ca_file }
    }

    pub(crate) fn choose(self, reader: &mut Reader) -> Result<SmtpSettings, Refused> {
        let Some(url) = self.url? else {
            let problem = "must be set, because mail.transport is smtp";
            return Err(reader.refuse(URL, Wrong::new(problem, RIGHT)));
        };
        let ca_file = self.ca_file?;
        if ca_file.is_some() && url.security == SmtpSecurity::None {
            reader.warn(CA_FILE, "not used: mail.smtp_url has ?tls=none");
        }
        Ok(SmtpSettings { url, credentials: self.credentials?, ca_file })
    }

    /// Says what is not used, because mails are not sent by SMTP.
    pub(crate) fn pass_over(self, reader: &mut Reader) {
        let given = [
            (URL, matches!(self.url, Ok(Some(_)))),
            (CREDENTIALS, matches!(self.credentials, Ok(Some(_)))),
            (CA_FILE, matches!(self.ca_file, Ok(Some(_)))),
        ];
        for (path, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
            reader.warn(path, "not used: mails stay in memory unless mail.transport is smtp");
        }
    }
}

fn read_url(
    reader: &mut Reader,
    environment: Result<Environment, Refused>,
) -> Result<Option<SmtpUrl>, Refused> {
    let Some(url) = reader.optional_text(URL, SmtpUrl::parse)? else { return Ok(None) };
    reader.show(URL, &Value::Text(url.to_string()));
    match environment {
        Ok(environment) if url.is_exposed() && !environment.is_development() => {
            let problem =
                format!("sends mails in clear to another machine, which {environment} refuses");
            let right = "leave out ?tls=none, or write smtps://host:465";
            Err(reader.refuse(URL, Wrong::new(problem, right)))
        }
        _ => Ok(Some(url)),
    }
}

impl SmtpUrl {
    /// Messages show nothing of the URL: it may hold a password.
    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
        let wrong = |problem: &str| Wrong::new(problem, RIGHT);
        let url = Url::parse(text).map_err(|_| wrong("is not a URL"))?;
        let (security, default_port) = match url.scheme() {
            "smtp" => (SmtpSecurity::StartTls, 587),
            "smtps" => (SmtpSecurity::Tls, 465),
            _ => return Err(wrong("does not begin with smtp:// or smtps://")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            let right = "name them with mail.credentials: a reference to a JSON object with \
                         username and password";
            return Err(Wrong::new("has a user or password", right));
        }
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(wrong("has a path or fragment"));
        }
        let security = match (security, url.query()) {
            (security, None) => security,
            (SmtpSecurity::StartTls, Some("tls=none")) => SmtpSecurity::None,
            _ => return Err(wrong("has other parameters than the ?tls=none of smtp://")),
        };
        let host = url.host_str().unwrap_or_default();
        let host = Host::parse(host).map_err(|_| wrong("names no host"))?;
        let port = url.port().unwrap_or(default_port);
        if port == 0 {
            return Err(wrong("has port 0"));
        }
        Ok(Self { host: without_brackets(host), port, security })
    }

    /// Whether others can read what is sent.
    fn is_exposed(&self) -> bool {
        self.security == SmtpSecurity::None && !is_loopback(&self.host())
    }

    fn host(&self) -> Host<&str> {
        let address = self.host.parse::<Ipv4Addr>().map(Host::Ipv4);
        address
            .or_else(|_| self.host.parse::<Ipv6Addr>().map(Host::Ipv6))
            .unwrap_or(Host::Domain(&self.host))
    }
}

/// As it could be written, with the port.
impl fmt::Display for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, query) = match self.security {
            SmtpSecurity::Tls => ("smtps", ""),
            SmtpSecurity::StartTls => ("smtp", ""),
            SmtpSecurity::None => ("smtp", "?tls=none"),
        };
        write!(f, "{scheme}://{}:{}{query}", self.host(), self.port)
    }
}

/// Brackets belong to URLs: resolvers and certificates know addresses without.
fn without_brackets(host: Host) -> String {
    match host {
        Host::Domain(name) => name,
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_url_names_a_server_and_how_the_connection_is_secured() {
        for (text, host, port, security) in [
            ("smtp://mail.example.com", "mail.example.com", 587, SmtpSecurity::StartTls),
            ("smtp://mail.example.com:2525/", "mail.example.com", 2525, SmtpSecurity::StartTls),
            ("smtps://Mail.Example.com", "mail.example.com", 465, SmtpSecurity::Tls),
            ("smtps://bücher.example:1", "xn--bcher-kva.example", 1, SmtpSecurity::Tls),
            ("smtp://mailpit:1025?tls=none", "mailpit", 1025, SmtpSecurity::None),
            ("smtp://[::1]:25?tls=none", "::1", 25, SmtpSecurity::None),
            ("smtp://127.0.0.1?tls=none", "127.0.0.1", 587, SmtpSecurity::None),
        ] {
            let expected = SmtpUrl { host: host.to_owned(), port, security };
            assert_eq!(SmtpUrl::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_names_no_server_is_refused_and_not_shown() {
        for text in [
            "hunter2",
            "hunter2.example:587",
            "smtp:hunter2.example",
            "http://hunter2.example",
            "smtp://",
            "smtp://:587",
            "smtps:///hunter2",
            "smtp://hunter2.example:0",
            "smtp://hunter2.example:65536",
            "smtp://hunter2.example/a",
            "smtp://hunter2.example#a",
            "smtp://hunter2.example?",
            "smtp://hunter2.example?tls=required",
            "smtp://hunter2.example?tls=none&tls=none",
            "smtps://hunter2.example?tls=none",
            "smtp://a b.example",
            "smtp://user@mail.example.com",
            "smtp://:hunter2@mail.example.com",
            "smtps://user:hunter2@mail.example.com:465",
        ] {
            let wrong = SmtpUrl::parse(text).expect_err(text);
            assert!(!format!("{wrong:?}").contains("hunter2"), "{wrong:?}");
        }
    }

    #[test]
    fn a_url_is_shown_as_it_could_be_written_with_the_port() {
        for (text, shown) in [
            ("smtp://Mail.example.com/", "smtp://mail.example.com:587"),
            ("smtps://mail.example.com", "smtps://mail.example.com:465"),
            ("smtp://[::1]:25?tls=none", "smtp://[::1]:25?tls=none"),
        ] {
            let url = SmtpUrl::parse(text).unwrap();
            assert_eq!(url.to_string(), shown);
            assert_eq!(SmtpUrl::parse(shown), Ok(url));
        }
    }

    #[test]
    fn only_without_tls_and_on_another_machine_can_others_read_what_is_sent() {
        for (text, is_exposed) in [
            ("smtp://mail.example.com", false),
            ("smtps://10.0.0.1", false),
            ("smtp://mail.example.com?tls=none", true),
            ("smtp://10.0.0.1?tls=none", true),
            ("smtp://[fe80::1]?tls=none", true),
            ("smtp://localhost.example?tls=none", true),
            ("smtp://localhost?tls=none", false),
            ("smtp://mail.localhost?tls=none", false),
            ("smtp://127.1.2.3?tls=none", false),
            ("smtp://[::1]?tls=none", false),
        ] {
            assert_eq!(SmtpUrl::parse(text).unwrap().is_exposed(), is_exposed, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic_and_what_is_shown_is_read_again(
            text in ".*",
            url in "smtps?://[a-zA-Z0-9.:/@\\[\\]ü%-]{0,20}(\\?tls=none)?",
        ) {
            for text in [text, url] {
                if let Ok(url) = SmtpUrl::parse(&text) {
                    prop_assert_eq!(SmtpUrl::parse(&url.to_string()), Ok(url));
                }
            }
        }
    }
}
