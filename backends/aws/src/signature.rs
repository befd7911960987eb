use der::asn1::UintRef;
use der::{Decode as _, Reader as _, SliceReader};

/// Both numbers of an ES256 signature, each of 32 bytes (RFC 7518 §3.4).
pub(crate) const RAW_BYTES: usize = 64;

/// The signature of RFC 3279 §2.2.3 (a DER sequence of `r` and `s`) in the form of RFC 7518 §3.4.
pub(crate) fn raw_of(der: &[u8]) -> der::Result<[u8; RAW_BYTES]> {
    let mut reader = SliceReader::new(der)?;
    let (r, s) = reader.sequence(|parts| Ok((UintRef::decode(parts)?, UintRef::decode(parts)?)))?;
    reader.finish(())?;
    let mut raw = [0; RAW_BYTES];
    let (left, right) = raw.split_at_mut(RAW_BYTES / 2);
    fill(left, r)?;
    fill(right, s)?;
    Ok(raw)
}

/// Writes the number with zeros before it.
fn fill(field: &mut [u8], number: UintRef<'_>) -> der::Result<()> {
    let bytes = number.as_bytes();
    let start = field.len().checked_sub(bytes.len()).ok_or(der::ErrorKind::Overflow)?;
    field[start..].copy_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The DER of a sequence of these contents.
    fn sequence(contents: &[&[u8]]) -> Vec<u8> {
        let contents = contents.concat();
        [&[0x30, u8::try_from(contents.len()).unwrap()], &contents[..]].concat()
    }

    #[test]
    fn short_numbers_are_padded_and_a_leading_zero_is_left_out() {
        let long = [&[0x02, 33, 0], &[0xff; 32][..]].concat();
        let raw = raw_of(&sequence(&[&[0x02, 1, 7], &long])).unwrap();
        assert_eq!(raw[..31], [0; 31]);
        assert_eq!(raw[31], 7);
        assert_eq!(raw[32..], [0xff; 32]);
    }

    #[test]
    fn what_is_no_signature_of_this_size_is_refused() {
        let (one, large) = ([0x02, 1, 1], [&[0x02, 33, 1], &[0; 32][..]].concat());
        for wrong in [
            vec![],
            vec![0; 64],
            sequence(&[&one]),
            sequence(&[&one, &one, &one]),
            sequence(&[&one, &large]),
            sequence(&[&one, &[0x02, 1, 0x80]]),
            [sequence(&[&one, &one]), vec![0]].concat(),
        ] {
            assert!(raw_of(&wrong).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = raw_of(&bytes);
        }
    }
}
