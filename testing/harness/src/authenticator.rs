use std::fmt;

use domain::Timestamp;
use totp_rs::Totp;

/// An authenticator app that has scanned a QR code.
pub struct Authenticator(Totp);

impl Authenticator {
    /// What was scanned: an `otpauth` URI.
    pub fn scan(uri: &str) -> Self {
        let app = Totp::from_url(uri).unwrap();
        used_secrets::remember(&app.secret().to_base32());
        Self(app)
    }

    /// What it shows at that moment.
    pub fn code(&self, at: Timestamp) -> String {
        self.0.generate(u64::try_from(at.unix_seconds()).unwrap()).to_string()
    }

    /// A code that it does not show around that moment.
    pub fn wrong_code(&self, at: Timestamp) -> String {
        let seconds = at.unix_seconds();
        let shown: Vec<String> = (-2..=2)
            .map(|step| self.code(Timestamp::from_unix_ms((seconds + step * 30) * 1000)))
            .collect();
        (0..10).map(|number| format!("{number:06}")).find(|code| !shown.contains(code)).unwrap()
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticator(…)")
    }
}
