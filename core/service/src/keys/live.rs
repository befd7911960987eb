use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use contracts::RemoteSigner;
use domain::Timestamp;
use serde::Serialize;
use tokio::sync::Mutex;

use super::given::{Given, SigningSource};
use super::keeper::Keeper;
use super::{KeyRingError, KeyTable};
use crate::failure::Failure;

/// How long an unknown key has to wait for the ring to be read again, lest forged tokens make us
/// read it for each of them.
const UNKNOWN_KEY_PAUSE: Duration = Duration::from_secs(10);

/// How long a change of the ring that failed is not tried again: nothing of it is urgent, and an
/// instance may lack the right to it.
const REFUSED_PAUSE: Duration = Duration::from_mins(10);

/// The keys of a running instance: read again and again, so that they rotate without a restart.
pub(crate) struct LiveKeys {
    keeper: Keeper,
    source: SigningSource,
    remote: Arc<dyn RemoteSigner>,
    table: RwLock<Arc<KeyTable>>,
    /// Held while the ring is read, so that one reads for all.
    reading: Mutex<Reading>,
}

#[derive(Default)]
struct Reading {
    /// What was given when it was last read.
    given: Option<Given>,
    /// When the ring was last read for an unknown key.
    asked_at: Option<Timestamp>,
    /// When the ring could not be changed.
    refused_at: Option<Timestamp>,
}

/// What became of reading the keys again.
#[derive(Debug)]
pub enum KeysReloaded {
    /// All is as it should be.
    Fine,
    /// Another key shall sign than the settings of this instance say: another instance was started
    /// with other settings, or this one with old ones.
    Overruled,
    /// The ring was read; what was given was not, or the ring could not be changed. What was read
    /// before is used on.
    Partly(KeyRingError),
}

impl LiveKeys {
    pub(super) const fn new(
        keeper: Keeper,
        source: SigningSource,
        remote: Arc<dyn RemoteSigner>,
        table: Arc<KeyTable>,
        given: Option<Given>,
    ) -> Self {
        let reading = Mutex::const_new(Reading { given, asked_at: None, refused_at: None });
        Self { keeper, source, remote, table: RwLock::new(table), reading }
    }

    /// Reads the ring, after seeing to it that what was given signs.
    pub(crate) async fn open(
        keeper: Keeper,
        source: SigningSource,
        remote: Arc<dyn RemoteSigner>,
        now: Timestamp,
    ) -> Result<Self, KeyRingError> {
        let given = source.read(&*remote).await?;
        let ring = keeper.fit(&given, now).await?;
        let table = Arc::new(KeyTable::parse(ring, Some(&given), now)?);
        Ok(Self::new(keeper, source, remote, table, Some(given)))
    }

    /// The keys as they are kept, whether or not one signs: changes nothing.
    pub(crate) async fn kept(
        keeper: Keeper,
        source: SigningSource,
        remote: Arc<dyn RemoteSigner>,
        now: Timestamp,
    ) -> Result<Self, KeyRingError> {
        let given = source.read(&*remote).await?;
        let ring = keeper.read().await?.ring;
        let table = Arc::new(KeyTable::parse(ring, Some(&given), now)?);
        Ok(Self::new(keeper, source, remote, table, Some(given)))
    }

    /// No keys, until they are read.
    pub(crate) fn none(
        keeper: Keeper,
        source: SigningSource,
        remote: Arc<dyn RemoteSigner>,
    ) -> Self {
        Self::new(keeper, source, remote, Arc::new(KeyTable::none()), None)
    }

    pub(crate) fn table(&self) -> Arc<KeyTable> {
        Arc::clone(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) async fn sign(
        &self,
        typ: &str,
        claims: &impl Serialize,
        now: Timestamp,
    ) -> Result<String, Failure> {
        self.table().sign(typ, claims, now, &*self.remote).await
    }

    pub(super) const fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    pub(super) const fn source(&self) -> &SigningSource {
        &self.source
    }

    /// Reads what was given and the ring again, and rotates what is due.
    ///
    /// An instance that may not write the ring follows it none the less.
    pub(crate) async fn reload(&self, now: Timestamp) -> Result<KeysReloaded, KeyRingError> {
        let mut reading = self.reading.lock().await;
        let mut trouble = None;
        match self.source.read(&*self.remote).await {
            Ok(given) => {
                if reading.given.as_ref().is_none_or(|known| !given.is_same(known)) {
                    trouble = self.keeper.fit(&given, now).await.err();
                }
                // What could not be made to sign is tried again.
                if trouble.is_none() {
                    reading.given = Some(given);
                }
            }
            Err(error) => trouble = Some(error),
        }
        let is_resting = |at: Timestamp| at <= now && now.since(at) < REFUSED_PAUSE;
        if trouble.is_none() && !reading.refused_at.is_some_and(is_resting) {
            trouble = self.keeper.maintain(now).await.err();
            reading.refused_at = trouble.as_ref().map(|_| now);
        }
        let ring = self.keeper.read().await?.ring;
        let given = reading.given.as_ref();
        let is_followed =
            given.is_none_or(|given| ring.last_key().is_some_and(|key| given.wants(key)));
        self.replace_table(KeyTable::parse(ring, given, now)?);
        Ok(match trouble {
            Some(error) => KeysReloaded::Partly(error),
            None if is_followed => KeysReloaded::Fine,
            None => KeysReloaded::Overruled,
        })
    }

    /// Reads the ring because a token names a key that is not in it, unless that was done a moment
    /// ago. Returns whether there is anything new.
    pub(crate) async fn reload_for_unknown_key(
        &self,
        seen: &Arc<KeyTable>,
        now: Timestamp,
    ) -> Result<bool, KeyRingError> {
        let mut reading = self.reading.lock().await;
        if !Arc::ptr_eq(seen, &self.table()) {
            return Ok(true);
        }
        let is_too_soon =
            |asked_at: Timestamp| asked_at <= now && now.since(asked_at) < UNKNOWN_KEY_PAUSE;
        if reading.asked_at.is_some_and(is_too_soon) {
            return Ok(false);
        }
        reading.asked_at = Some(now);
        let ring = self.keeper.read().await?.ring;
        self.replace_table(KeyTable::parse(ring, reading.given.as_ref(), now)?);
        Ok(true)
    }

    fn replace_table(&self, table: KeyTable) {
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
    }
}
