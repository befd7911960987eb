use std::fmt;

use zeroize::Zeroizing;

use crate::crockford;

/// How many backup codes a user gets at once.
pub const BACKUP_CODES: usize = 10;

/// Ten characters that stand in for a lost authenticator app, once: 50 bits in Crockford's base32,
/// which has no `I`, `L`, `O` and `U`.
#[derive(Clone, PartialEq, Eq)]
pub struct BackupCode(Zeroizing<[u8; 10]>);

/// The text cannot be a backup code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a backup code has 10 letters and digits")]
pub struct BackupCodeError;

impl BackupCode {
    /// The code of these random bytes: 50 bits of them.
    pub fn new(random: [u8; 8]) -> Self {
        Self(crockford::write(u64::from_be_bytes(random)))
    }

    /// Reads what a person typed: in any case, with spaces and hyphens, and with the letters that
    /// look like digits.
    pub fn parse(typed: &str) -> Result<Self, BackupCodeError> {
        crockford::read(typed).map(Self).ok_or(BackupCodeError)
    }

    /// The ten characters, to be compared under a MAC.
    pub fn expose(&self) -> &[u8; 10] {
        &self.0
    }

    /// As people keep it: two groups of five.
    pub fn to_text(&self) -> Zeroizing<String> {
        crockford::to_text(&self.0)
    }
}

impl fmt::Debug for BackupCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupCode(…)")
    }
}

/// What is kept of a backup code: its keyed MAC, so a leaked database signs nobody in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BackupCodeMac(pub [u8; 32]);

impl fmt::Debug for BackupCodeMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupCodeMac(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = BackupCode::new([0, 0, 0, 0, 0, 0, 4, 33]);
        assert_eq!(code.to_text().as_str(), "00000-00111");
        for typed in ["00000-00111", "ooooo ool1i", "0000000111", " O0O0O - 0OIL1 "] {
            assert_eq!(BackupCode::parse(typed).as_ref(), Ok(&code), "{typed}");
        }
        for wrong in ["", "0000000000U", "00000-0000", "00000-00000-0", "U0000-00000"] {
            assert_eq!(BackupCode::parse(wrong), Err(BackupCodeError), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_code_reads_back_and_two_differ_where_fifty_bits_do(
            one in any::<[u8; 8]>(), other in any::<[u8; 8]>()
        ) {
            let (code, second) = (BackupCode::new(one), BackupCode::new(other));
            prop_assert_eq!(BackupCode::parse(&code.to_text()), Ok(code.clone()));
            let bits = |bytes| u64::from_be_bytes(bytes) & ((1 << 50) - 1);
            prop_assert_eq!(code == second, bits(one) == bits(other));
        }
    }
}
