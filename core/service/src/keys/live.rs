use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use contracts::{Freshness, RemoteSigner};
use domain::{KeyMaterial, Timestamp};
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
    current: RwLock<Current>,
    /// Held while the ring is read and kept up, so that one does it for all.
    upkeep: Mutex<Upkeep>,
    /// Held while the ring is read because of an unknown key. Apart from the other, which may take
    /// long: anybody can send tokens under unknown keys.
    asking: Mutex<Option<Asked>>,
}

/// What requests see.
#[derive(Clone)]
struct Current {
    table: Arc<KeyTable>,
    /// What was given when it was last read.
    given: Option<Arc<Given>>,
}

#[derive(Default)]
struct Upkeep {
    /// What the ring was last made to fit.
    fitted: Option<Arc<Given>>,
    /// When the ring could not be changed.
    refused_at: Option<Timestamp>,
}

/// When the ring was last read for an unknown key, and whether it could be.
#[derive(Clone, Copy)]
struct Asked {
    at: Timestamp,
    was_read: bool,
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
    fn new(
        keeper: Keeper,
        source: SigningSource,
        remote: Arc<dyn RemoteSigner>,
        current: Current,
    ) -> Self {
        let upkeep = Mutex::new(Upkeep::default());
        let (current, asking) = (RwLock::new(current), Mutex::new(None));
        Self { keeper, source, remote, current, upkeep, asking }
    }

    /// Reads the ring, after seeing to it that what was given signs.
    pub(crate) async fn open(
        keeper: Keeper,
        source: SigningSource,
        remote: Arc<dyn RemoteSigner>,
        now: Timestamp,
    ) -> Result<Self, KeyRingError> {
        let (ring, given) = match source.read(&*remote, Freshness::Kept).await {
            Ok(given) => (keeper.fit(&given, now).await?, Some(Arc::new(given))),
            Err(error) => {
                // A key that is kept elsewhere and already signs need not be looked up again.
                let ring = keeper.read().await?.ring;
                let signing = ring.signing_key(now);
                match signing.map(|key| &key.material) {
                    Some(KeyMaterial::Remote { .. }) => (ring, None),
                    _ => return Err(error),
                }
            }
        };
        let table = Arc::new(KeyTable::parse(ring, given.as_deref(), now)?);
        let keys = Self::new(keeper, source, remote, Current { table, given: given.clone() });
        keys.upkeep.lock().await.fitted = given;
        Ok(keys)
    }

    /// The keys as they are kept, whether or not one signs: changes nothing.
    pub(crate) async fn kept(
        keeper: Keeper,
        source: SigningSource,
        remote: Arc<dyn RemoteSigner>,
        now: Timestamp,
    ) -> Result<Self, KeyRingError> {
        let given = source.read(&*remote, Freshness::Kept).await?;
        let ring = keeper.read().await?.ring;
        let table = Arc::new(KeyTable::parse(ring, Some(&given), now)?);
        Ok(Self::new(keeper, source, remote, Current { table, given: Some(Arc::new(given)) }))
    }

    /// No keys, until they are read.
    pub(crate) fn none(
        keeper: Keeper,
        source: SigningSource,
        remote: Arc<dyn RemoteSigner>,
    ) -> Self {
        let current = Current { table: Arc::new(KeyTable::none()), given: None };
        Self::new(keeper, source, remote, current)
    }

    pub(crate) fn table(&self) -> Arc<KeyTable> {
        self.current().table
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

    pub(super) async fn read_given(&self) -> Result<Given, KeyRingError> {
        self.source.read(&*self.remote, Freshness::Kept).await
    }

    /// Reads what was given and the ring again, and rotates what is due.
    ///
    /// An instance that may not write the ring follows it none the less.
    pub(crate) async fn reload(&self, now: Timestamp) -> Result<KeysReloaded, KeyRingError> {
        let mut upkeep = self.upkeep.lock().await;
        let mut trouble = None;
        let given = match self.read_given().await {
            Ok(given) => Some(Arc::new(given)),
            Err(error) => {
                trouble = Some(error);
                self.current().given
            }
        };
        let mut ring = None;
        if let Some(given) = given.as_ref().filter(|given| !upkeep.has_fitted(given)) {
            match self.keeper.fit(given, now).await {
                Ok(fitted) => {
                    ring = Some(fitted);
                    upkeep.fitted = Some(Arc::clone(given));
                }
                Err(error) => trouble = Some(error),
            }
        }
        if !upkeep.is_resting(now) {
            match self.keeper.maintain(now).await {
                Ok(maintained) => ring = Some(maintained),
                Err(error) => {
                    upkeep.refused_at = Some(now);
                    trouble = Some(error);
                }
            }
        }
        let ring = match ring {
            Some(ring) => ring,
            None => self.keeper.read().await?.ring,
        };
        let is_wanted = |given: &Arc<Given>| ring.last_key().is_some_and(|key| given.wants(key));
        let is_followed = given.as_ref().is_none_or(is_wanted);
        let table = Arc::new(KeyTable::parse(ring, given.as_deref(), now)?);
        self.replace(Current { table, given });
        Ok(match trouble {
            Some(error) => KeysReloaded::Partly(error),
            None if is_followed => KeysReloaded::Fine,
            None => KeysReloaded::Overruled,
        })
    }

    /// Reads ring and secrets because a token names a key that is in neither, unless that was done
    /// a moment ago. Returns whether there may be anything new.
    pub(crate) async fn reload_for_unknown_key(
        &self,
        seen: &Arc<KeyTable>,
        now: Timestamp,
    ) -> Result<bool, KeyRingError> {
        let mut asking = self.asking.lock().await;
        if !Arc::ptr_eq(seen, &self.table()) {
            return Ok(true);
        }
        match *asking {
            Some(asked) if asked.is_recent(now) && asked.was_read => return Ok(false),
            // It may be in what could not be read: that is no refusal.
            Some(asked) if asked.is_recent(now) => return Err(KeyRingError::Unreadable),
            _ => {}
        }
        let read = self.read_anew(now).await;
        *asking = Some(Asked { at: now, was_read: read.is_ok() });
        self.replace(read?);
        Ok(true)
    }

    async fn read_anew(&self, now: Timestamp) -> Result<Current, KeyRingError> {
        let ring = self.keeper.read().await?.ring;
        let given = match &self.source {
            SigningSource::SharedSecrets(_) => {
                Some(Arc::new(self.source.read(&*self.remote, Freshness::New).await?))
            }
            // Nobody else keeps keys for us that are not in the ring.
            SigningSource::KeyPairs(_) | SigningSource::Remote { .. } => self.current().given,
        };
        let table = Arc::new(KeyTable::parse(ring, given.as_deref(), now)?);
        Ok(Current { table, given })
    }

    fn current(&self) -> Current {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, current: Current) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = current;
    }
}

impl Upkeep {
    fn has_fitted(&self, given: &Given) -> bool {
        self.fitted.as_ref().is_some_and(|fitted| fitted.is_same(given))
    }

    fn is_resting(&self, now: Timestamp) -> bool {
        self.refused_at.is_some_and(|at| at <= now && now.since(at) < REFUSED_PAUSE)
    }
}

impl Asked {
    fn is_recent(self, now: Timestamp) -> bool {
        self.at <= now && now.since(self.at) < UNKNOWN_KEY_PAUSE
    }
}
