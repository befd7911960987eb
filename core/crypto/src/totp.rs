use std::fmt;

use domain::{EmailAddress, TOTP_STEP_SECONDS, Timestamp, TotpCode, totp_step};
use secrecy::SecretString;
use subtle::ConstantTimeEq as _;
use totp_rs::{Algorithm, Builder, Secret, Totp};
use zeroize::Zeroizing;

/// Bytes of a secret: as long as the hash (RFC 4226 §4, R6).
const SECRET_BYTES: usize = 20;

/// How many steps the two clocks may stand apart (RFC 6238 §5.2).
const DRIFT_STEPS: u64 = 1;

/// What an authenticator app shares with us: 160 bits for HMAC-SHA-1, six digits and steps of 30
/// seconds, which is what all apps know. Wiped when dropped.
pub struct TotpSecret(Zeroizing<Box<[u8]>>);

/// The bytes cannot be such a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret of an authenticator app has {SECRET_BYTES} bytes")]
pub struct TotpSecretError;

impl TotpSecret {
    /// Takes random bytes, from the caller's source.
    pub fn new(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(Zeroizing::new(Box::from(*Zeroizing::new(bytes))))
    }

    /// Reads a secret that was sealed.
    pub fn parse(bytes: &[u8]) -> Result<Self, TotpSecretError> {
        if bytes.len() != SECRET_BYTES {
            return Err(TotpSecretError);
        }
        Ok(Self(Zeroizing::new(bytes.into())))
    }

    /// The bytes, to be sealed.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The step whose code this is, of those around `now` and after `last_step`, which was used.
    /// Takes the same time whatever the code.
    pub fn accepted_step(&self, code: &TotpCode, now: Timestamp, last_step: u64) -> Option<u64> {
        let totp = self.totp().build_noncompliant();
        let current = totp_step(now);
        let window = current.saturating_sub(DRIFT_STEPS)..=current.saturating_add(DRIFT_STEPS);
        let mut accepted = None;
        for step in window {
            let is_same = digits(&totp, step).as_bytes().ct_eq(code.expose());
            if bool::from(is_same) && step > last_step {
                accepted = Some(step);
            }
        }
        accepted
    }

    /// The secret as people type it where they cannot scan it: base32 (RFC 4648 §6), no padding.
    pub fn to_base32(&self) -> SecretString {
        SecretString::from(Secret::new(self.0.as_ref().into()).to_base32())
    }

    /// What apps read from the QR code: `otpauth://totp/…`. `issuer` has no colon in it.
    pub fn to_uri(&self, issuer: &str, account: &EmailAddress) -> SecretString {
        let totp = self.totp().with_issuer(Some(issuer)).with_account_name(account.as_typed());
        let uri = totp.build_noncompliant().to_url();
        SecretString::from(uri.expect("an address is no empty name, and has no colon in it"))
    }

    fn totp(&self) -> Builder {
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_step_duration(TOTP_STEP_SECONDS)
            .with_secret(Secret::new(self.0.as_ref().into()))
    }
}

fn digits(totp: &Totp, step: u64) -> Zeroizing<String> {
    Zeroizing::new(totp.generate(step.saturating_mul(TOTP_STEP_SECONDS)).to_string())
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    /// The secret of RFC 4226, appendix D, and of RFC 6238, appendix B, for SHA-1.
    const SECRET: &[u8; 20] = b"12345678901234567890";

    fn secret() -> TotpSecret {
        TotpSecret::parse(SECRET).unwrap()
    }

    fn code(text: &str) -> TotpCode {
        TotpCode::parse(text).unwrap()
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_ms(i64::try_from(seconds * 1000).unwrap())
    }

    #[test]
    fn codes_are_those_of_rfc_4226_appendix_d() {
        let expected = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583",
            "399871", "520489",
        ];
        let totp = secret().totp().build_noncompliant();
        for (step, expected) in (0..).zip(expected) {
            assert_eq!(digits(&totp, step).as_str(), expected, "{step}");
        }
    }

    #[test]
    fn codes_are_those_of_rfc_6238_appendix_b() {
        // The last six digits of the eight that stand there.
        let vectors = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ];
        for (seconds, expected) in vectors {
            let step = seconds / TOTP_STEP_SECONDS;
            assert_eq!(secret().accepted_step(&code(expected), at(seconds), 0), Some(step));
        }
    }

    #[test]
    fn a_code_counts_one_step_early_and_one_step_late_and_no_more() {
        let secret = secret();
        let totp = secret.totp().build_noncompliant();
        let shown = code(&digits(&totp, 100));
        let accepted = |step: u64| secret.accepted_step(&shown, at(step * 30), 0);
        assert_eq!(
            [98, 99, 100, 101, 102].map(accepted),
            [None, Some(100), Some(100), Some(100), None]
        );
        assert_eq!(secret.accepted_step(&shown, at(101 * 30 + 29), 0), Some(100));
        assert_eq!(secret.accepted_step(&shown, at(102 * 30), 0), None);
    }

    #[test]
    fn a_code_of_a_step_that_was_used_or_of_an_earlier_one_does_not_count() {
        let secret = secret();
        let totp = secret.totp().build_noncompliant();
        let shown = code(&digits(&totp, 100));
        let accepted = |last| secret.accepted_step(&shown, at(100 * 30), last);
        assert_eq!([99, 100, 101].map(accepted), [Some(100), None, None]);
    }

    #[test]
    fn an_uri_names_issuer_and_account_and_keeps_to_what_apps_know() {
        let account = EmailAddress::parse("o'brien+x@example.com").unwrap();
        let uri = secret().to_uri("Acme & Söhne", &account);
        assert_eq!(
            uri.expose_secret(),
            "otpauth://totp/Acme%20%26%20S%C3%B6hne:o%27brien%2Bx%40example.com\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Acme%20%26%20S%C3%B6hne"
        );
        assert_eq!(secret().to_base32().expose_secret(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert!(!format!("{:?}", secret()).contains("GEZD"));
    }

    proptest! {
        #[test]
        fn whatever_was_sealed_reads_back_and_no_clock_panics(
            bytes in any::<[u8; SECRET_BYTES]>(), ms in any::<i64>(), last in any::<u64>()
        ) {
            let secret = TotpSecret::new(bytes);
            let read = TotpSecret::parse(secret.expose()).unwrap();
            prop_assert_eq!(read.expose(), &bytes);
            let _ = secret.accepted_step(&code("000000"), Timestamp::from_unix_ms(ms), last);
        }
    }

    #[test]
    fn other_sizes_are_no_secret() {
        assert!(TotpSecret::parse(&[0; 19]).is_err());
        assert!(TotpSecret::parse(&[0; 32]).is_err());
    }
}
