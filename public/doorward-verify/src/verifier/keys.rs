use std::sync::Arc;

use reqwest::Url;
use serde::Deserialize;
use thiserror::Error;
use tokio::sync::{Mutex, watch};

use super::detached;
use super::fetcher::{Document, FetchError, Fetched, Fetcher, Wanted};
use crate::error::VerifyError;
use crate::key_set::{KeySet, ParseKeySetError};

/// Largest key set or discovery document: what AWS's load balancers read of a key set.
const BYTES_MAX: usize = 150 * 1_024;

/// Bounds of the age that the issuer states, in seconds, and what stands for none.
const MAX_AGE_SECONDS: std::ops::RangeInclusive<i64> = 60..=3_600;
const DEFAULT_MAX_AGE_SECONDS: i64 = 300;

/// Seconds between two fetches for keys that we do not know, lest forged tokens make us flood the
/// issuer.
const UNKNOWN_KEY_PAUSE_SECONDS: u64 = 10;

/// Seconds between two tries while there are no keys at all.
const FIRST_KEYS_PAUSE_SECONDS: u64 = 1;

/// Seconds without a try after which we take it that no background task runs: the process was
/// frozen, or there is none.
const NEGLECTED_AFTER_SECONDS: i64 = 30;

/// The keys of the issuer, fetched again in time, and the secrets that are shared with it.
pub(super) struct Keys {
    secrets: KeySet,
    remote: Option<Remote>,
    current: watch::Sender<Loaded>,
}

/// What requests see.
#[derive(Clone, Default)]
struct Loaded {
    keys: Arc<KeySet>,
    /// When the keys are to be fetched again; `None` before they were fetched at all.
    due_at: Option<i64>,
    /// When a fetch last began, and when one for an unknown key did.
    tried_at: Option<i64>,
    asked_at: Option<i64>,
    /// How many fetches have ended.
    tries: u64,
    is_fetching: bool,
    is_failing: bool,
}

/// How to fetch keys.
struct Remote {
    fetcher: Fetcher,
    source: KeySource,
    /// Held during a fetch, so that there is one at a time. Keeps what the discovery document said.
    flight: Mutex<Option<Url>>,
}

/// Where the keys are published.
#[derive(Clone, Debug)]
pub(super) enum KeySource {
    /// At this address.
    Url(Url),
    /// Where the issuer's discovery document says.
    Discovery { document: Url, issuer: String },
}

/// What a fetch is wanted for; it decides how soon after another it may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    Due,
    UnknownKey,
}

/// Why the keys could not be had.
#[derive(Debug, Error)]
enum LoadKeysError {
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

impl Keys {
    pub(super) fn new(secrets: KeySet, remote: Option<(Fetcher, KeySource)>) -> Self {
        let loaded = Loaded { keys: Arc::new(secrets.clone()), ..Loaded::default() };
        let remote =
            remote.map(|(fetcher, source)| Remote { fetcher, source, flight: Mutex::new(None) });
        Self { secrets, remote, current: watch::Sender::new(loaded) }
    }

    pub(super) fn current(&self) -> Arc<KeySet> {
        Arc::clone(&self.current.borrow().keys)
    }

    /// Runs `check` with the keys at hand; if it misses one, fetches them and runs it again.
    pub(super) async fn check<T>(
        self: &Arc<Self>,
        now: i64,
        check: impl Fn(&KeySet) -> Result<T, VerifyError>,
    ) -> Result<T, VerifyError> {
        let mut at_hand = self.at_hand();
        if self.is_neglected(now) {
            self.fetch(Cause::Due, at_hand.tries, now).await;
            at_hand = self.at_hand();
        }
        match check(&at_hand.keys) {
            Err(VerifyError::UnknownKey { .. }) if self.remote.is_some() => {}
            outcome => return outcome,
        }
        self.fetch(Cause::UnknownKey, at_hand.tries, now).await;
        let at_hand = self.at_hand();
        match check(&at_hand.keys) {
            // The key may be in the set that we could not fetch: that is no refusal.
            Err(VerifyError::UnknownKey { .. }) if at_hand.is_failing => {
                Err(VerifyError::KeysUnavailable)
            }
            outcome => outcome,
        }
    }

    /// Fetches the keys again if they have reached the age that the issuer stated.
    pub(super) async fn refresh_if_due(self: &Arc<Self>, now: i64) {
        let at_hand = self.at_hand();
        if at_hand.is_due(now) {
            self.fetch(Cause::Due, at_hand.tries, now).await;
        }
    }

    /// Whether the keys are so long overdue that nobody else will fetch them.
    fn is_neglected(&self, now: i64) -> bool {
        let loaded = self.current.borrow();
        self.remote.is_some()
            && loaded.due_at.is_some_and(|due_at| now >= due_at + NEGLECTED_AFTER_SECONDS)
            && is_longer_ago(loaded.tried_at, NEGLECTED_AFTER_SECONDS.unsigned_abs(), now)
    }

    fn at_hand(&self) -> Loaded {
        self.current.borrow().clone()
    }

    /// Fetches, or waits for the fetch that is under way, unless one has ended since there were
    /// `tries` of them.
    async fn fetch(self: &Arc<Self>, cause: Cause, tries: u64, now: i64) {
        let is_futile = {
            let loaded = self.current.borrow();
            !loaded.is_fetching && !loaded.may_fetch(cause, now)
        };
        if self.remote.is_none() || is_futile {
            return;
        }
        detached(self, |keys| async move { keys.fetch_once(cause, tries, now).await }).await;
    }

    async fn fetch_once(&self, cause: Cause, tries: u64, now: i64) {
        let Some(remote) = &self.remote else { return };
        let mut discovered = remote.flight.lock().await;
        if !self.begin(cause, tries, now) {
            return;
        }
        match remote.load(&mut discovered).await {
            Ok((fetched, max_age_seconds)) => self.accept(fetched, now + max_age_seconds),
            Err(error) => self.note_failure(&error),
        }
    }

    fn begin(&self, cause: Cause, tries: u64, now: i64) -> bool {
        self.current.send_if_modified(|loaded| {
            let may_begin = loaded.tries == tries && loaded.may_fetch(cause, now);
            if may_begin {
                loaded.is_fetching = true;
                loaded.tried_at = Some(now);
                // The first fetch is owed anyway: a key that appears after it may be asked for.
                if cause == Cause::UnknownKey && loaded.due_at.is_some() {
                    loaded.asked_at = Some(now);
                }
            }
            may_begin
        })
    }

    fn accept(&self, mut keys: KeySet, due_at: i64) {
        keys.extend(self.secrets.clone());
        self.current.send_modify(|loaded| {
            if loaded.is_failing {
                tracing::info!("the issuer's keys are fetched again");
            }
            loaded.keys = Arc::new(keys);
            loaded.due_at = Some(due_at);
            loaded.tries += 1;
            loaded.is_fetching = false;
            loaded.is_failing = false;
        });
    }

    /// The keys that we have stay: an issuer that is down must not take all services with it.
    fn note_failure(&self, error: &LoadKeysError) {
        self.current.send_modify(|loaded| {
            if !loaded.is_failing {
                let error: &(dyn std::error::Error + 'static) = error;
                tracing::warn!(error, "the issuer's keys cannot be fetched");
            }
            loaded.tries += 1;
            loaded.is_fetching = false;
            loaded.is_failing = true;
        });
    }
}

impl Loaded {
    fn is_due(&self, now: i64) -> bool {
        self.due_at.is_none_or(|due_at| now >= due_at)
    }

    fn may_fetch(&self, cause: Cause, now: i64) -> bool {
        match cause {
            _ if self.due_at.is_none() => {
                is_longer_ago(self.tried_at, FIRST_KEYS_PAUSE_SECONDS, now)
            }
            Cause::Due => self.is_due(now),
            Cause::UnknownKey => is_longer_ago(self.asked_at, UNKNOWN_KEY_PAUSE_SECONDS, now),
        }
    }
}

/// Also true for a moment that lies in the future: somebody has set the clock back.
fn is_longer_ago(moment: Option<i64>, seconds: u64, now: i64) -> bool {
    moment.is_none_or(|moment| now.abs_diff(moment) >= seconds)
}

impl Remote {
    /// Returns the keys and their greatest age in seconds.
    async fn load(&self, discovered: &mut Option<Url>) -> Result<(KeySet, i64), LoadKeysError> {
        // Remembered only as long as it serves: the issuer may move its keys.
        let url = match (&self.source, discovered.take()) {
            (KeySource::Url(url), _) => url.clone(),
            (KeySource::Discovery { .. }, Some(url)) => url,
            (KeySource::Discovery { document, issuer }, None) => {
                self.discover(document, issuer).await?
            }
        };
        let document = self.get(&url).await.map_err(LoadKeysError::KeySet)?;
        let keys = KeySet::parse(&document.body).map_err(LoadKeysError::Parse)?;
        *discovered = Some(url);
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

    #[test]
    fn a_clock_that_is_set_back_does_not_stop_fetching() {
        assert!(is_longer_ago(None, 10, 0));
        assert!(!is_longer_ago(Some(100), 10, 109));
        assert!(is_longer_ago(Some(100), 10, 110));
        assert!(is_longer_ago(Some(100), 10, 50));
    }
}
