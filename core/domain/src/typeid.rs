//! The suffix of a TypeID: 128 bits as 26 characters of lower-case Crockford base32.
//! Source: the `TypeID` specification, version 0.3.

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Characters of a suffix: 130 bits, of which the first two are zero.
pub(crate) const SUFFIX_LENGTH: usize = 26;

pub(crate) fn encode(bytes: [u8; 16]) -> String {
    let value = u128::from_be_bytes(bytes);
    (0..SUFFIX_LENGTH)
        .rev()
        .map(|place| char::from(ALPHABET[((value >> (5 * place)) & 31) as usize]))
        .collect()
}

/// Reads exactly what [`encode`] writes: one text for each value, so ids can be compared as text.
pub(crate) fn decode(suffix: &str) -> Option<[u8; 16]> {
    let text = suffix.as_bytes();
    if text.len() != SUFFIX_LENGTH || text[0] > b'7' {
        return None;
    }
    text.iter()
        .try_fold(0_u128, |value, character| {
            let digit = ALPHABET.iter().position(|letter| letter == character)?;
            Some((value << 5) | u128::try_from(digit).ok()?)
        })
        .map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_the_specification_hold() {
        assert_eq!(encode([0; 16]), "00000000000000000000000000");
        assert_eq!(encode([0xff; 16]), "7zzzzzzzzzzzzzzzzzzzzzzzzz");
        assert_eq!(decode("8zzzzzzzzzzzzzzzzzzzzzzzzz"), None);
        let known = 0x0188_b0f2_a5b6_7cc6_b0e8_5d5b_c1a2_f3e4_u128.to_be_bytes();
        assert_eq!(decode(&encode(known)), Some(known));
    }

    proptest! {
        #[test]
        fn every_value_reads_back(bytes: [u8; 16]) {
            prop_assert_eq!(decode(&encode(bytes)), Some(bytes));
        }

        #[test]
        fn no_text_panics_and_none_has_a_second_spelling(text in ".{0,40}") {
            if let Some(bytes) = decode(&text) {
                prop_assert_eq!(encode(bytes), text);
            }
        }
    }
}
