use std::fmt;

use aws_lc_rs::{digest as hash, hmac};
use zeroize::ZeroizeOnDrop;

use crate::key_bytes::{KEY_BYTES, KeyBytes};

/// A key of HMAC-SHA-256, for what is compared and never opened: refresh tokens, short codes.
///
/// As long as the hash, so that neither is the weaker part (RFC 2104 §3). Wiped when dropped.
#[derive(Clone)]
pub struct MacKey(KeyBytes);

/// The bytes cannot be a MAC key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a MAC key has {KEY_BYTES} bytes")]
pub struct MacKeyError;

impl MacKey {
    /// Takes the bytes of a key: random ones, from the caller's source.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(KeyBytes::new(bytes))
    }

    /// Reads a key that was sealed.
    pub fn parse(bytes: &[u8]) -> Result<Self, MacKeyError> {
        KeyBytes::parse(bytes).map(Self).ok_or(MacKeyError)
    }

    /// The bytes, to be sealed.
    pub fn expose(&self) -> &[u8; KEY_BYTES] {
        self.0.expose()
    }

    /// The MAC over `bytes`.
    pub fn mac(&self, bytes: &[u8]) -> [u8; 32] {
        to_array(hmac::sign(&self.key(), bytes).as_ref())
    }

    /// Whether `mac` was made over `bytes` with this key. Takes the same time wherever it differs.
    pub fn is_genuine(&self, bytes: &[u8], mac: &[u8; 32]) -> bool {
        hmac::verify(&self.key(), bytes, mac).is_ok()
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.expose())
    }
}

/// By the bytes inside.
impl ZeroizeOnDrop for MacKey {}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(…)")
    }
}

/// SHA-256, for what is random already: anyone can compute it, so it hides nothing guessable.
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    to_array(hash::digest(&hash::SHA256, bytes).as_ref())
}

fn to_array(bytes: &[u8]) -> [u8; 32] {
    bytes.try_into().expect("SHA-256 yields 32 bytes")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_mac_is_that_of_the_standard() {
        // RFC 4231 §4.3, whose key is "Jefe": HMAC pads a short key with zeros.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let expected = [
            0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95,
            0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9,
            0x64, 0xec, 0x38, 0x43,
        ];
        assert_eq!(MacKey::new(key).mac(b"what do ya want for nothing?"), expected);
    }

    #[test]
    fn a_digest_is_that_of_the_standard() {
        // FIPS 180-4, the message "abc".
        assert_eq!(digest(b"abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_eq!(digest(b"abc")[28..], [0xf2, 0x00, 0x15, 0xad]);
    }

    #[test]
    fn a_key_is_wiped_when_dropped() {
        const fn is_wiped<T: ZeroizeOnDrop>(_: &T) {}
        is_wiped(&MacKey::new([7; 32]).0);
    }

    #[test]
    fn a_key_has_32_bytes_and_is_not_shown() {
        assert_eq!(MacKey::parse(&[7; 31]).unwrap_err(), MacKeyError);
        assert_eq!(MacKey::parse(&[7; 33]).unwrap_err(), MacKeyError);
        let key = MacKey::parse(&[7; 32]).unwrap();
        assert_eq!(key.expose(), &[7; 32]);
        assert_eq!(format!("{key:?}"), "MacKey(…)");
    }

    proptest! {
        #[test]
        fn only_the_same_key_bytes_and_mac_are_genuine(
            key: [u8; 32], bytes: Vec<u8>, position in 0_usize..32, bit in 0_u8..8,
        ) {
            let right = MacKey::new(key);
            let mac = right.mac(&bytes);
            prop_assert!(right.is_genuine(&bytes, &mac));

            let mut other_mac = mac;
            other_mac[position] ^= 1 << bit;
            prop_assert!(!right.is_genuine(&bytes, &other_mac));

            let mut other_key = key;
            other_key[position] ^= 1 << bit;
            prop_assert!(!MacKey::new(other_key).is_genuine(&bytes, &mac));

            let mut other_bytes = bytes;
            other_bytes.push(0);
            prop_assert!(!right.is_genuine(&other_bytes, &mac));
        }
    }
}
