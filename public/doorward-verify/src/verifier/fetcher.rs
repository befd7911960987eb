use std::time::Duration;

use reqwest::header::{ACCEPT, CACHE_CONTROL, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use reqwest::{Client, Response, StatusCode, Url};
use thiserror::Error;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a whole exchange may take.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(3);

/// Reads documents of the issuer, within bounds of time and size.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    client: Client,
}

/// What to read, and how much of it at most.
pub(super) struct Wanted<'a> {
    pub(super) url: &'a Url,
    pub(super) bytes_max: usize,
    /// The version that we have: the server need not send it again.
    pub(super) etag: Option<&'a HeaderValue>,
}

/// What the server had to say.
pub(super) enum Fetched {
    New(Document),
    Unchanged,
}

pub(super) struct Document {
    pub(super) body: Vec<u8>,
    pub(super) etag: Option<HeaderValue>,
    /// `max-age` of `Cache-Control`, in seconds.
    pub(super) max_age_seconds: Option<u64>,
}

/// Why a document could not be had.
#[derive(Debug, Error)]
pub(super) enum FetchError {
    #[error("the issuer does not answer")]
    Request(#[source] reqwest::Error),
    #[error("the issuer answers with status {0}")]
    Status(StatusCode),
    #[error("the issuer redirects")]
    Redirected,
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
}

impl Fetcher {
    /// Follows no redirect, which would let another host speak for the issuer.
    ///
    /// The system's root certificates are opened only for TLS: a container that speaks plain HTTP
    /// with its neighbours may have none.
    pub(super) fn open(tls: Tls) -> Result<Self, reqwest::Error> {
        let builder = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none());
        let builder = match tls {
            Tls::SystemRoots => builder,
            Tls::Unused => builder.tls_certs_only([]),
        };
        Ok(Self { client: builder.build()? })
    }

    pub(super) const fn new(client: Client) -> Self {
        Self { client }
    }

    pub(super) async fn get(&self, wanted: Wanted<'_>) -> Result<Fetched, FetchError> {
        let mut request = self
            .client
            .get(wanted.url.clone())
            .timeout(TOTAL_TIMEOUT)
            .header(ACCEPT, "application/json, application/jwt");
        if let Some(etag) = wanted.etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let response = request.send().await.map_err(FetchError::Request)?;
        // The service may have brought a client of its own, which follows them.
        if response.url() != wanted.url {
            return Err(FetchError::Redirected);
        }
        match response.status() {
            StatusCode::OK => read(response, wanted.bytes_max).await.map(Fetched::New),
            StatusCode::NOT_MODIFIED if wanted.etag.is_some() => Ok(Fetched::Unchanged),
            other => Err(FetchError::Status(other)),
        }
    }
}

/// Whether any address begins with `https`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tls {
    SystemRoots,
    Unused,
}

async fn read(mut response: Response, bytes_max: usize) -> Result<Document, FetchError> {
    let etag = response.headers().get(ETAG).cloned();
    let max_age_seconds = max_age(response.headers());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(FetchError::Request)? {
        if body.len() + chunk.len() > bytes_max {
            return Err(FetchError::TooLarge(bytes_max));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Document { body, etag, max_age_seconds })
}

/// The first `max-age`, in seconds (RFC 9111 §5.2.2.1); zero if the answer must not be stored.
fn max_age(headers: &HeaderMap) -> Option<u64> {
    let directives = || {
        let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).map(str::trim)
    };
    let is_not_to_be_kept = |directive: &str| {
        directive.eq_ignore_ascii_case("no-store") || directive.eq_ignore_ascii_case("no-cache")
    };
    if directives().any(is_not_to_be_kept) {
        return Some(0);
    }
    directives().find_map(|directive| {
        let (name, value) = directive.split_once('=')?;
        let value = value.trim_matches('"').parse().ok()?;
        name.eq_ignore_ascii_case("max-age").then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_is_read_as_caches_read_it() {
        for (value, seconds) in [
            ("public, max-age=300", Some(300)),
            ("Max-Age=\"60\"", Some(60)),
            ("max-age=300, no-store", Some(0)),
            ("no-cache", Some(0)),
            ("public", None),
            ("s-maxage=9", None),
            ("max-age=-1", None),
        ] {
            let headers = HeaderMap::from_iter([(CACHE_CONTROL, value.parse().unwrap())]);
            assert_eq!(max_age(&headers), seconds, "{value}");
        }
        assert_eq!(max_age(&HeaderMap::new()), None);
    }
}
