//! The second factor in the row of its user.

use contracts::StoreError;
use domain::{BackupCodeMac, EnabledTotp, TotpFactor};

use crate::statement::{RowReader, Value};

/// The columns of a factor, in the order that [`to_factor`] reads and [`factor_values`] gives them.
macro_rules! factor_columns {
    ($prefix:literal) => {
        concat!(
            $prefix,
            "totp_sealed_secret, ",
            $prefix,
            "totp_begun_at_ms, ",
            $prefix,
            "totp_enabled_at_ms, ",
            $prefix,
            "totp_last_step, ",
            $prefix,
            "totp_backup_codes"
        )
    };
}
pub(crate) use factor_columns;

/// How many columns [`factor_columns`] names.
pub(crate) const FACTOR_COLUMNS: usize = 5;

/// What the columns of a user's factor hold.
pub(crate) fn factor_values(factor: Option<&TotpFactor>) -> [Value; FACTOR_COLUMNS] {
    let enabled = factor.and_then(|factor| factor.enabled.as_ref());
    let codes = enabled
        .map(|enabled| enabled.backup_codes.iter().flat_map(|mac| mac.0).collect::<Vec<u8>>());
    [
        factor.map(|factor| factor.sealed_secret.as_ref()).into(),
        factor.map(|factor| factor.begun_at).into(),
        enabled.map(|enabled| enabled.at).into(),
        enabled.map(|enabled| enabled.last_step).into(),
        codes.as_deref().into(),
    ]
}

/// Reads a user's factor, which a row of an earlier release does not have.
pub(crate) fn to_factor(row: &mut RowReader<'_>) -> Result<Option<TotpFactor>, StoreError> {
    let sealed_secret = row.optional_bytes("secret of a factor")?;
    let begun_at = row.optional_moment("beginning of a factor")?;
    let enabled_at = row.optional_moment("time of a factor")?;
    let last_step = row.optional_counter("step of a factor")?;
    let codes = row.optional_bytes("backup codes")?;
    let enabled = match (enabled_at, last_step, codes) {
        (Some(at), Some(last_step), Some(codes)) => {
            Some(EnabledTotp { at, last_step, backup_codes: to_backup_codes(&codes)? })
        }
        (None, None, None) => None,
        _ => return Err(half_a_factor()),
    };
    match (sealed_secret, begun_at, enabled) {
        (Some(sealed_secret), Some(begun_at), enabled) => {
            Ok(Some(TotpFactor { sealed_secret, begun_at, enabled }))
        }
        (None, None, None) => Ok(None),
        _ => Err(half_a_factor()),
    }
}

fn half_a_factor() -> StoreError {
    StoreError::Malformed { what: "second factor", source: "half a factor".into() }
}

fn to_backup_codes(bytes: &[u8]) -> Result<Vec<BackupCodeMac>, StoreError> {
    match bytes.as_chunks() {
        (codes, []) => Ok(codes.iter().copied().map(BackupCodeMac).collect()),
        _ => Err(StoreError::Malformed {
            what: "backup codes",
            source: format!("{} bytes are no number of codes", bytes.len()).into(),
        }),
    }
}
