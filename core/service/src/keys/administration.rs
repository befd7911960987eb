use std::time::Duration;

use domain::{EventKind, KeyPhase, KeyRecord, KeyRing, Timestamp, UnknownKey};
use doorward_claims::Algorithm;

use super::keeper::{Keeper, Step, algorithm_of, rotated, waiting};
use super::made_key::MadeKey;
use super::rotation::algorithm_after;
use super::{ChangeKeysError, KeyRingError};
use crate::Service;
use crate::failure::Failure;
use crate::policy::KeyPolicy;

/// How long before an urgent key signs: every instance has read the ring by then.
const URGENT_AHEAD: Duration = Duration::from_mins(1);

/// A key of the ring, for operators.
#[derive(Clone, Debug)]
pub struct KeyState {
    /// The key; who looks at it must not show more of it than its `Debug` does.
    pub key: KeyRecord,
    /// What it does now.
    pub phase: KeyPhase,
}

/// A rotation that an operator asked for.
#[derive(Clone, Debug)]
pub struct RotatedKey {
    /// The key that signs next.
    pub next: KeyState,
    /// One that waited to sign, and is revoked in its favour.
    pub revoked: Option<String>,
    /// The one that it displaces, and which verifies until it is removed.
    pub displaced: Option<KeyState>,
}

/// A key that an operator revoked.
#[derive(Clone, Debug)]
pub struct RevokedKey {
    /// The key, as it was before.
    pub key: KeyState,
    /// What signs in its place, if it was the one that signed.
    pub successor: Option<KeyState>,
}

impl Service {
    /// All keys that are remembered, in the order in which they sign.
    pub async fn list_keys(&self) -> Result<Vec<KeyState>, KeyRingError> {
        let now = self.clock.now();
        let ring = self.live_keys.keeper().read().await?.ring;
        Ok(ring.keys().iter().map(|key| KeyState::of(key, now)).collect())
    }

    /// Makes a key that signs once it was published for long enough; `is_urgent`: as soon as every
    /// instance has read of it, in place of one that waits. It is of the algorithm of the last key.
    pub async fn rotate_keys(&self, is_urgent: bool) -> Result<RotatedKey, ChangeKeysError> {
        let now = self.clock.now();
        let keeper = self.live_keys.keeper();
        let KeyPolicy { publish_ahead, grace, .. } = keeper.policy;
        let mut revoked = None;
        let ring = keeper
            .change(now, |ring, made| {
                let algorithm = algorithm_after(ring)?;
                let waits = waiting(ring, now).cloned();
                let mut told = Vec::new();
                if let Some(key) = &waits {
                    if !is_urgent {
                        return Err(ChangeKeysError::Waiting(key.kid.clone()));
                    }
                    // Whoever stole the ring has that one, too.
                    ring.revoke(&key.kid, now)?;
                    told.push(key_revoked(key));
                }
                revoked = waits.map(|key| key.kid);
                let Some(made) = made else { return Ok(Step::Make(algorithm)) };
                let ahead = if is_urgent { URGENT_AHEAD } else { publish_ahead };
                let key = made.signing_from(ring.may_sign_from(now, ahead), grace);
                Ok(keeper.begin(ring, key, now)?.after(told))
            })
            .await?;
        let next = ring.last_key().ok_or(KeyRingError::Failure(Failure::NoSigningKey))?;
        let displaced = ring.keys().iter().find(|key| key.retire_at == Some(next.sign_from));
        Ok(RotatedKey {
            next: KeyState::of(next, now),
            revoked,
            displaced: displaced.map(|key| KeyState::of(key, now)),
        })
    }

    /// Removes a key at once: no instance accepts its tokens once it has read of it. If it was the
    /// one that signs, the one that waits signs at once; or, of those that were given, the last
    /// one; or a new one.
    pub async fn revoke_key(&self, kid: &str) -> Result<RevokedKey, ChangeKeysError> {
        let now = self.clock.now();
        let keeper = self.live_keys.keeper();
        // Only to know the names of secrets that verify and are not in the ring.
        let given = self.live_keys.read_given().await;
        let mut before = None;
        let changed = keeper
            .change::<ChangeKeysError>(now, |ring, made| {
                let key = match ring.find(kid) {
                    Some(key) => key.clone(),
                    None if given.as_ref().is_ok_and(|given| given.has(kid)) => {
                        ring.revoke_unknown(kid.to_owned(), Algorithm::HS256.name().into(), now);
                        let key = ring.find(kid).ok_or(UnknownKey)?;
                        before = Some(KeyState::of(key, now));
                        return Ok(Step::Write(vec![key_revoked(key)]));
                    }
                    None => return Err(UnknownKey.into()),
                };
                ring.revoke(kid, now)?;
                let step = if ring.signing_key(now).is_some() {
                    Step::Write(Vec::new())
                } else {
                    fill_gap(keeper, ring, (&key, made), now)?
                };
                before = Some(KeyState::of(&key, now));
                Ok(step.after(vec![key_revoked(&key)]))
            })
            .await;
        let ring = match (changed, given) {
            // It may be one of the secrets that could not be read.
            (Err(ChangeKeysError::Unknown(_)), Err(unread)) => return Err(unread.into()),
            (changed, _) => changed?,
        };
        let revoked = before.ok_or(UnknownKey)?;
        let is_gap = revoked.phase == KeyPhase::Current;
        let successor = ring.signing_key(now).filter(|_| is_gap);
        Ok(RevokedKey { key: revoked, successor: successor.map(|key| KeyState::of(key, now)) })
    }
}

fn key_revoked(key: &KeyRecord) -> EventKind {
    EventKind::KeyRevoked { kid: key.kid.clone(), algorithm: key.algorithm.clone() }
}

/// Has something sign at once in place of a revoked key, where nothing else does.
fn fill_gap(
    keeper: &Keeper,
    ring: &mut KeyRing,
    (revoked, made): (&KeyRecord, Option<&MadeKey>),
    now: Timestamp,
) -> Result<Step, ChangeKeysError> {
    let is_ours = revoked.material.is_ours();
    // Verifiers know the given one that was displaced last; one of our own is better made anew.
    let retired = ring.verifying_keys(now).filter(|key| !is_ours && !key.material.is_ours()).last();
    if let Some(key) = waiting(ring, now).or(retired).cloned() {
        ring.resume(&key.kid, now);
        return Ok(Step::Write(vec![rotated(&key)]));
    }
    if !is_ours {
        return Err(ChangeKeysError::OnlyOne);
    }
    let Some(made) = made else { return Ok(Step::Make(algorithm_of(revoked)?)) };
    let key = made.signing_from(ring.may_sign_from(now, Duration::ZERO), keeper.policy.grace);
    Ok(keeper.begin(ring, key, now)?)
}

impl KeyState {
    fn of(key: &KeyRecord, now: Timestamp) -> Self {
        Self { key: key.clone(), phase: key.phase(now) }
    }
}
