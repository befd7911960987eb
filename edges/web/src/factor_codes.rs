//! Codes of a second factor, as bodies carry them.

use domain::{BackupCode, TotpCode};
use schemars::Schema;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use service::PresentedFactor;

use crate::mistakes::Mistakes;

/// Six digits, in two groups or one.
pub(crate) const CODE_PATTERN: &str = "^[0-9]{3} ?[0-9]{3}$";
/// Ten letters and digits, in two groups or one.
pub(crate) const BACKUP_CODE_PATTERN: &str =
    "^[0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{5}-?[0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{5}$";

/// What a body says: the code of an authenticator app, or a backup code.
pub(crate) struct FactorFields<'a> {
    pub(crate) code: Option<&'a SecretString>,
    pub(crate) backup_code: Option<&'a SecretString>,
}

impl FactorFields<'_> {
    /// What is presented, if anything is; both at once are noted as a mistake.
    pub(crate) fn parse(&self, mistakes: &mut Mistakes) -> Option<PresentedFactor> {
        match (self.code, self.backup_code) {
            (Some(code), None) => totp_code(code, mistakes).map(PresentedFactor::Totp),
            (None, Some(code)) => {
                let code = mistakes.take("backupCode", BackupCode::parse(code.expose_secret()));
                code.map(PresentedFactor::Backup)
            }
            (Some(_), Some(_)) => {
                mistakes.note("backupCode", "invalid", "give code or backupCode".to_owned());
                None
            }
            (None, None) => None,
        }
    }
}

/// The code of an authenticator app.
pub(crate) fn totp_code(typed: &SecretString, mistakes: &mut Mistakes) -> Option<TotpCode> {
    mistakes.take("code", TotpCode::parse(typed.expose_secret()))
}

/// Says in the contract what the types cannot: one code at the most.
pub(crate) fn takes_one_code(schema: &mut Schema) {
    let typed =
        |name: &str| json!({ "required": [name], "properties": { name: { "type": "string" } } });
    let both = json!({ "allOf": [typed("code"), typed("backupCode")] });
    schema.insert("not".to_owned(), both);
}

/// Says in the contract what the types cannot: a session token, and exactly one code.
pub(crate) fn asks_for_one_code(schema: &mut Schema) {
    schema.insert("required".to_owned(), json!(["sessionToken"]));
    let forms = json!([{ "required": ["code"] }, { "required": ["backupCode"] }]);
    schema.insert("oneOf".to_owned(), forms);
}
