//! The second factor: codes of an authenticator app (RFC 6238), with backup codes for when it is
//! lost.

use std::fmt;

use zeroize::Zeroizing;

use crate::{BackupCodeMac, Timestamp};

/// How long one code counts, in seconds (RFC 6238 §4.1, `X`).
pub const TOTP_STEP_SECONDS: u64 = 30;

/// Digits of a code.
const DIGITS: usize = 6;

/// The step that a moment lies in (RFC 6238 §4.2, `T`).
pub fn totp_step(at: Timestamp) -> u64 {
    u64::try_from(at.unix_seconds()).unwrap_or(0) / TOTP_STEP_SECONDS
}

/// Six digits that a person typed, or that an app shows.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpCode(Zeroizing<[u8; DIGITS]>);

/// The text cannot be a code of an authenticator app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a code has {DIGITS} digits")]
pub struct TotpCodeError;

impl TotpCode {
    /// Reads six digits; spaces among them are dropped, since apps show two groups.
    pub fn parse(typed: &str) -> Result<Self, TotpCodeError> {
        let mut code = Zeroizing::new([0; DIGITS]);
        let mut places = code.iter_mut();
        for character in typed.chars().filter(|c| !c.is_whitespace()) {
            let digit = u8::try_from(character).ok().filter(u8::is_ascii_digit);
            *places.next().ok_or(TotpCodeError)? = digit.ok_or(TotpCodeError)?;
        }
        if places.next().is_some() { Err(TotpCodeError) } else { Ok(Self(code)) }
    }

    /// The digits, to be compared.
    pub fn expose(&self) -> &[u8; DIGITS] {
        &self.0
    }
}

impl fmt::Debug for TotpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpCode(…)")
    }
}

/// A user's authenticator app. Until a code of it was verified it is good for nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpFactor {
    /// The secret that the app shares, sealed.
    pub sealed_secret: Box<[u8]>,
    /// When the secret was made.
    pub begun_at: Timestamp,
    /// Set once a code was verified: sign-ins ask for the factor from then on.
    pub enabled: Option<EnabledTotp>,
}

/// An authenticator app that sign-ins ask for.
#[derive(Clone, PartialEq, Eq)]
pub struct EnabledTotp {
    /// Since when.
    pub at: Timestamp,
    /// The last step of which a code was accepted. Only later ones count, so that no code counts
    /// twice (RFC 6238 §5.2).
    pub last_step: u64,
    /// The backup codes that were not used yet.
    pub backup_codes: Vec<BackupCodeMac>,
}

/// Shows no secret, sealed or not.
impl fmt::Debug for TotpFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TotpFactor")
            .field("begun_at", &self.begun_at)
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for EnabledTotp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnabledTotp")
            .field("at", &self.at)
            .field("last_step", &self.last_step)
            .field("backup_codes", &self.backup_codes.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_six_digits_however_they_are_grouped() {
        assert_eq!(TotpCode::parse(" 123 456 ").unwrap().expose(), b"123456");
        for wrong in ["", "12345", "1234567", "12345a", "１２３４５６", "123-456"] {
            assert_eq!(TotpCode::parse(wrong), Err(TotpCodeError), "{wrong}");
        }
    }

    #[test]
    fn a_step_lasts_thirty_seconds() {
        let step = |seconds: i64| totp_step(Timestamp::from_unix_ms(seconds * 1000));
        assert_eq!((step(0), step(29), step(30), step(59)), (0, 0, 1, 1));
        assert_eq!(step(-1), 0, "before there were any");
    }

    #[test]
    fn neither_a_code_nor_a_factor_shows_what_it_holds() {
        let factor = TotpFactor {
            sealed_secret: [211; 4].into(),
            begun_at: Timestamp::from_unix_ms(1),
            enabled: Some(EnabledTotp {
                at: Timestamp::from_unix_ms(2),
                last_step: 3,
                backup_codes: vec![BackupCodeMac([222; 32])],
            }),
        };
        let shown = format!("{factor:?} {:?}", TotpCode::parse("987654").unwrap());
        for secret in ["211", "222", "987654"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
