use secrecy::{ExposeSecret, SecretBox};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bytes of a key: the size of the hash and of the cipher's key.
pub(crate) const KEY_BYTES: usize = 32;

/// The bytes of a key, wiped when dropped. On the heap, since a value that is moved about leaves
/// its bytes wherever it has been.
pub(crate) struct KeyBytes(SecretBox<[u8; KEY_BYTES]>);

impl KeyBytes {
    /// Wipes the copy that it was given.
    pub(crate) fn new(mut bytes: [u8; KEY_BYTES]) -> Self {
        let kept = Self::copy_of(&bytes);
        bytes.zeroize();
        kept
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::copy_of)
    }

    pub(crate) fn expose(&self) -> &[u8; KEY_BYTES] {
        self.0.expose_secret()
    }

    fn copy_of(bytes: &[u8; KEY_BYTES]) -> Self {
        let copy = |kept: &mut [u8; KEY_BYTES]| kept.copy_from_slice(bytes);
        Self(SecretBox::init_with_mut(copy))
    }
}

impl Clone for KeyBytes {
    fn clone(&self) -> Self {
        Self::copy_of(self.expose())
    }
}

/// By the type inside.
impl ZeroizeOnDrop for KeyBytes {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Not compiled if the type inside is ever one that does not wipe itself.
    const fn is_wiped<T: ZeroizeOnDrop>(_: &T) {}

    #[test]
    fn a_key_is_wiped_when_dropped_and_so_is_its_copy() {
        let key = KeyBytes::new([7; KEY_BYTES]);
        is_wiped(&key.0);
        let copy = key.clone();
        drop(key);
        assert_eq!(copy.expose(), &[7; KEY_BYTES]);
    }

    #[test]
    fn only_32_bytes_are_a_key() {
        assert_eq!(KeyBytes::parse(&[7; 32]).unwrap().expose(), &[7; 32]);
        assert!(KeyBytes::parse(&[7; 31]).is_none());
        assert!(KeyBytes::parse(&[7; 33]).is_none());
    }
}
