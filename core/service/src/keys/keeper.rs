use std::sync::Arc;

use contracts::{KeyRingStore, RingReplaced, RingVersion};
use domain::{EventKind, KeyMaterial, KeyPhase, KeyRecord, KeyRing, Timestamp};
use doorward_claims::Algorithm;

use super::given::{First, Given};
use super::made_key::MadeKey;
use super::place::{RingPlace, SealedRing};
use super::{KeyRingError, kept_keys};
use crate::event_log::EventLog;
use crate::failure::Failure;
use crate::policy::KeyPolicy;

/// Replicas that start at once each find the others' keys after a round or two.
const ATTEMPTS_MAX: usize = 8;

/// Reads the kept ring and changes it.
pub(crate) struct Keeper {
    place: RingPlace,
    pub(super) policy: KeyPolicy,
    events: Arc<EventLog>,
}

/// The ring, and which state of it.
#[derive(Clone)]
pub(super) struct SeenRing {
    pub(super) ring: KeyRing,
    version: Option<RingVersion>,
}

/// What a change of the ring comes to.
pub(super) enum Step {
    /// The ring is as it should be; nothing is written.
    Nothing,
    /// It is to be written, and these events tell of it.
    Write(Vec<EventKind>),
    /// A key pair is needed: the change is asked for again, with one.
    Make(Algorithm),
}

impl Step {
    /// The same, with these events before its own.
    pub(super) fn after(self, mut told: Vec<EventKind>) -> Self {
        match self {
            Self::Write(more) => {
                told.extend(more);
                Self::Write(told)
            }
            other => other,
        }
    }

    const fn write_if(is_changed: bool) -> Self {
        if is_changed { Self::Write(Vec::new()) } else { Self::Nothing }
    }
}

impl Keeper {
    /// Of the ring that is kept `elsewhere`, or else sealed in the store.
    pub(crate) fn new(
        elsewhere: Option<Arc<dyn KeyRingStore>>,
        sealed: SealedRing,
        policy: KeyPolicy,
        events: Arc<EventLog>,
    ) -> Self {
        let place = elsewhere.map_or(RingPlace::Records(sealed), RingPlace::Elsewhere);
        Self { place, policy, events }
    }

    /// The ring as it is kept.
    pub(super) async fn read(&self) -> Result<SeenRing, KeyRingError> {
        let Some(kept) = self.place.find().await? else {
            return Ok(SeenRing { ring: KeyRing::default(), version: None });
        };
        let ring = kept_keys::read(&kept.content)?;
        Ok(SeenRing { ring, version: Some(kept.version) })
    }

    /// Changes the ring in one compare-and-set, and reads and changes it again where another
    /// instance was first.
    pub(super) async fn change<E: From<KeyRingError>>(
        &self,
        now: Timestamp,
        mut change: impl FnMut(&mut KeyRing, Option<&MadeKey>) -> Result<Step, E>,
    ) -> Result<KeyRing, E> {
        let mut made = None;
        for _ in 0..ATTEMPTS_MAX {
            let SeenRing { mut ring, version } = self.read().await?;
            let told = match change(&mut ring, made.as_ref())? {
                Step::Nothing => return Ok(ring),
                Step::Write(told) => told,
                Step::Make(algorithm) => {
                    made = Some(MadeKey::make(algorithm).await.map_err(KeyRingError::from)?);
                    continue;
                }
            };
            ring.prune(now);
            let content = kept_keys::write(&ring)?;
            let events: Vec<_> =
                told.into_iter().map(|kind| self.events.of_deployment(now, kind)).collect();
            let replaced = self.place.replace(version.as_ref(), &content, &events).await;
            match replaced.map_err(KeyRingError::from)? {
                RingReplaced::Yes => return Ok(ring),
                RingReplaced::Stale => {}
                RingReplaced::RotationUnderWay => {
                    return Err(KeyRingError::RotationUnderWay.into());
                }
            }
        }
        Err(KeyRingError::from(Failure::Contended).into())
    }

    /// Has what was given sign, from when every verifier can know it.
    ///
    /// The last process to start, or whose settings changed last, has its way: those that still run
    /// with older settings only follow.
    pub(super) async fn fit(&self, given: &Given, now: Timestamp) -> Result<KeyRing, KeyRingError> {
        self.change(now, |ring, made| self.fit_ring(ring, given, made, now)).await
    }

    fn fit_ring(
        &self,
        ring: &mut KeyRing,
        given: &Given,
        made: Option<&MadeKey>,
        now: Timestamp,
    ) -> Result<Step, KeyRingError> {
        let grace = self.policy.grace;
        let is_lengthened = ring.lengthen_grace(now, grace);
        let is_wanted = |ring: &KeyRing| ring.last_key().is_some_and(|key| given.wants(key));
        if is_wanted(ring) {
            return Ok(Step::write_if(is_lengthened));
        }
        ring.withdraw_waiting(now, |key| !given.wants(key));
        if let Some(key) = ring.last_key().filter(|key| given.wants(key)) {
            return Ok(Step::Write(vec![rotated(key)]));
        }
        let displaced = ring.verifying_keys(now).filter(|key| given.wants(key)).last();
        if let Some(key) = displaced.cloned() {
            // Verifiers have not forgotten it yet.
            ring.resume(&key.kid, now);
            return Ok(Step::Write(vec![rotated(&key)]));
        }
        let key = match given.first() {
            First::Given { kid, .. } if ring.find(kid).is_some_and(|key| key.is_revoked) => {
                return Err(KeyRingError::Revoked(kid.to_owned()));
            }
            First::Given { kid, algorithm, material } => {
                let from = ring.may_sign_from(now, self.publish_ahead(&material));
                let (kid, algorithm) = (kid.to_owned(), algorithm.name().to_owned());
                KeyRecord::new(kid, algorithm, material, from, grace)
            }
            First::Made(algorithm) => {
                let Some(made) = made else { return Ok(Step::Make(algorithm)) };
                made.signing_from(ring.may_sign_from(now, self.policy.publish_ahead), grace)
            }
        };
        self.begin(ring, key, now)
    }

    /// Replaces a key of our own in time, and forgets removed ones.
    pub(super) async fn maintain(&self, now: Timestamp) -> Result<KeyRing, KeyRingError> {
        let KeyPolicy { rotation_interval, publish_ahead, grace, .. } = self.policy;
        self.change(now, |ring, made| {
            let is_lengthened = ring.lengthen_grace(now, grace);
            let due = ring.rotation_due(now, rotation_interval, publish_ahead);
            let Some((from, last)) = due.zip(ring.last_key()) else {
                return Ok(Step::write_if(is_lengthened || ring.is_prunable(now)));
            };
            match made {
                Some(made) => self.begin(ring, made.signing_from(from, grace), now),
                None => Ok(Step::Make(algorithm_of(last)?)),
            }
        })
        .await
    }

    /// Takes a key in.
    pub(super) fn begin(
        &self,
        ring: &mut KeyRing,
        key: KeyRecord,
        now: Timestamp,
    ) -> Result<Step, KeyRingError> {
        // The first key displaces none: that is no rotation.
        let told = ring.last_key().map(|_| rotated(&key)).into_iter().collect();
        ring.lengthen_grace(now, self.policy.grace);
        ring.begin(key, now)?;
        Ok(Step::Write(told))
    }

    fn publish_ahead(&self, material: &KeyMaterial) -> std::time::Duration {
        if material.is_published() {
            self.policy.publish_ahead
        } else {
            self.policy.shared_publish_ahead
        }
    }
}

pub(super) fn rotated(key: &KeyRecord) -> EventKind {
    EventKind::KeyRotated { kid: key.kid.clone(), algorithm: key.algorithm.clone() }
}

pub(super) fn algorithm_of(key: &KeyRecord) -> Result<Algorithm, KeyRingError> {
    key.algorithm.parse().map_err(KeyRingError::UnknownAlgorithm)
}

/// The key that waits to sign.
pub(super) fn waiting(ring: &KeyRing, now: Timestamp) -> Option<&KeyRecord> {
    ring.keys().iter().find(|key| key.phase(now) == KeyPhase::Next)
}
