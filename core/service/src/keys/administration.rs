use std::time::Duration;

use domain::{EventKind, KeyPhase, KeyRecord, KeyRing, Timestamp, UnknownKey};
use doorward_claims::Algorithm;

use super::keeper::{Keeper, Step, algorithm_of, waiting};
use super::made_key::MadeKey;
use super::{ChangeKeysError, KeyRingError, SigningSource};
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
        let (keeper, source) = (self.live_keys.keeper(), self.live_keys.source());
        let KeyPolicy { publish_ahead, grace, .. } = keeper.policy;
        let ring = keeper
            .change(now, |ring, made| {
                if is_urgent {
                    // Whoever stole the ring has that one, too.
                    ring.withdraw_waiting(now, |key| key.material.is_ours());
                }
                if let Some(key) = waiting(ring, now) {
                    return Err(ChangeKeysError::Waiting(key.kid.clone()));
                }
                let Some(made) = made else { return Ok(Step::Make(next_algorithm(ring, source)?)) };
                let ahead = if is_urgent { URGENT_AHEAD } else { publish_ahead };
                let key = made.signing_from(ring.may_sign_from(now, ahead), grace);
                Ok(keeper.begin(ring, key, now)?)
            })
            .await?;
        let next = ring.last_key().ok_or(KeyRingError::Failure(Failure::NoSigningKey))?;
        let displaced = ring.keys().iter().find(|key| key.retire_at == Some(next.sign_from));
        Ok(RotatedKey {
            next: KeyState::of(next, now),
            displaced: displaced.map(|key| KeyState::of(key, now)),
        })
    }

    /// Removes a key at once: no instance accepts its tokens once it has read of it. If it was the
    /// one that signs, the one that waits signs at once; or, of those that were given, the last
    /// one; or a new one.
    pub async fn revoke_key(&self, kid: &str) -> Result<RevokedKey, ChangeKeysError> {
        let now = self.clock.now();
        let keeper = self.live_keys.keeper();
        let mut before = None;
        let ring = keeper
            .change::<ChangeKeysError>(now, |ring, made| {
                let key = ring.find(kid).cloned().ok_or(UnknownKey)?;
                ring.revoke(kid, now)?;
                let revoked = EventKind::KeyRevoked {
                    kid: key.kid.clone(),
                    algorithm: key.algorithm.clone(),
                };
                let step = if ring.signing_key(now).is_some() {
                    Step::Write(Vec::new())
                } else {
                    fill_gap(keeper, ring, (&key, made), now)?
                };
                before = Some(KeyState::of(&key, now));
                Ok(match step {
                    Step::Write(told) => Step::Write([vec![revoked], told].concat()),
                    other => other,
                })
            })
            .await?;
        let successor = ring.signing_key(now).filter(|key| key.sign_from == now);
        Ok(RevokedKey {
            key: before.ok_or(UnknownKey)?,
            successor: successor.map(|key| KeyState::of(key, now)),
        })
    }
}

/// What the next key of our own is for: what the last one was, whatever the settings of a shell say
/// in which a command runs.
fn next_algorithm(ring: &KeyRing, source: &SigningSource) -> Result<Algorithm, ChangeKeysError> {
    match (ring.last_key(), source) {
        (Some(last), _) if last.material.is_ours() => Ok(algorithm_of(last)?),
        (None, SigningSource::KeyPairs(algorithm)) => Ok(*algorithm),
        _ => Err(ChangeKeysError::Given),
    }
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
    if let Some(kid) = waiting(ring, now).or(retired).map(|key| key.kid.clone()) {
        ring.resume(&kid, now);
        return Ok(Step::Write(Vec::new()));
    }
    if !is_ours {
        return Err(ChangeKeysError::OnlyOne);
    }
    let Some(made) = made else { return Ok(Step::Make(algorithm_of(revoked)?)) };
    Ok(keeper.begin(ring, made.signing_from(now, keeper.policy.grace), now)?)
}

impl KeyState {
    fn of(key: &KeyRecord, now: Timestamp) -> Self {
        Self { key: key.clone(), phase: key.phase(now) }
    }
}
