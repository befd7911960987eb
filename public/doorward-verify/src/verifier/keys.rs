use std::sync::Arc;

use thiserror::Error;
use tokio::sync::{Mutex, watch};

use super::detached;
use super::published::{LoadKeysError, PublishedKeys};
use super::shared::{ReadSecretsError, SharedSecrets};
use crate::error::VerifyError;
use crate::jws::MissingKey;
use crate::key_set::KeySet;

/// Seconds between two readings for keys that we do not know, lest forged tokens make us flood the
/// issuer, or whoever keeps the secrets.
const UNKNOWN_KEY_PAUSE_SECONDS: u64 = 10;

/// Seconds between two tries while there are no keys at all.
const FIRST_KEYS_PAUSE_SECONDS: u64 = 1;

/// Seconds without a try after which we take it that no background task runs: the process was
/// frozen, or there is none.
const NEGLECTED_AFTER_SECONDS: i64 = 30;

/// All keys that verify, each read again in time where it comes from.
pub(super) struct Keys {
    /// Given once and for all.
    fixed: KeySet,
    published: Option<Mutex<PublishedKeys>>,
    secrets: Option<Mutex<SharedSecrets>>,
    current: watch::Sender<Loaded>,
}

/// What requests see.
#[derive(Default)]
struct Loaded {
    /// All of them, wherever they come from.
    keys: Arc<KeySet>,
    published: Part,
    secrets: Part,
}

/// The keys of one origin, and how the reading of them goes. Their locks are held during a reading,
/// so that there is one at a time.
#[derive(Default)]
struct Part {
    keys: KeySet,
    progress: Progress,
}

#[derive(Clone, Copy, Default)]
struct Progress {
    /// When the keys are to be read again; `None` before they were read at all.
    due_at: Option<i64>,
    /// When a reading last began, and when one for an unknown key did.
    tried_at: Option<i64>,
    asked_at: Option<i64>,
    /// How many readings have ended.
    tries: u64,
    is_reading: bool,
    is_failing: bool,
}

/// Where keys come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Published,
    Secrets,
}

/// What a reading is wanted for; it decides how soon after another it may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    Due,
    UnknownKey,
}

/// A reading that somebody wants.
#[derive(Clone, Copy)]
struct Want {
    origin: Origin,
    cause: Cause,
    /// How many readings had ended when the want arose: one more will have met it.
    tries: u64,
    now: i64,
}

/// What a reading has brought.
struct Reading {
    /// `None` if those that we have stay.
    keys: Option<KeySet>,
    /// The greatest age in seconds, if all went well.
    outcome: Result<i64, ReadingError>,
}

#[derive(Debug, Error)]
enum ReadingError {
    #[error(transparent)]
    Published(#[from] LoadKeysError),
    #[error(transparent)]
    Secrets(#[from] ReadSecretsError),
}

impl Keys {
    pub(super) fn new(
        fixed: KeySet,
        published: Option<PublishedKeys>,
        secrets: Option<SharedSecrets>,
    ) -> Self {
        let loaded = Loaded { keys: Arc::new(fixed.clone()), ..Loaded::default() };
        Self {
            fixed,
            published: published.map(Mutex::new),
            secrets: secrets.map(Mutex::new),
            current: watch::Sender::new(loaded),
        }
    }

    pub(super) fn current(&self) -> Arc<KeySet> {
        Arc::clone(&self.current.borrow().keys)
    }

    /// Runs `check` of `token` with the keys at hand; if it misses one, reads them again where it
    /// may be found, and runs it once more.
    pub(super) async fn check<T>(
        self: &Arc<Self>,
        token: &str,
        now: i64,
        check: impl Fn(&KeySet) -> Result<T, VerifyError>,
    ) -> Result<T, VerifyError> {
        self.read_neglected(now).await;
        let (keys, before) = self.at_hand();
        let error = match check(&keys) {
            Ok(checked) => return Ok(checked),
            Err(error) => error,
        };
        let Some(origin) = self.origin_of_missing(token, &error, &keys) else { return Err(error) };
        let tries = before.of(origin).tries;
        self.read(Want { origin, cause: Cause::UnknownKey, tries, now }).await;

        let (keys, after) = self.at_hand();
        check(&keys).map_err(|error| {
            let is_missing = self.origin_of_missing(token, &error, &keys).is_some();
            // The key may be among those that we could not read: that is no refusal.
            let is_failure = is_missing && after.of(origin).is_failing;
            if is_failure { VerifyError::KeysUnavailable } else { error }
        })
    }

    /// Reads again what has reached its age.
    pub(super) async fn refresh_if_due(self: &Arc<Self>, now: i64) {
        self.read_all(now, |progress| progress.is_due(now)).await;
    }

    /// Reads what is so long overdue that nobody else will.
    async fn read_neglected(self: &Arc<Self>, now: i64) {
        self.read_all(now, |progress| progress.is_neglected(now)).await;
    }

    /// Side by side, so that one origin that is slow does not delay the other.
    async fn read_all(self: &Arc<Self>, now: i64, is_wanted: impl Fn(&Progress) -> bool) {
        let want = |origin| {
            let progress = self.progress().of(origin);
            let is_wanted = self.has(origin) && is_wanted(&progress);
            is_wanted.then_some(Want { origin, cause: Cause::Due, tries: progress.tries, now })
        };
        let read = async |want: Option<Want>| {
            if let Some(want) = want {
                self.read(want).await;
            }
        };
        tokio::join!(read(want(Origin::Published)), read(want(Origin::Secrets)));
    }

    fn origin_of_missing(&self, token: &str, error: &VerifyError, keys: &KeySet) -> Option<Origin> {
        let origin = match MissingKey::of(token, error, keys)? {
            MissingKey::Public => Origin::Published,
            MissingKey::Secret => Origin::Secrets,
        };
        self.has(origin).then_some(origin)
    }

    const fn has(&self, origin: Origin) -> bool {
        match origin {
            Origin::Published => self.published.is_some(),
            Origin::Secrets => self.secrets.is_some(),
        }
    }

    fn at_hand(&self) -> (Arc<KeySet>, Progresses) {
        let loaded = self.current.borrow();
        (Arc::clone(&loaded.keys), loaded.progress())
    }

    fn progress(&self) -> Progresses {
        self.current.borrow().progress()
    }

    /// Reads, or waits for the reading that is under way, unless one has ended since the want
    /// arose.
    async fn read(self: &Arc<Self>, want: Want) {
        let progress = self.progress().of(want.origin);
        if progress.is_reading || progress.may_read(want.cause, want.now) {
            detached(self, |keys| async move { keys.read_once(want).await }).await;
        }
    }

    async fn read_once(&self, want: Want) {
        match want.origin {
            Origin::Published => {
                let Some(published) = &self.published else { return };
                let mut published = published.lock().await;
                if self.begin(want) {
                    let (keys, outcome) = match published.load().await {
                        Ok((keys, age_seconds)) => (Some(keys), Ok(age_seconds)),
                        // An issuer that is down must not take all services with it.
                        Err(error) => (None, Err(error.into())),
                    };
                    self.settle(want, Reading { keys, outcome });
                }
            }
            Origin::Secrets => {
                let Some(secrets) = &self.secrets else { return };
                let mut secrets = secrets.lock().await;
                if self.begin(want) {
                    let outcome = secrets.load(want.now).await.map_err(ReadingError::from);
                    self.settle(want, Reading { keys: Some(secrets.keys()), outcome });
                }
            }
        }
    }

    fn begin(&self, want: Want) -> bool {
        self.current.send_if_modified(|loaded| {
            let progress = &mut loaded.part(want.origin).progress;
            let may_begin = progress.tries == want.tries && progress.may_read(want.cause, want.now);
            if may_begin {
                progress.begin(want);
            }
            may_begin
        })
    }

    fn settle(&self, want: Want, reading: Reading) {
        self.current.send_modify(|loaded| {
            let part = loaded.part(want.origin);
            part.progress.end(want, &reading.outcome);
            if let Some(keys) = reading.keys {
                part.keys = keys;
                loaded.merge(&self.fixed);
            }
        });
    }
}

/// How the readings of all origins go.
#[derive(Clone, Copy)]
struct Progresses {
    published: Progress,
    secrets: Progress,
}

impl Progresses {
    const fn of(&self, origin: Origin) -> Progress {
        match origin {
            Origin::Published => self.published,
            Origin::Secrets => self.secrets,
        }
    }
}

impl Loaded {
    const fn part(&mut self, origin: Origin) -> &mut Part {
        match origin {
            Origin::Published => &mut self.published,
            Origin::Secrets => &mut self.secrets,
        }
    }

    const fn progress(&self) -> Progresses {
        Progresses { published: self.published.progress, secrets: self.secrets.progress }
    }

    fn merge(&mut self, fixed: &KeySet) {
        let mut keys = self.published.keys.clone();
        keys.extend(self.secrets.keys.clone());
        keys.extend(fixed.clone());
        self.keys = Arc::new(keys);
    }
}

impl Progress {
    const fn begin(&mut self, want: Want) {
        self.is_reading = true;
        self.tried_at = Some(want.now);
        // The first reading is owed anyway: a key that appears after it may be asked for.
        if matches!(want.cause, Cause::UnknownKey) && self.due_at.is_some() {
            self.asked_at = Some(want.now);
        }
    }

    fn end(&mut self, want: Want, outcome: &Result<i64, ReadingError>) {
        match outcome {
            Ok(age_seconds) => {
                self.due_at = Some(want.now + age_seconds);
                if self.is_failing {
                    note_recovery(want.origin);
                }
            }
            // Once, however long it fails.
            Err(error) if !self.is_failing => note_failure(want.origin, error),
            Err(_) => {}
        }
        self.tries += 1;
        self.is_reading = false;
        self.is_failing = outcome.is_err();
    }

    fn is_due(&self, now: i64) -> bool {
        self.due_at.is_none_or(|due_at| now >= due_at)
    }

    fn is_neglected(&self, now: i64) -> bool {
        self.due_at.is_some_and(|due_at| now >= due_at + NEGLECTED_AFTER_SECONDS)
            && is_longer_ago(self.tried_at, NEGLECTED_AFTER_SECONDS.unsigned_abs(), now)
    }

    fn may_read(&self, cause: Cause, now: i64) -> bool {
        match cause {
            _ if self.due_at.is_none() => {
                is_longer_ago(self.tried_at, FIRST_KEYS_PAUSE_SECONDS, now)
            }
            Cause::Due => self.is_due(now),
            Cause::UnknownKey => is_longer_ago(self.asked_at, UNKNOWN_KEY_PAUSE_SECONDS, now),
        }
    }
}

fn note_failure(origin: Origin, error: &ReadingError) {
    let error: &(dyn std::error::Error + 'static) = error;
    match origin {
        Origin::Published => tracing::warn!(error, "the issuer's keys cannot be fetched"),
        Origin::Secrets => tracing::warn!(error, "the shared secrets cannot be read"),
    }
}

fn note_recovery(origin: Origin) {
    match origin {
        Origin::Published => tracing::info!("the issuer's keys are fetched again"),
        Origin::Secrets => tracing::info!("the shared secrets are read again"),
    }
}

/// Also true for a moment that lies in the future: somebody has set the clock back.
fn is_longer_ago(moment: Option<i64>, seconds: u64, now: i64) -> bool {
    moment.is_none_or(|moment| now.abs_diff(moment) >= seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_does_not_stop_fetching() {
        assert!(is_longer_ago(None, 10, 0));
        assert!(!is_longer_ago(Some(100), 10, 109));
        assert!(is_longer_ago(Some(100), 10, 110));
        assert!(is_longer_ago(Some(100), 10, 50));
    }
}
