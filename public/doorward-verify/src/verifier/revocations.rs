use std::sync::Arc;

use doorward_claims::AccessClaims;
use reqwest::Url;
use reqwest::header::HeaderValue;
use thiserror::Error;
use tokio::sync::{Mutex, watch};

use super::detached;
use super::fetcher::{Document, FetchError, Fetched, Fetcher, Wanted};
use super::keys::Keys;
use crate::error::VerifyError;
use crate::jws::TokenForm;
use crate::revocation_index::RevocationIndex;
use crate::tokens::{Policy, verify_revocations};

/// Seconds between two polls that requests cause.
const POLL_PAUSE_SECONDS: u64 = 5;

/// Seconds without a poll after which we take it that no background task runs: the process was
/// frozen, or there is none.
const NEGLECTED_AFTER_SECONDS: u64 = 30;

/// What a service does about sessions that end before their tokens do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocations {
    /// Nothing: an ended session is good until its token expires, 15 minutes by default.
    Off,
    /// Follows the issuer's list. While it cannot be had, the last one is applied and others are
    /// let in: for services that must stay up when the issuer is down.
    FailOpen,
    /// Follows the issuer's list. While it cannot be had, nobody is let in: for services where an
    /// ended session would do harm.
    FailClosed,
}

/// The issuer's list of ended sessions, followed.
pub(super) struct RevocationList {
    fetcher: Fetcher,
    url: Url,
    policy: Arc<Policy>,
    keys: Arc<Keys>,
    mode: Revocations,
    /// Held during a poll, so that there is one at a time. Keeps the name of the version we have.
    flight: Mutex<Option<HeaderValue>>,
    current: watch::Sender<Followed>,
}

/// What requests see.
#[derive(Clone, Default)]
struct Followed {
    list: Option<Arc<RevocationIndex>>,
    /// When a poll last ended.
    polled_at: Option<i64>,
    is_failing: bool,
}

/// Why the list could not be had. Each of these means: unreachable.
#[derive(Debug, Error)]
enum LoadRevocationsError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("the list is not text")]
    NotText,
    #[error("the list is refused")]
    Refused(#[source] VerifyError),
    #[error("the list has number {got}, but number {had} has been seen")]
    Older { got: u64, had: u64 },
    #[error("the list has not changed, but has expired")]
    Expired,
}

/// Where the list is and how it is used.
pub(super) struct Following {
    pub(super) fetcher: Fetcher,
    pub(super) url: Url,
    pub(super) mode: Revocations,
}

impl RevocationList {
    pub(super) fn new(following: Following, policy: Arc<Policy>, keys: Arc<Keys>) -> Self {
        let Following { fetcher, url, mode } = following;
        let flight = Mutex::new(None);
        let current = watch::Sender::new(Followed::default());
        Self { fetcher, url, policy, keys, mode, flight, current }
    }

    /// Refuses claims whose session has ended, and, if the service wants it so, all claims while
    /// nobody can say.
    pub(super) async fn check(
        self: &Arc<Self>,
        claims: &AccessClaims,
        now: i64,
    ) -> Result<(), VerifyError> {
        if self.is_worth_waiting(now) {
            detached(self, |list| async move { list.poll_unless_recent(now).await }).await;
        }
        let followed = self.current.borrow().clone();
        // An expired list still tells the truth about those that are on it.
        if followed.list.as_ref().is_some_and(|list| list.is_revoked(claims)) {
            return Err(VerifyError::Revoked);
        }
        if self.mode == Revocations::FailClosed && !self.is_valid(&followed, now) {
            return Err(VerifyError::RevocationsUnavailable);
        }
        Ok(())
    }

    /// Fetches the list if there is a new one.
    pub(super) async fn poll(&self, now: i64) {
        let mut etag = self.flight.lock().await;
        self.poll_aboard(&mut etag, now).await;
    }

    async fn poll_unless_recent(&self, now: i64) {
        let mut etag = self.flight.lock().await;
        let polled_at = self.current.borrow().polled_at;
        if polled_at.is_none_or(|at| now.abs_diff(at) >= POLL_PAUSE_SECONDS) {
            self.poll_aboard(&mut etag, now).await;
        }
    }

    async fn poll_aboard(&self, known_etag: &mut Option<HeaderValue>, now: i64) {
        let outcome = self.load(known_etag, now).await;
        self.current.send_modify(|followed| {
            followed.polled_at = Some(now);
            match outcome {
                Ok(list) => followed.accept(list),
                Err(error) => followed.note_failure(&error),
            }
        });
    }

    /// Whether a request should wait for a poll: for the first always, later only if nobody polls
    /// in the background, or if the list is invalid and nobody is let in without one.
    fn is_worth_waiting(&self, now: i64) -> bool {
        let followed = self.current.borrow();
        let Some(polled_at) = followed.polled_at else { return true };
        let is_neglected = now.abs_diff(polled_at) >= NEGLECTED_AFTER_SECONDS;
        is_neglected || (self.mode == Revocations::FailClosed && !self.is_valid(&followed, now))
    }

    fn is_valid(&self, followed: &Followed, now: i64) -> bool {
        let list = followed.list.as_ref();
        list.is_some_and(|list| !self.policy.has_passed(list.expires_at(), now))
    }

    /// Returns `None` if the list that we have is still the issuer's.
    async fn load(
        &self,
        known_etag: &mut Option<HeaderValue>,
        now: i64,
    ) -> Result<Option<RevocationIndex>, LoadRevocationsError> {
        let wanted = Wanted {
            url: &self.url,
            bytes_max: TokenForm::REVOCATIONS.bytes_max,
            etag: known_etag.as_ref(),
        };
        match self.fetcher.get(wanted).await? {
            Fetched::New(Document { body, etag, .. }) => {
                let list = self.read(&body, now).await?;
                *known_etag = etag;
                Ok(Some(list))
            }
            // The server changes the tag when it signs anew, so an expired list with the same tag
            // is a server or a cache that has stopped.
            Fetched::Unchanged if !self.is_valid(&self.current.borrow(), now) => {
                Err(LoadRevocationsError::Expired)
            }
            Fetched::Unchanged => Ok(None),
        }
    }

    async fn read(&self, body: &[u8], now: i64) -> Result<RevocationIndex, LoadRevocationsError> {
        let token = std::str::from_utf8(body).map_err(|_| LoadRevocationsError::NotText)?.trim();
        let claims = self
            .keys
            .check(token, now, |keys| verify_revocations(token, keys, &self.policy, now))
            .await
            .map_err(LoadRevocationsError::Refused)?;
        // Else whoever can answer in the issuer's place could bring an ended session back.
        let had = self.current.borrow().list.as_ref().map_or(0, |list| list.seq());
        if claims.seq < had {
            return Err(LoadRevocationsError::Older { got: claims.seq, had });
        }
        Ok(RevocationIndex::from(claims))
    }
}

impl Followed {
    fn accept(&mut self, list: Option<RevocationIndex>) {
        if self.is_failing {
            tracing::info!("the issuer's revocations are followed again");
        }
        self.is_failing = false;
        if let Some(list) = list {
            self.list = Some(Arc::new(list));
        }
    }

    fn note_failure(&mut self, error: &LoadRevocationsError) {
        if !self.is_failing {
            let error: &(dyn std::error::Error + 'static) = error;
            tracing::warn!(error, "the issuer's revocations cannot be followed");
        }
        self.is_failing = true;
    }
}
