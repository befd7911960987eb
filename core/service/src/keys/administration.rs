use std::time::Duration;

use domain::{EventKind, KeyPhase, KeyRecord, KeyRing, Timestamp};

use super::keeper::{Keeper, Step, waiting};
use super::made_key::MadeKey;
use super::{ChangeKeysError, KeyRingError, SigningSource};
use crate::Service;

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
    /// The one that it displaces, and which verifies until it is removed.
    pub displaced: Option<KeyState>,
}

/// A key that an operator revoked.
#[derive(Clone, Debug)]
pub struct RevokedKey {
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
    /// instance has read of it, in place of one that waits.
    pub async fn rotate_keys(&self, is_urgent: bool) -> Result<RotatedKey, ChangeKeysError> {
        let SigningSource::KeyPairs(algorithm) = *self.live_keys.source() else {
            return Err(ChangeKeysError::Given);
        };
        let now = self.clock.now();
        let keeper = self.live_keys.keeper();
        let ring = keeper
            .change(now, |ring, made| {
                if is_urgent {
                    // Whoever stole the ring has that one, too.
                    ring.withdraw_waiting(now, keeper.policy.grace, |_| true);
                } else if let Some(key) = waiting(ring, now) {
                    return Err(ChangeKeysError::Waiting(key.kid.clone()));
                }
                let Some(made) = made else { return Ok(Step::Make(algorithm)) };
                let ahead = if is_urgent { URGENT_AHEAD } else { keeper.policy.publish_ahead };
                let key = made.signing_from(ring.may_sign_from(now, ahead));
                Ok(keeper.begin(ring, key, now)?)
            })
            .await?;
        let next = ring.last_key().ok_or(KeyRingError::Failure(crate::Failure::NoSigningKey))?;
        let displaced = ring.keys().iter().find(|key| key.retire_at == Some(next.sign_from));
        Ok(RotatedKey {
            next: KeyState::of(next, now),
            displaced: displaced.map(|key| KeyState::of(key, now)),
        })
    }

    /// Removes a key at once: no instance accepts its tokens once it has read of it. If it was the
    /// one that signs, the one that waits signs at once, or a new one, or of secrets the last one.
    pub async fn revoke_key(&self, kid: &str) -> Result<RevokedKey, ChangeKeysError> {
        let now = self.clock.now();
        let keeper = self.live_keys.keeper();
        let grace = keeper.policy.grace;
        let source = self.live_keys.source();
        let ring = keeper
            .change::<ChangeKeysError>(now, |ring, made| {
                let algorithm = ring.find(kid).map(|key| key.algorithm.clone());
                ring.revoke(kid, now, grace)?;
                let kid = kid.to_owned();
                let revoked =
                    EventKind::KeyRevoked { kid, algorithm: algorithm.unwrap_or_default() };
                if ring.signing_key(now).is_some() {
                    return Ok(Step::Write(vec![revoked]));
                }
                Ok(match fill_gap(keeper, source, ring, made, now)? {
                    Step::Write(told) => Step::Write([vec![revoked], told].concat()),
                    other => other,
                })
            })
            .await?;
        let is_gap_filled = ring.signing_key(now).filter(|key| key.sign_from == now);
        Ok(RevokedKey { successor: is_gap_filled.map(|key| KeyState::of(key, now)) })
    }
}

/// Has something sign at once, where nothing does any more.
fn fill_gap(
    keeper: &Keeper,
    source: &SigningSource,
    ring: &mut KeyRing,
    made: Option<&MadeKey>,
    now: Timestamp,
) -> Result<Step, ChangeKeysError> {
    // One that waits has been published; of those that are retired the last is known best, but one
    // of our own is better made anew.
    let retired = ring.verifying_keys(now).filter(|key| !key.material.is_ours()).last();
    if let Some(kid) = waiting(ring, now).or(retired).map(|key| key.kid.clone()) {
        ring.resume(&kid, now, keeper.policy.grace);
        return Ok(Step::Write(Vec::new()));
    }
    let SigningSource::KeyPairs(algorithm) = *source else { return Err(ChangeKeysError::OnlyOne) };
    let Some(made) = made else { return Ok(Step::Make(algorithm)) };
    Ok(keeper.begin(ring, made.signing_from(now), now)?)
}

impl KeyState {
    fn of(key: &KeyRecord, now: Timestamp) -> Self {
        Self { key: key.clone(), phase: key.phase(now) }
    }
}
