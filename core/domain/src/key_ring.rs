use std::fmt;
use std::time::Duration;

use secrecy::SecretSlice;

use crate::Timestamp;

/// The most keys that are published at once: load balancers of AWS read no more.
pub const PUBLISHED_KEYS_MAX: usize = 10;

/// A key that is wanted at once signs from this long ago: an instance whose clock is behind must
/// find it signing too, or it would have none, or make another that the first does not know.
const CLOCKS_APART_MAX: Duration = Duration::from_mins(1);

/// The signing keys of a deployment, with their times in the ring itself, so that all replicas
/// change over at the same instant.
///
/// Each key signs from its own `sign_from` until that of the next, and verifies for a grace after
/// that. So to add a key is to say when it begins, and the rest follows.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    /// Keys in the order in which they came.
    keys: Vec<KeyRecord>,
}

/// One signing key and when it does what.
#[derive(Clone)]
pub struct KeyRecord {
    /// Names the key in tokens and key sets.
    pub kid: String,
    /// The algorithm's name in a token's header.
    pub algorithm: String,
    /// What signs.
    pub material: KeyMaterial,
    /// From when on it signs.
    pub sign_from: Timestamp,
    /// From when on it no longer signs, once that is decided.
    pub retire_at: Option<Timestamp>,
    /// From when on it no longer verifies: its last token has expired, or it was revoked.
    pub remove_at: Option<Timestamp>,
    /// How long it verifies once it no longer signs: as long as tokens live, at least.
    pub grace: Duration,
    /// Whether it was revoked: it never comes back.
    pub is_revoked: bool,
}

/// What signs.
#[derive(Clone)]
pub enum KeyMaterial {
    /// A private key that we made, PKCS #8 DER.
    KeyPair(SecretSlice<u8>),
    /// A secret that was given to us, and which verifiers share.
    Shared(SecretSlice<u8>),
    /// A private key that nobody can read.
    Remote {
        /// What the one who keeps it calls it.
        name: String,
        /// Its public part: `SubjectPublicKeyInfo`, DER (RFC 5280 §4.1).
        public: Vec<u8>,
    },
    /// Nothing any more: the name of a revoked key is remembered, so that it never comes back.
    Gone,
}

/// Shows the key's name, never the key.
impl fmt::Debug for KeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRecord").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// What a key does at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPhase {
    /// Published, not yet signing.
    Next,
    /// Signing.
    Current,
    /// Verifying until its last token has expired.
    Retired,
    /// Gone.
    Removed,
}

impl KeyPhase {
    /// The name that operators see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Retired => "retired",
            Self::Removed => "removed",
        }
    }
}

impl KeyMaterial {
    /// Whether the deployment itself makes such keys, and so replaces them by itself.
    pub const fn is_ours(&self) -> bool {
        matches!(self, Self::KeyPair(_))
    }

    /// Whether verifiers find the key in the published set.
    pub const fn is_published(&self) -> bool {
        matches!(self, Self::KeyPair(_) | Self::Remote { .. })
    }
}

impl KeyRecord {
    /// A key that enters a ring by [`KeyRing::begin`].
    pub const fn new(
        kid: String,
        algorithm: String,
        material: KeyMaterial,
        sign_from: Timestamp,
        grace: Duration,
    ) -> Self {
        let (retire_at, remove_at, is_revoked) = (None, None, false);
        Self { kid, algorithm, material, sign_from, retire_at, remove_at, grace, is_revoked }
    }

    /// What the key does at `now`.
    pub fn phase(&self, now: Timestamp) -> KeyPhase {
        // Whatever the time: whoever revoked it may have a clock that is ahead.
        let is_gone = self.is_revoked || matches!(self.material, KeyMaterial::Gone);
        if is_gone || self.remove_at.is_some_and(|at| at <= now) {
            KeyPhase::Removed
        } else if self.retire_at.is_some_and(|at| at <= now) {
            KeyPhase::Retired
        } else if self.sign_from <= now {
            KeyPhase::Current
        } else {
            KeyPhase::Next
        }
    }
}

/// Why a ring takes no further key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{PUBLISHED_KEYS_MAX} keys are published already, as many as load balancers of AWS read: wait \
     until one is removed, or revoke one"
)]
pub struct RingFull;

/// There is no such key, or it is gone already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such key")]
pub struct UnknownKey;

impl KeyRing {
    /// A ring as it was kept.
    pub const fn of(keys: Vec<KeyRecord>) -> Self {
        Self { keys }
    }

    /// All keys in the order in which they sign, and the names of revoked ones.
    pub fn keys(&self) -> &[KeyRecord] {
        &self.keys
    }

    /// The key of that name, even a revoked one.
    pub fn find(&self, kid: &str) -> Option<&KeyRecord> {
        self.keys.iter().find(|key| key.kid == kid)
    }

    /// The key that signs at `now`: of those that do, the one that began last.
    pub fn signing_key(&self, now: Timestamp) -> Option<&KeyRecord> {
        let signing = self.keys.iter().filter(|key| key.phase(now) == KeyPhase::Current);
        signing.max_by_key(|key| key.sign_from)
    }

    /// The key that signs when all that is decided has come to pass.
    pub fn last_key(&self) -> Option<&KeyRecord> {
        let lasting = self.keys.iter().filter(|key| key.retire_at.is_none() && !key.is_revoked);
        lasting.max_by_key(|key| key.sign_from)
    }

    /// The keys that verify at `now`: next, current and retired ones.
    pub fn verifying_keys(&self, now: Timestamp) -> impl Iterator<Item = &KeyRecord> {
        self.keys.iter().filter(move |key| key.phase(now) != KeyPhase::Removed)
    }

    /// When the next key of our own is to begin, if one is to be published by `now` for it: it
    /// takes over when the last key has signed for `interval`, and is published `ahead` of that.
    pub fn rotation_due(
        &self,
        now: Timestamp,
        interval: Duration,
        ahead: Duration,
    ) -> Option<Timestamp> {
        let last = self.last_key().filter(|key| key.material.is_ours())?;
        let begins = last.sign_from.plus(interval);
        (begins <= now.plus(ahead)).then(|| begins.max(now.plus(ahead)))
    }

    /// When a key that is published now may sign: after `ahead`, or at once where nothing signs.
    pub fn may_sign_from(&self, now: Timestamp, ahead: Duration) -> Timestamp {
        match self.signing_key(now) {
            Some(_) => now.plus(ahead),
            None => now.minus(CLOCKS_APART_MAX),
        }
    }

    /// Takes a key in, which displaces the one before it from its `sign_from` on.
    pub fn begin(&mut self, key: KeyRecord, now: Timestamp) -> Result<(), RingFull> {
        let is_published = |key: &&KeyRecord| key.material.is_published();
        let published = self.verifying_keys(now).filter(is_published).count();
        if is_published(&&key) && published >= PUBLISHED_KEYS_MAX {
            return Err(RingFull);
        }
        self.keys.retain(|other| other.kid != key.kid);
        self.keys.push(key);
        self.settle(now);
        Ok(())
    }

    /// Has a key sign at once that waits to, or that was displaced and still verifies.
    pub fn resume(&mut self, kid: &str, now: Timestamp) {
        let sign_from = self.may_sign_from(now, Duration::ZERO);
        let is_it = |key: &&mut KeyRecord| key.kid == kid && key.phase(now) != KeyPhase::Removed;
        for key in self.keys.iter_mut().filter(is_it) {
            key.sign_from = sign_from;
            (key.retire_at, key.remove_at) = (None, None);
        }
        self.settle(now);
    }

    /// Takes back those keys that wait to sign; whoever signs goes on.
    pub fn withdraw_waiting(&mut self, now: Timestamp, is_meant: impl Fn(&KeyRecord) -> bool) {
        self.keys.retain(|key| key.phase(now) != KeyPhase::Next || !is_meant(key));
        self.settle(now);
    }

    /// Removes a key at once. If it was the one that signs, the caller must see to another.
    pub fn revoke(&mut self, kid: &str, now: Timestamp) -> Result<(), UnknownKey> {
        let is_it = |key: &&mut KeyRecord| key.kid == kid && !key.is_revoked;
        let key = self.keys.iter_mut().find(is_it).ok_or(UnknownKey)?;
        key.is_revoked = true;
        key.material = KeyMaterial::Gone;
        key.retire_at = Some(key.retire_at.map_or(now, |at| at.min(now)));
        key.remove_at = Some(now);
        self.settle(now);
        Ok(())
    }

    /// Remembers that a key is revoked which is not in the ring: a secret that was given, and which
    /// only verifies.
    pub fn revoke_unknown(&mut self, kid: String, algorithm: String, now: Timestamp) {
        let mut key = KeyRecord::new(kid, algorithm, KeyMaterial::Gone, now, Duration::ZERO);
        key.is_revoked = true;
        (key.retire_at, key.remove_at) = (Some(now), Some(now));
        self.keys.push(key);
    }

    /// Has keys that sign, now or later, verify for `grace` after that at least. Returns whether
    /// any was to be removed sooner.
    pub fn lengthen_grace(&mut self, now: Timestamp, grace: Duration) -> bool {
        let is_short = |key: &&mut KeyRecord| {
            key.grace < grace && matches!(key.phase(now), KeyPhase::Next | KeyPhase::Current)
        };
        let mut is_changed = false;
        for key in self.keys.iter_mut().filter(is_short) {
            key.grace = grace;
            is_changed = true;
        }
        if is_changed {
            self.settle(now);
        }
        is_changed
    }

    /// Forgets removed keys, but for the names of revoked ones.
    pub fn prune(&mut self, now: Timestamp) {
        self.keys.retain(|key| key.is_revoked || key.phase(now) != KeyPhase::Removed);
    }

    /// Whether [`KeyRing::prune`] would change anything.
    pub fn is_prunable(&self, now: Timestamp) -> bool {
        self.keys.iter().any(|key| !key.is_revoked && key.phase(now) == KeyPhase::Removed)
    }

    /// Derives from when on keys sign when they retire and are removed. What has retired stays so.
    fn settle(&mut self, now: Timestamp) {
        self.prune(now);
        // Stable: of two that begin at once, the one that came last signs.
        self.keys.sort_by_key(|key| key.sign_from);
        let begins: Vec<Timestamp> =
            self.keys.iter().filter(|key| !key.is_revoked).map(|key| key.sign_from).collect();
        let lasting = self.keys.iter_mut().filter(|key| !key.is_revoked);
        for (key, next) in lasting.zip(begins.into_iter().skip(1).map(Some).chain([None])) {
            if key.retire_at.is_none_or(|at| at > now) {
                key.retire_at = next;
                key.remove_at = next.map(|at| at.plus(key.grace));
            }
        }
    }
}

#[cfg(test)]
mod tests;
