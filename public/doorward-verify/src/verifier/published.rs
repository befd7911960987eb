use reqwest::Url;
use serde::Deserialize;
use thiserror::Error;

use super::fetcher::{Document, FetchError, Fetched, Fetcher, Wanted};
use crate::key_set::{KeySet, ParseKeySetError};

/// Largest key set or discovery document: what AWS's load balancers read of a key set.
const BYTES_MAX: usize = 150 * 1_024;

/// Bounds of the age that the issuer states, in seconds, and what stands for none.
const MAX_AGE_SECONDS: std::ops::RangeInclusive<i64> = 60..=3_600;
const DEFAULT_MAX_AGE_SECONDS: i64 = 300;

/// The keys that the issuer publishes.
pub(super) struct PublishedKeys {
    fetcher: Fetcher,
    source: KeySource,
    /// What the discovery document said.
    discovered: Option<Url>,
}

/// Where the keys are published.
#[derive(Clone, Debug)]
pub(super) enum KeySource {
    /// At this address.
    Url(Url),
    /// Where the issuer's discovery document says.
    Discovery { document: Url, issuer: String },
}

/// Why the keys could not be had.
#[derive(Debug, Error)]
pub(super) enum LoadKeysError {
    #[error("the key set cannot be fetched")]
    KeySet(#[source] FetchError),
    #[error(transparent)]
    Parse(ParseKeySetError),
    #[error("the discovery document cannot be fetched")]
    Discovery(#[source] FetchError),
    #[error("the discovery document is malformed")]
    Malformed(#[source] serde_json::Error),
    #[error("the discovery document names another issuer")]
    WrongIssuer,
    #[error("the discovery document has no usable jwks_uri")]
    JwksUri,
}

impl PublishedKeys {
    pub(super) const fn new(fetcher: Fetcher, source: KeySource) -> Self {
        Self { fetcher, source, discovered: None }
    }

    /// Returns the keys and their greatest age in seconds.
    pub(super) async fn load(&mut self) -> Result<(KeySet, i64), LoadKeysError> {
        // Remembered only as long as it serves: the issuer may move its keys.
        let url = match (&self.source, self.discovered.take()) {
            (KeySource::Url(url), _) => url.clone(),
            (KeySource::Discovery { .. }, Some(url)) => url,
            (KeySource::Discovery { document, issuer }, None) => {
                self.discover(document, issuer).await?
            }
        };
        let document = self.get(&url).await.map_err(LoadKeysError::KeySet)?;
        let keys = KeySet::parse(&document.body).map_err(LoadKeysError::Parse)?;
        self.discovered = Some(url);
        Ok((keys, bounded_age(document.max_age_seconds)))
    }

    async fn discover(&self, document: &Url, issuer: &str) -> Result<Url, LoadKeysError> {
        #[derive(Deserialize)]
        struct Discovery {
            issuer: String,
            jwks_uri: String,
        }
        let body = self.get(document).await.map_err(LoadKeysError::Discovery)?.body;
        let found: Discovery = serde_json::from_slice(&body).map_err(LoadKeysError::Malformed)?;
        // Exactly (OIDC Discovery §4.3): another issuer's keys are not ours to trust.
        if found.issuer != issuer {
            return Err(LoadKeysError::WrongIssuer);
        }
        let url: Url = found.jwks_uri.parse().map_err(|_| LoadKeysError::JwksUri)?;
        // What was learnt over TLS may not lead to where anybody can answer.
        let is_as_safe = url.scheme() == "https" || url.scheme() == document.scheme();
        if is_as_safe { Ok(url) } else { Err(LoadKeysError::JwksUri) }
    }

    async fn get(&self, url: &Url) -> Result<Document, FetchError> {
        match self.fetcher.get(Wanted { url, bytes_max: BYTES_MAX, etag: None }).await? {
            Fetched::New(document) => Ok(document),
            // Cannot be: we named no version.
            Fetched::Unchanged => Err(FetchError::Status(reqwest::StatusCode::NOT_MODIFIED)),
        }
    }
}

fn bounded_age(stated_seconds: Option<u64>) -> i64 {
    let seconds = stated_seconds.map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX));
    seconds
        .unwrap_or(DEFAULT_MAX_AGE_SECONDS)
        .clamp(*MAX_AGE_SECONDS.start(), *MAX_AGE_SECONDS.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stated_age_is_kept_within_bounds() {
        assert_eq!(bounded_age(None), 300);
        assert_eq!(bounded_age(Some(0)), 60);
        assert_eq!(bounded_age(Some(600)), 600);
        assert_eq!(bounded_age(Some(u64::MAX)), 3_600);
    }
}
