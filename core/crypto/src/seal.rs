use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::key_bytes::{KEY_BYTES, KeyBytes};

/// The layout of sealed values: version, key id, nonce, ciphertext with its tag.
const VERSION: u8 = 1;
const KEY_ID_BYTES: usize = 4;
const TAG_BYTES: usize = 16;
const OVERHEAD_BYTES: usize = 1 + KEY_ID_BYTES + NONCE_LEN + TAG_BYTES;

/// A 256-bit key that encrypts at rest. Wiped when dropped.
#[derive(Clone)]
pub struct DataKey(KeyBytes);

/// The text cannot be a data key. Says nothing of what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataKeyError {
    /// It is neither base64 nor base64url.
    #[error("a data key is written in base64")]
    NotBase64,
    /// It has another size.
    #[error("a data key has {KEY_BYTES} bytes, not {bytes}")]
    WrongSize {
        /// How many bytes it has.
        bytes: usize,
    },
}

impl DataKey {
    /// Takes the bytes of a key: random ones, from the caller's source.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(KeyBytes::new(bytes))
    }

    /// Reads 32 bytes in base64 or base64url, with or without padding. Space around it is ignored,
    /// since files end in a line feed.
    pub fn parse(text: &str) -> Result<Self, DataKeyError> {
        let text = text.trim();
        let bytes = [STANDARD, URL_SAFE]
            .iter()
            .find_map(|engine| decode(engine, text))
            .ok_or(DataKeyError::NotBase64)?;
        let size = DataKeyError::WrongSize { bytes: bytes.len() };
        KeyBytes::parse(&bytes).map(Self).ok_or(size)
    }

    /// The key in base64, to be put where [`DataKey::parse`] will read it.
    pub fn expose_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0.expose()))
    }

    /// Names the key without telling anything of it.
    fn id(&self) -> [u8; KEY_ID_BYTES] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.expose());
        let tag = hmac::sign(&key, b"doorward data key id");
        *tag.as_ref().first_chunk().expect("SHA-256 yields 32 bytes")
    }
}

/// By the bytes inside.
impl ZeroizeOnDrop for DataKey {}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(…)")
    }
}

/// Encrypts what is kept in a store: the first key seals, all of them open, so that a key can be
/// replaced while records still need the old one.
///
/// AES-256-GCM-SIV (RFC 8452), because one key seals billions of records with random 96-bit nonces:
/// there a nonce that comes twice shows at most that two values are equal, where it would break
/// AES-GCM. The record's identity is authenticated, so a value that someone copies into another
/// record does not open.
pub struct DataKeys {
    first: SealingKey,
    others: Vec<SealingKey>,
}

/// There must be one key at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no data key is given")]
pub struct NoDataKey;

/// Why a sealed value does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is too short or of a later layout: we did not write it.
    #[error("the value is not one that this version seals")]
    Malformed,
    /// It was sealed with a key that is not among the given ones.
    #[error("the value is sealed with data key {key_id}, which is not configured")]
    UnknownKey {
        /// The public id of the key, in hexadecimal.
        key_id: String,
    },
    /// It was changed, or belongs to another record.
    #[error("the value was changed or belongs to another record")]
    Forged,
}

impl DataKeys {
    /// Prepares the keys; the first seals.
    pub fn new(keys: &[DataKey]) -> Result<Self, NoDataKey> {
        let mut keys = keys.iter().map(SealingKey::new);
        Ok(Self { first: keys.next().ok_or(NoDataKey)?, others: keys.collect() })
    }

    /// Encrypts `plain` for the record that `identity` names, such as `session/sess_…/refresh_key`.
    ///
    /// `nonce` must be random. The same identity must be given to open it.
    ///
    /// # Panics
    ///
    /// If `plain` has more than the 64 GiB that the cipher takes.
    pub fn seal(&self, identity: &str, plain: &[u8], nonce: [u8; NONCE_LEN]) -> Box<[u8]> {
        let mut sealed = Vec::with_capacity(plain.len() + OVERHEAD_BYTES);
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.first.id);
        sealed.extend_from_slice(&nonce);
        let start = sealed.len();
        sealed.extend_from_slice(plain);
        let tag = self
            .first
            .cipher
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(identity),
                &mut sealed[start..],
            )
            .expect("a record is shorter than the 64 GiB that the cipher takes");
        sealed.extend_from_slice(tag.as_ref());
        sealed.into_boxed_slice()
    }

    /// Decrypts what [`DataKeys::seal`] made for the same identity.
    pub fn open(&self, identity: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let sealed = Sealed::parse(sealed).ok_or(OpenError::Malformed)?;
        let mut is_known = false;
        // Ids are short, so two keys may share one.
        for key in self.keys().filter(|key| key.id == *sealed.key_id) {
            is_known = true;
            if let Some(plain) = key.open(identity, &sealed) {
                return Ok(plain);
            }
        }
        Err(if is_known {
            OpenError::Forged
        } else {
            OpenError::UnknownKey { key_id: hex(sealed.key_id) }
        })
    }

    /// Whether the value should be sealed anew, because another key than the first sealed it.
    pub fn needs_reseal(&self, sealed: &[u8]) -> bool {
        Sealed::parse(sealed).is_none_or(|sealed| *sealed.key_id != self.first.id)
    }

    /// The public ids of the keys in hexadecimal, in their order: for diagnostics.
    pub fn key_ids(&self) -> Vec<String> {
        self.keys().map(|key| hex(&key.id)).collect()
    }

    fn keys(&self) -> impl Iterator<Item = &SealingKey> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

impl fmt::Debug for DataKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKeys({})", self.key_ids().join(", "))
    }
}

/// A data key, expanded once.
struct SealingKey {
    id: [u8; KEY_ID_BYTES],
    cipher: LessSafeKey,
}

impl SealingKey {
    fn new(key: &DataKey) -> Self {
        let cipher = UnboundKey::new(&AES_256_GCM_SIV, key.0.expose())
            .expect("a data key has the size that the cipher takes");
        Self { id: key.id(), cipher: LessSafeKey::new(cipher) }
    }

    fn open(&self, identity: &str, sealed: &Sealed<'_>) -> Option<Zeroizing<Vec<u8>>> {
        let mut plain = Zeroizing::new(sealed.ciphertext.to_vec());
        let nonce = Nonce::assume_unique_for_key(*sealed.nonce);
        let length = self.cipher.open_in_place(nonce, Aad::from(identity), &mut plain).ok()?.len();
        plain.truncate(length);
        Some(plain)
    }
}

/// The parts of a sealed value.
struct Sealed<'a> {
    key_id: &'a [u8; KEY_ID_BYTES],
    nonce: &'a [u8; NONCE_LEN],
    ciphertext: &'a [u8],
}

impl<'a> Sealed<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&[VERSION])?;
        let (key_id, rest) = rest.split_first_chunk()?;
        let (nonce, ciphertext) = rest.split_first_chunk()?;
        (ciphertext.len() >= TAG_BYTES).then_some(Self { key_id, nonce, ciphertext })
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes any text");
        text
    })
}

/// Decodes into memory that is wiped even if the text turns out to be none half-way.
fn decode(engine: &GeneralPurpose, text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(text.len())]);
    let length = engine.decode_slice(text, &mut bytes).ok()?;
    bytes.truncate(length);
    Some(bytes)
}

const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);
const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const IDENTITY: &str = "session/sess_01jd/refresh_key";
    const NONCE: [u8; NONCE_LEN] = [9; NONCE_LEN];

    fn keys(bytes: &[u8]) -> DataKeys {
        let keys: Vec<DataKey> = bytes.iter().map(|byte| DataKey::new([*byte; 32])).collect();
        DataKeys::new(&keys).unwrap()
    }

    #[test]
    fn a_value_opens_only_in_the_record_that_it_was_sealed_for() {
        let keys = keys(&[1]);
        let sealed = keys.seal(IDENTITY, b"secret", NONCE);
        assert_eq!(sealed.len(), b"secret".len() + OVERHEAD_BYTES);
        assert_eq!(keys.open(IDENTITY, &sealed).unwrap().as_slice(), b"secret");
        let other = keys.open("session/sess_01je/refresh_key", &sealed);
        assert_eq!(other, Err(OpenError::Forged));
    }

    #[test]
    fn a_value_with_any_bit_flipped_does_not_open() {
        let keys = keys(&[1]);
        let sealed = keys.seal(IDENTITY, b"secret", NONCE);
        for position in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[position / 8] ^= 1 << (position % 8);
            let error = keys.open(IDENTITY, &changed).unwrap_err();
            match position / 8 {
                0 => assert_eq!(error, OpenError::Malformed),
                1..=4 => assert!(matches!(error, OpenError::UnknownKey { .. })),
                _ => assert_eq!(error, OpenError::Forged),
            }
        }
    }

    #[test]
    fn a_value_that_is_cut_short_does_not_open() {
        let keys = keys(&[1]);
        let sealed = keys.seal(IDENTITY, b"secret", NONCE);
        for length in 0..sealed.len() {
            assert!(keys.open(IDENTITY, &sealed[..length]).is_err(), "{length}");
        }
        assert_eq!(keys.open(IDENTITY, &sealed[..32]), Err(OpenError::Malformed));
    }

    #[test]
    fn the_first_key_seals_and_every_key_opens() {
        let old = keys(&[1]);
        let both = keys(&[2, 1]);
        let by_old = old.seal(IDENTITY, b"secret", NONCE);
        let by_both = both.seal(IDENTITY, b"secret", NONCE);
        assert_eq!(both.open(IDENTITY, &by_old).unwrap().as_slice(), b"secret");
        assert_eq!(both.open(IDENTITY, &by_both).unwrap().as_slice(), b"secret");
        assert!(both.needs_reseal(&by_old));
        assert!(!both.needs_reseal(&by_both));
        let key_id = both.key_ids()[0].clone();
        assert_eq!(old.open(IDENTITY, &by_both), Err(OpenError::UnknownKey { key_id }));
    }

    #[test]
    fn a_key_of_the_same_id_but_other_bytes_finds_a_forgery() {
        let genuine = keys(&[1]);
        let mut other = keys(&[2]);
        other.first.id = genuine.first.id;
        let sealed = genuine.seal(IDENTITY, b"secret", NONCE);
        assert_eq!(other.open(IDENTITY, &sealed), Err(OpenError::Forged));
        other.others = keys(&[1]).keys_taken();
        assert_eq!(other.open(IDENTITY, &sealed).unwrap().as_slice(), b"secret");
    }

    /// The bytes on disk: a change here makes stored values unreadable. Computed with Python's
    /// `cryptography`.
    #[test]
    fn the_layout_stays_as_it_is() {
        let sealed = keys(&[1]).seal(IDENTITY, b"secret", NONCE);
        assert_eq!(hex(&sealed), SEALED_BY_ONES);
    }

    const SEALED_BY_ONES: &str = "017de904330909090909090909090909091630ea55dc2f5b16b8394ff7091c2d8\
        1b9bcb9fc95b6";

    #[test]
    fn a_key_is_read_in_either_alphabet_with_or_without_padding() {
        let bytes = [0xfb; 32];
        let standard = "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s=";
        let url_safe = standard.replace('+', "-").replace('/', "_");
        for text in [standard, &url_safe, &url_safe[..43], &format!(" {standard}\n")] {
            assert_eq!(DataKey::parse(text).unwrap().0.expose(), &bytes, "{text}");
        }
        let key = DataKey::new(bytes);
        assert_eq!(key.expose_base64().as_str(), standard);
        assert_eq!(DataKey::parse("+_v7").unwrap_err(), DataKeyError::NotBase64);
        assert_eq!(DataKey::parse("AAAA").unwrap_err(), DataKeyError::WrongSize { bytes: 3 });
        assert_eq!(DataKey::parse("").unwrap_err(), DataKeyError::WrongSize { bytes: 0 });
    }

    #[test]
    fn a_key_and_what_was_opened_are_wiped_when_dropped() {
        const fn is_wiped<T: ZeroizeOnDrop>(_: &T) {}
        is_wiped(&DataKey::new([1; 32]).0);
        is_wiped(&DataKey::new([1; 32]).expose_base64());
        let keys = keys(&[1]);
        is_wiped(&keys.open(IDENTITY, &keys.seal(IDENTITY, b"secret", NONCE)).unwrap());
    }

    #[test]
    fn keys_are_not_shown_and_there_is_at_least_one() {
        assert_eq!(format!("{:?}", DataKey::new([1; 32])), "DataKey(…)");
        let keys = keys(&[1]);
        assert_eq!(format!("{keys:?}"), format!("DataKeys({})", keys.key_ids()[0]));
        assert_eq!(DataKeys::new(&[]).unwrap_err(), NoDataKey);
    }

    impl DataKeys {
        fn keys_taken(self) -> Vec<SealingKey> {
            std::iter::once(self.first).chain(self.others).collect()
        }
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(
            key: [u8; 32], nonce: [u8; NONCE_LEN], identity: String, plain: Vec<u8>,
        ) {
            let keys = DataKeys::new(&[DataKey::new(key)]).unwrap();
            let sealed = keys.seal(&identity, &plain, nonce);
            let opened = keys.open(&identity, &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), plain.as_slice());
        }

        #[test]
        fn no_bytes_panic_or_open(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(keys(&[1]).open(IDENTITY, &bytes).is_err());
        }
    }
}
