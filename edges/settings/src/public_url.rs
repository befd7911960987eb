use std::fmt;
use std::net::SocketAddr;

use url::Url;

use crate::loopback::is_loopback;
use crate::mistake::{Wrong, quoted};

/// Longest issuer that AWS's load balancer takes, in characters.
const CHARACTERS_MAX: usize = 256;

/// The issuer of tokens and the base of links: an absolute http or https URL without query,
/// fragment, user or trailing slash.
///
/// Verifiers compare it character for character, so it is kept as it was written, and a text that
/// is not in normal form is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    text: String,
    path_start: usize,
    is_loopback: bool,
}

impl PublicUrl {
    /// The URL at which a listener answers, for when none is set.
    ///
    /// `bound` is the address after binding: with port 0 the port is known only then.
    pub fn derived(bound: SocketAddr) -> Self {
        // The scope of a link-local address has no place in a URL.
        let address = SocketAddr::new(bound.ip(), bound.port());
        let text = match address.port() {
            80 => format!("http://{address}").trim_end_matches(":80").to_owned(),
            _ => format!("http://{address}"),
        };
        Self { path_start: text.len(), text, is_loopback: bound.ip().is_loopback() }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
        let example = "write an absolute URL such as https://auth.example.com";
        let wrong = |problem: &str| Wrong::new(problem, example);
        let url = Url::parse(text).map_err(|_| wrong("is not an absolute URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("is not an http or https URL"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("has a user or password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("has a query or fragment"));
        }
        let normal = url.as_str().trim_end_matches('/');
        if normal != text {
            return Err(Wrong::new(
                format!("{} is not in normal form", quoted(text)),
                format!("write {normal}"),
            ));
        }
        if text.chars().count() > CHARACTERS_MAX {
            return Err(wrong("is longer than 256 characters"));
        }
        let path = url.path().trim_end_matches('/');
        if !is_path(path) {
            return Err(Wrong::new(
                "has a path with other characters than letters, digits, - . _ ~",
                example,
            ));
        }
        let path_start = text.len() - path.len();
        let is_loopback = url.host().is_some_and(|host| is_loopback(&host));
        Ok(Self { text: text.to_owned(), path_start, is_loopback })
    }

    /// The URL as it stands in tokens and documents.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port, without the path: what a browser sends as `Origin`.
    pub fn origin(&self) -> &str {
        self.text.split_at(self.path_start).0
    }

    /// The path, empty or with a leading and without a trailing slash.
    pub fn path(&self) -> &str {
        self.text.split_at(self.path_start).1
    }

    /// Whether nobody on the way can read or change what is sent.
    pub fn is_https(&self) -> bool {
        self.text.starts_with("https:")
    }

    /// Whether the host is this machine.
    pub const fn is_loopback(&self) -> bool {
        self.is_loopback
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// An origin as browsers send it (RFC 6454 §6.2): scheme, host, and a port that is not the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
        let example = "write a scheme, a host, and a port that is not the default, such as \
                       https://app.example.com";
        let wrong = || Wrong::new(format!("{} is not an origin", quoted(text)), example);
        let url = Url::parse(text).map_err(|_| wrong())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong());
        }
        let origin = url.origin().ascii_serialization();
        if origin == text {
            return Ok(Self(origin));
        }
        // Without quoting, since there may be a password before the host.
        Err(Wrong::new("holds what is not an origin", format!("write {origin}")))
    }

    /// The origin as it stands in the header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A prefix under which the API is mounted: a leading slash and no trailing one, such as `/v1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasePath(String);

impl BasePath {
    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
        if !text.is_empty() && is_path(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(Wrong::new(
            format!("{} is not a path prefix", quoted(text)),
            "write a leading slash, no trailing slash, and letters, digits, - . _ ~, such as /v1",
        ))
    }

    /// The prefix.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `path` is empty or slash-led segments of unreserved characters (RFC 3986 §2.3), which
/// mean the same to every router and proxy. A leading dot is for `.well-known` and for climbing.
fn is_path(path: &str) -> bool {
    let is_segment = |segment: &str| {
        !segment.is_empty()
            && !segment.starts_with('.')
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    };
    path.is_empty() || path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_segment))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_url_in_normal_form_is_kept_as_it_is() {
        for (text, origin, path) in [
            ("https://auth.example.com", "https://auth.example.com", ""),
            ("https://example.com/auth/v1", "https://example.com", "/auth/v1"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", ""),
            ("http://[::1]:8080/a", "http://[::1]:8080", "/a"),
        ] {
            let url = PublicUrl::parse(text).unwrap();
            assert_eq!((url.as_str(), url.origin(), url.path()), (text, origin, path));
        }
    }

    #[test]
    fn a_url_that_could_be_written_otherwise_is_refused_with_its_normal_form() {
        for (text, normal) in [
            ("https://auth.example.com/", "https://auth.example.com"),
            ("https://auth.example.com/a/", "https://auth.example.com/a"),
            ("https://Auth.Example.com", "https://auth.example.com"),
            ("HTTPS://auth.example.com", "https://auth.example.com"),
            ("https://auth.example.com:443", "https://auth.example.com"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("https://auth.example.com/a/../b", "https://auth.example.com/b"),
            (" https://auth.example.com", "https://auth.example.com"),
        ] {
            let wrong = PublicUrl::parse(text).unwrap_err();
            assert_eq!(wrong.right, format!("write {normal}"), "{text}");
            assert!(PublicUrl::parse(normal).is_ok());
        }
    }

    #[test]
    fn a_url_that_cannot_be_an_issuer_is_refused() {
        let long = format!("https://example.com/{}", "a".repeat(237));
        for text in [
            "auth.example.com",
            "//auth.example.com",
            "ftp://auth.example.com",
            "https://",
            "https://user@auth.example.com",
            "https://auth.example.com?a",
            "https://auth.example.com#a",
            "https://auth.example.com/{a}",
            "https://auth.example.com/a//b",
            "https://auth.example.com/.well-known",
            &long,
        ] {
            assert!(PublicUrl::parse(text).is_err(), "{text}");
        }
        assert!(PublicUrl::parse(&long[..256]).is_ok());
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said_without_its_password() {
        let wrong = PublicUrl::parse("https://user:hunter2@auth.example.com").unwrap_err();
        assert!(!format!("{wrong:?}").contains("hunter2"));
        let wrong = Origin::parse("https://user:hunter2@app.example.com").unwrap_err();
        assert!(!format!("{wrong:?}").contains("hunter2"));
    }

    #[test]
    fn a_derived_url_is_one_that_could_be_written() {
        for bound in ["127.0.0.1:8080", "127.0.0.1:80", "[::1]:8080", "[::1]:80", "0.0.0.0:1"] {
            let derived = PublicUrl::derived(bound.parse().unwrap());
            assert_eq!(PublicUrl::parse(derived.as_str()).unwrap(), derived);
        }
    }

    #[test]
    fn only_the_machine_itself_is_loopback() {
        let is_loopback = |text| PublicUrl::parse(text).unwrap().is_loopback();
        for text in ["http://localhost", "http://a.localhost:1", "http://127.1.2.3", "http://[::1]"]
        {
            assert!(is_loopback(text), "{text}");
        }
        for text in ["http://localhost.example", "http://10.0.0.1", "http://0.0.0.0:80"] {
            assert!(!PublicUrl::parse(text).is_ok_and(|url| url.is_loopback()), "{text}");
        }
    }

    #[test]
    fn an_origin_is_exactly_what_a_browser_sends() {
        for text in ["https://app.example.com", "http://localhost:3000"] {
            assert_eq!(Origin::parse(text).unwrap().as_str(), text);
        }
        for text in ["*", "null", "https://app.example.com/", "https://App.example.com", "app:1"] {
            assert!(Origin::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_base_path_leads_with_a_slash_and_ends_without() {
        for text in ["/v1", "/a/b-c_d.e~f"] {
            assert_eq!(BasePath::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "/", "v1", "/v1/", "//v1", "/a b", "/{id}", "/*", "/..", "/.well-known"] {
            assert!(BasePath::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parsers_panic(
            text in ".*",
            url in "https?://[a-zA-Z0-9.:/@?#\\[\\]]*",
        ) {
            for text in [text, url] {
                let _ = (PublicUrl::parse(&text), Origin::parse(&text), BasePath::parse(&text));
            }
        }
    }
}
