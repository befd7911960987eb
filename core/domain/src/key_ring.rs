use std::fmt;

use secrecy::SecretSlice;

use crate::Timestamp;

/// The signing keys of a deployment, with their times in the ring itself, so that all replicas
/// change over at the same instant.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    /// Keys in the order they were made.
    pub keys: Vec<KeyRecord>,
}

/// One signing key and when it does what.
#[derive(Clone)]
pub struct KeyRecord {
    /// The RFC 7638 thumbprint.
    pub kid: String,
    /// The algorithm's name in a token's header.
    pub algorithm: String,
    /// The private key, PKCS #8 DER.
    pub pkcs8: SecretSlice<u8>,
    /// From when on it signs.
    pub sign_from: Timestamp,
    /// From when on it no longer signs, once that is decided.
    pub retire_at: Option<Timestamp>,
    /// From when on it no longer verifies: after its last token has expired.
    pub remove_at: Option<Timestamp>,
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

impl KeyRecord {
    /// What the key does at `now`.
    pub fn phase(&self, now: Timestamp) -> KeyPhase {
        if self.remove_at.is_some_and(|at| at <= now) {
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

impl KeyRing {
    /// The key that signs at `now`: the one of that algorithm which began last.
    pub fn signing_key(&self, algorithm: &str, now: Timestamp) -> Option<&KeyRecord> {
        self.keys
            .iter()
            .filter(|key| key.algorithm == algorithm && key.phase(now) == KeyPhase::Current)
            .max_by_key(|key| key.sign_from)
    }

    /// The keys that verifiers must know at `now`: next, current and retired ones.
    pub fn published_keys(&self, now: Timestamp) -> impl Iterator<Item = &KeyRecord> {
        self.keys.iter().filter(move |key| key.phase(now) != KeyPhase::Removed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_731_333_100_000);

    fn key(kid: &str, sign_from: Timestamp) -> KeyRecord {
        KeyRecord {
            kid: kid.into(),
            algorithm: "RS256".into(),
            pkcs8: SecretSlice::from(vec![]),
            sign_from,
            retire_at: None,
            remove_at: None,
        }
    }

    #[test]
    fn a_key_passes_through_its_phases_by_the_times_in_the_ring() {
        let hour = Duration::from_hours(1);
        let mut key = key("a", NOW.plus(hour));
        key.retire_at = Some(NOW.plus(hour * 2));
        key.remove_at = Some(NOW.plus(hour * 3));
        let phases = [0, 1, 2, 3].map(|hours| key.phase(NOW.plus(hour * hours)));
        assert_eq!(
            phases,
            [KeyPhase::Next, KeyPhase::Current, KeyPhase::Retired, KeyPhase::Removed]
        );
    }

    #[test]
    fn the_key_that_began_last_signs_and_all_but_removed_ones_are_published() {
        let mut ring = KeyRing {
            keys: vec![
                key("old", NOW.minus(Duration::from_secs(2))),
                key("current", NOW),
                key("next", NOW.plus(Duration::from_secs(1))),
            ],
        };
        let kid = |ring: &KeyRing| ring.signing_key("RS256", NOW).map(|key| key.kid.clone());
        assert_eq!(kid(&ring).as_deref(), Some("current"));
        assert!(ring.signing_key("ES256", NOW).is_none());
        assert_eq!(ring.published_keys(NOW).count(), 3);
        ring.keys[0].remove_at = Some(NOW);
        assert_eq!(ring.published_keys(NOW).count(), 2);
    }
}
