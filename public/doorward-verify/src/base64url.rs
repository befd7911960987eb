//! Base64url without padding, and only its canonical form: one text for one value, so that a token
//! cannot be written in two ways.

use std::borrow::Cow;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::NO_PAD;
use base64::engine::simd::Simd;

/// Chooses the processor's instructions once. Refuses padding, and bits that stand for nothing.
static ENGINE: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(NO_PAD));

pub(crate) fn encode(bytes: &[u8]) -> String {
    ENGINE.encode(bytes)
}

pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    ENGINE.decode(text).ok()
}

/// Decodes into `buffer` if the value surely fits, else into memory of its own.
pub(crate) fn decode_into<'b>(text: &str, buffer: &'b mut [u8]) -> Option<Cow<'b, [u8]>> {
    if base64::decoded_len_estimate(text.len()) > buffer.len() {
        return decode(text).map(Cow::Owned);
    }
    let length = ENGINE.decode_slice(text, buffer).ok()?;
    buffer.get(..length).map(Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_text_is_decoded() {
        assert_eq!(decode("AQ").as_deref(), Some(&[1][..]));
        for other in ["AR", "AQ==", "AQ=", "A", "A Q", "AQ\n", "A+", "A/"] {
            assert_eq!(decode(other), None, "{other:?}");
        }
        // Long enough for the vector instructions, which must be as strict.
        let long = format!("{}AQ", "AAAA".repeat(40));
        assert!(decode(&long).is_some());
        assert_eq!(decode(&format!("{}AR", "AAAA".repeat(40))), None);
        assert_eq!(decode(&long.replacen("AAAA", "AA=A", 1)), None);
        assert_eq!(decode(&long.replacen("AAAA", "AA+A", 1)), None);
    }

    #[test]
    fn a_value_larger_than_the_buffer_is_decoded_all_the_same() {
        let text = encode(&[7; 100]);
        let mut large = [0; 128];
        assert!(matches!(decode_into(&text, &mut large), Some(Cow::Borrowed(b)) if b == [7; 100]));
        let mut small = [0; 10];
        assert!(matches!(decode_into(&text, &mut small), Some(Cow::Owned(b)) if b == [7; 100]));
    }
}
