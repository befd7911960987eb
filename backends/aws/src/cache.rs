//! Secrets that were read, kept for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contracts::{Clock, Entropy};
use domain::Timestamp;
use secrecy::SecretString;
use tokio::sync::watch;

use crate::clients::AwsClients;
use crate::failure::Failure;
use crate::fetch::{Found, Place, fetch};

/// How long what was read is answered without asking again, at least. At most it is
/// [`FRESH_SPREAD`] longer: instances that start together must not ask together for ever.
const FRESH_MIN: Duration = Duration::from_secs(270);
const FRESH_SPREAD: Duration = Duration::from_mins(1);
/// How long what was read last is answered while it cannot be read again.
const STALE_MAX: Duration = Duration::from_hours(1);
/// Between two requests for one secret. Meanwhile everyone gets what the last one brought.
const PAUSE: Duration = Duration::from_secs(1);

/// Which answer will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The one that is kept, while it is fresh.
    Kept,
    /// One that is newer than what the caller got before.
    New,
}

/// What was read from each place.
pub(crate) struct Cache {
    clients: AwsClients,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    entries: Mutex<HashMap<Place, Arc<Entry>>>,
}

/// One place. At most one request for it is under way.
#[derive(Default)]
struct Entry(Mutex<State>);

#[derive(Default)]
struct State {
    kept: Option<Kept>,
    /// Why nothing is kept, unless nothing was there.
    failure: Option<Failure>,
    /// When the last request ended.
    answered_at: Option<Timestamp>,
    /// What the request that is under way will bring.
    awaited: Option<watch::Receiver<Option<Found>>>,
}

struct Kept {
    secret: SecretString,
    read_at: Timestamp,
    fresh_for: Duration,
}

impl Cache {
    pub(crate) fn new(
        clients: AwsClients,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { clients, clock, entropy, entries: Mutex::default() }
    }

    /// The secret that is kept there.
    pub(crate) async fn read(self: &Arc<Self>, place: &Place, wanted: Wanted) -> Found {
        let entry = self.entry(place);
        let mut awaited = {
            let mut state = entry.state();
            if let Some(found) = state.answer(self.clock.now(), wanted) {
                return found;
            }
            state.under_way().unwrap_or_else(|| self.ask(place, &entry, &mut state))
        };
        let answer = awaited.wait_for(Option::is_some).await.ok().and_then(|found| found.clone());
        answer.unwrap_or_else(|| Err(Failure::new("the reading ended early")))
    }

    fn entry(&self, place: &Place) -> Arc<Entry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(entries.entry(place.clone()).or_default())
    }

    /// Begins a request. It goes on although its callers give up, so that the next find its answer.
    fn ask(
        self: &Arc<Self>,
        place: &Place,
        entry: &Arc<Entry>,
        state: &mut State,
    ) -> watch::Receiver<Option<Found>> {
        let (sender, awaited) = watch::channel(None);
        state.awaited = Some(awaited.clone());
        let (this, place, entry) = (Arc::clone(self), place.clone(), Arc::clone(entry));
        tokio::spawn(async move {
            let asked_at = this.clock.now();
            let found = fetch(&this.clients, &place).await;
            let found = entry.state().settle(&this, &place, asked_at, found);
            // Nobody may be waiting any more.
            let _ = sender.send(Some(found));
        });
        awaited
    }

    fn jittered(&self) -> Duration {
        let share = u32::from(u16::from_be_bytes(self.entropy.bytes()));
        FRESH_MIN + FRESH_SPREAD * share / u32::from(u16::MAX)
    }
}

impl Entry {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What can be answered without a request.
    fn answer(&self, now: Timestamp, wanted: Wanted) -> Option<Found> {
        let is_pausing = self.answered_at.is_some_and(|at| is_within(at, PAUSE, now));
        let is_fresh = self.kept.as_ref().is_some_and(|kept| kept.is_fresh(now));
        let is_enough = is_pausing || (wanted == Wanted::Kept && is_fresh);
        is_enough.then(|| self.last())
    }

    /// What the last request led to.
    fn last(&self) -> Found {
        match (&self.kept, &self.failure) {
            (Some(kept), _) => Ok(Some(kept.secret.clone())),
            (None, Some(failure)) => Err(failure.clone()),
            (None, None) => Ok(None),
        }
    }

    fn under_way(&self) -> Option<watch::Receiver<Option<Found>>> {
        // An error says that its task is gone, which then was cancelled with its runtime.
        self.awaited.clone().filter(|awaited| awaited.has_changed().is_ok())
    }

    /// Keeps what a request brought, and says what its callers get.
    fn settle(&mut self, cache: &Cache, place: &Place, asked_at: Timestamp, found: Found) -> Found {
        let now = cache.clock.now();
        (self.awaited, self.answered_at, self.failure) = (None, Some(now), None);
        match found {
            Ok(Some(secret)) => {
                let fresh_for = cache.jittered();
                self.kept = Some(Kept { secret, read_at: asked_at, fresh_for });
            }
            // Whoever removed it means it.
            Ok(None) => self.kept = None,
            Err(failure) if self.kept.as_ref().is_some_and(|kept| kept.is_usable(now)) => {
                tracing::warn!(?place, error = %failure, "a secret could not be read again");
            }
            Err(failure) => (self.kept, self.failure) = (None, Some(failure)),
        }
        self.last()
    }
}

impl Kept {
    fn is_fresh(&self, now: Timestamp) -> bool {
        is_within(self.read_at, self.fresh_for, now)
    }

    fn is_usable(&self, now: Timestamp) -> bool {
        is_within(self.read_at, STALE_MAX, now)
    }
}

/// Whether less than `duration` has passed since `start`. Of a clock that was set back nobody knows
/// how much has.
fn is_within(start: Timestamp, duration: Duration, now: Timestamp) -> bool {
    start <= now && now < start.plus(duration)
}
