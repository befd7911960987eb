use std::borrow::Cow;
use std::fmt;

use url::{Host, form_urlencoded};

use crate::loopback::is_loopback;
use crate::mistake::Wrong;

/// The parts of a URL of a server as databases have it (RFC 3986 §3, but with several hosts).
///
/// Stricter than some client libraries: what two of them would read differently is refused, so that
/// what is checked and shown is what is connected to.
pub(crate) struct UrlParts<'a> {
    pub(crate) scheme: &'a str,
    user: Option<&'a str>,
    password: Option<&'a str>,
    /// As they are written, ports included.
    authority_hosts: &'a str,
    /// With the leading slash, if there is any.
    pub(crate) path: &'a str,
    query: Option<&'a str>,
    /// Names and decoded values.
    parameters: Vec<Parameter<'a>>,
    hosts: Vec<ServerHost>,
}

type Parameter<'a> = (&'a str, Cow<'a, str>);

/// One of the hosts of a URL.
pub(crate) enum ServerHost {
    /// Reached by network.
    Network(Host),
    /// A socket in the file system, or the folder that it is in.
    Socket,
}

impl ServerHost {
    /// Whether what is sent there stays on this machine.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Network(host) => is_loopback(host),
            Self::Socket => true,
        }
    }
}

/// Parameters whose values everybody may see. The values of all others are hidden.
const HARMLESS_PARAMETERS: [&str; 40] = [
    "application_name",
    "appname",
    "authmechanism",
    "authsource",
    "channel_binding",
    "compressors",
    "connect_timeout",
    "connecttimeoutms",
    "dbname",
    "directconnection",
    "heartbeatfrequencyms",
    "host",
    "hostaddr",
    "journal",
    "load_balance_hosts",
    "loadbalanced",
    "localthresholdms",
    "maxconnecting",
    "maxidletimems",
    "maxpoolsize",
    "minpoolsize",
    "port",
    "protocol",
    "readconcernlevel",
    "readpreference",
    "replicaset",
    "retryreads",
    "retrywrites",
    "servermonitoringmode",
    "serverselectiontimeoutms",
    "sockettimeoutms",
    "ssl",
    "sslmode",
    "sslnegotiation",
    "sslrootcert",
    "target_session_attrs",
    "tls",
    "tlscafile",
    "user",
    "w",
];

/// The parameter of MongoDB that may stand there more than once.
const REPEATABLE_PARAMETER: &str = "readPreferenceTags";

impl<'a> UrlParts<'a> {
    /// `right`: what would be right. Messages show nothing of the URL: it may hold a password.
    pub(crate) fn parse(text: &'a str, right: &str) -> Result<Self, Wrong> {
        let wrong = |problem: &str| Wrong::new(problem, right);
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(wrong("has a space or a control character"));
        }
        let (scheme, rest) =
            text.split_once("://").ok_or_else(|| wrong("is not a URL with a scheme and ://"))?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        // Else a part of the password would be taken for a host, a database or a parameter.
        let is_ambiguous =
            authority.matches('@').count() > 1 || rest.contains('@') || text.contains('#');
        if is_ambiguous {
            let problem = "has one of @ / ? # where it cannot be told what it belongs to";
            return Err(Wrong::new(problem, "in a user or password write %40, %2F, %3F and %23"));
        }
        let (user_info, authority_hosts) = match authority.split_once('@') {
            Some((user_info, hosts)) => (Some(user_info), hosts),
            None => (None, authority),
        };
        let (user, password) = match user_info.map(|text| (text, text.split_once(':'))) {
            Some((_, Some((user, password)))) => (Some(user), Some(password)),
            Some((user, None)) => (Some(user), None),
            None => (None, None),
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        Ok(Self {
            scheme,
            user,
            password,
            authority_hosts,
            path,
            query,
            parameters: parameters_of(query).map_err(wrong)?,
            hosts: hosts_of(authority_hosts).map_err(wrong)?,
        })
    }

    /// The value of a parameter, in whatever case its name is written.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_ref())
    }

    /// The names of all parameters, as they are written.
    pub(crate) fn parameter_names(&self) -> impl Iterator<Item = &str> {
        self.parameters.iter().map(|(name, _)| *name)
    }

    /// The hosts before the path, in their order.
    pub(crate) fn hosts(&self) -> &[ServerHost] {
        &self.hosts
    }

    pub(crate) fn has_user(&self) -> bool {
        self.user.is_some_and(|user| !user.is_empty()) || self.parameter("user").is_some()
    }

    /// Whether there is a secret in it, as far as one can know.
    pub(crate) fn has_password(&self) -> bool {
        let is_secret = |name: &str| {
            let name = name.to_ascii_lowercase();
            name.contains("password") || name == "authmechanismproperties"
        };
        self.password.is_some_and(|password| !password.is_empty())
            || self.parameter_names().any(is_secret)
    }
}

/// Without the password, and without the values of parameters that are not known to be harmless.
impl fmt::Display for UrlParts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme)?;
        if let Some(user) = self.user {
            let password = if self.password.is_some() { ":***" } else { "" };
            write!(f, "{user}{password}@")?;
        }
        write!(f, "{}{}", self.authority_hosts, self.path)?;
        let mut separator = '?';
        for pair in pairs_of(self.query) {
            let name = name_of(pair);
            if HARMLESS_PARAMETERS.contains(&name.to_ascii_lowercase().as_str()) {
                write!(f, "{separator}{pair}")?;
            } else {
                write!(f, "{separator}{name}=***")?;
            }
            separator = '&';
        }
        Ok(())
    }
}

/// Reads one host without a port: a name, an IPv4 address, an IPv6 address in brackets, or a path.
pub(crate) fn parse_host(text: &str) -> Option<ServerHost> {
    let is_path =
        text.starts_with('/') || text.get(..3).is_some_and(|s| s.eq_ignore_ascii_case("%2f"));
    if is_path {
        return Some(ServerHost::Socket);
    }
    Host::parse(text).ok().map(ServerHost::Network)
}

/// Reads hosts with commas between them. An empty text names none.
fn hosts_of(text: &str) -> Result<Vec<ServerHost>, &'static str> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split(',').map(host_of).collect()
}

fn host_of(text: &str) -> Result<ServerHost, &'static str> {
    // The colons in brackets belong to an IPv6 address.
    let port_start = text.rfind(']').unwrap_or(0);
    let (host, port) = match text.get(port_start..).and_then(|rest| rest.find(':')) {
        Some(colon) => text.split_at(port_start + colon),
        None => (text, ""),
    };
    if let Some(port) = port.strip_prefix(':') {
        let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || !port.parse().is_ok_and(|port: u16| port != 0) {
            return Err("has a port that is no number from 1 to 65535");
        }
    }
    parse_host(host).ok_or("names a host that cannot exist")
}

fn parameters_of(query: Option<&str>) -> Result<Vec<Parameter<'_>>, &'static str> {
    let mut parameters: Vec<Parameter<'_>> = Vec::new();
    for pair in pairs_of(query) {
        let name = name_of(pair);
        // Some client libraries decode names and some do not.
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(is_letter) {
            return Err("has a parameter whose name is not of letters, digits and _");
        }
        let is_known = parameters.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        // Client libraries differ in which one counts.
        if is_known && !name.eq_ignore_ascii_case(REPEATABLE_PARAMETER) {
            return Err("has a parameter twice");
        }
        let decoded = form_urlencoded::parse(pair.as_bytes()).next();
        parameters.push((name, decoded.map(|(_, value)| value).unwrap_or_default()));
    }
    Ok(parameters)
}

fn name_of(pair: &str) -> &str {
    pair.split_once('=').map_or(pair, |(name, _)| name)
}

fn pairs_of(query: Option<&str>) -> impl Iterator<Item = &str> {
    query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(text: &str) -> UrlParts<'_> {
        UrlParts::parse(text, "right").unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"))
    }

    #[test]
    fn a_url_has_a_scheme_hosts_a_path_and_parameters() {
        let parts = parts("m://u:p@a:1,b,[::1]:2/db?Ssl=true&x=%41+b");
        assert_eq!((parts.scheme, parts.path, parts.hosts().len()), ("m", "/db", 3));
        assert_eq!(parts.parameter("ssl"), Some("true"));
        assert_eq!(parts.parameter("x"), Some("A b"));
        assert!(parts.has_user() && parts.has_password());
    }

    #[test]
    fn hosts_may_be_left_out_for_who_names_them_elsewhere() {
        for text in ["p://", "p:///db", "p://user@/db", "p:///?host=a"] {
            assert!(parts(text).hosts().is_empty(), "{text}");
        }
    }

    #[test]
    fn what_stays_on_this_machine_is_known() {
        for (text, is_local) in [
            ("p://localhost:1", true),
            ("p://127.8.8.8", true),
            ("p://[::1]", true),
            ("p://%2Frun%2Fpostgresql/db", true),
            ("p://db", false),
            ("p://10.0.0.1", false),
            ("p://localhost.example.com", false),
            ("p://localhost,db", false),
        ] {
            assert_eq!(parts(text).hosts().iter().all(ServerHost::is_local), is_local, "{text}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused_and_not_shown() {
        for text in [
            "hunter2",
            "p:hunter2@host",
            "p://u:hunter2@x@host/db",
            "p://u:1/hunter2@host/db",
            "p://u:1?hunter2@host/db",
            "p://u:1#hunter2@host/db",
            "p://u@host/hunter2#a",
            "p://u:hunter2 x@host",
            "p://u:hunter2\n@host",
            "p://u:hunter2",
            "p://u:hunter2@host:0",
            "p://u:hunter2@host:65536",
            "p://u:hunter2@host:+1",
            "p://u:hunter2@host:",
            "p://u:hunter2@a,,b",
            "p://u:hunter2@:1",
            "p://u:hunter2@a,",
            "p://u:hunter2@[::1",
            "p://u:hunter2@::1",
            "p://u:hunter2@a%00b",
            "p://u:hunter2@host?tls=true&TLS=false",
            "p://u:hunter2@host?%74ls=true",
            "p://u:hunter2@host?=hunter2&a=b;c",
            "p://host?a-b",
        ] {
            let wrong = UrlParts::parse(text, "right").err().expect(text);
            assert!(!format!("{wrong:?}").contains("hunter2"), "{wrong:?}");
        }
    }

    #[test]
    fn passwords_and_unknown_parameters_are_hidden_and_the_rest_is_shown() {
        for (text, shown) in [
            ("p://host", "p://host"),
            ("p://user@host:1/db", "p://user@host:1/db"),
            ("p://user:hunter2@host/db", "p://user:***@host/db"),
            ("p://user:@host/db", "p://user:***@host/db"),
            ("p://:hunter2@host", "p://:***@host"),
            ("p://u:hunter2:hunter2@a,b/db?", "p://u:***@a,b/db"),
            ("p://host/db?sslmode=require", "p://host/db?sslmode=require"),
            ("p://h?password=hunter2&&tls=true", "p://h?password=***&tls=true"),
            ("p://h?PassWord=hunter2&TLS=true&x", "p://h?PassWord=***&TLS=true&x=***"),
            (
                "p://h?tlsCertificateKeyFilePassword=hunter2",
                "p://h?tlsCertificateKeyFilePassword=***",
            ),
        ] {
            assert_eq!(parts(text).to_string(), shown);
        }
    }

    #[test]
    fn a_password_is_known_wherever_it_stands() {
        for (text, has_password) in [
            ("p://user:a@host", true),
            ("p://host?password=a", true),
            ("p://host?tlsCertificateKeyFilePassword=a", true),
            ("p://host?authMechanismProperties=AWS_SESSION_TOKEN:a", true),
            ("p://user@host", false),
            ("p://user:@host?passfile=", false),
        ] {
            assert_eq!(parts(text).has_password(), has_password, "{text}");
        }
    }

    #[test]
    fn one_parameter_may_stand_there_twice() {
        parts("p://host?readPreferenceTags=dc:a&readPreferenceTags=");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(
            text in ".*",
            url in "p://[a-z0-9.:/@?#,%\\[\\]=&ü-]{0,30}",
        ) {
            for text in [text, url] {
                let _ = UrlParts::parse(&text, "right").map(|parts| parts.to_string());
            }
        }

        #[test]
        fn no_password_is_shown(
            password in "[A-Z!-~&&[^@/?#]]{1,20}Q",
            tail in "(/db)?([?]tls=true&secret=PASSWORD)?",
        ) {
            let tail = tail.replace("PASSWORD", &password.replace(['&', '=', '%', '+'], ""));
            let text = format!("p://user:{password}@host{tail}");
            if let Ok(parts) = UrlParts::parse(&text, "right") {
                let shown = parts.to_string();
                let bare = shown.replace("p://user:***@host", "");
                prop_assert!(shown.starts_with("p://user:***@host"), "{}", shown);
                prop_assert!(!bare.contains('Q'), "{}", shown);
            }
        }
    }
}
