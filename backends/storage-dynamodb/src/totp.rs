//! The second factor of a user, as a part of the user's item.

use contracts::StoreError;
use domain::{BackupCodeMac, EnabledTotp, TotpFactor};

use crate::failure::malformed;
use crate::fields::{Fields, bytes, counter, moment};
use crate::row::Row;

/// The attributes of a factor. Where there is none, they go; an item of a release that knew of none
/// has none of them either.
pub(crate) fn totp_fields(factor: Option<&TotpFactor>) -> Fields {
    let enabled = factor.and_then(|factor| factor.enabled.as_ref());
    Fields::default()
        .maybe("totp_sealed_secret", factor.map(|factor| bytes(&factor.sealed_secret)))
        .maybe("totp_begun_at_ms", factor.map(|factor| moment(factor.begun_at)))
        .maybe("totp_enabled_at_ms", enabled.map(|enabled| moment(enabled.at)))
        .maybe("totp_last_step", enabled.map(|enabled| counter(enabled.last_step)))
        .maybe("totp_backup_codes", enabled.map(|enabled| bytes(&joined(&enabled.backup_codes))))
}

fn joined(codes: &[BackupCodeMac]) -> Vec<u8> {
    codes.iter().flat_map(|mac| mac.0).collect()
}

/// Reads the factor of a user.
pub(crate) fn to_totp(row: Row<'_>) -> Result<Option<TotpFactor>, StoreError> {
    let sealed_secret = row.optional_bytes("totp_sealed_secret")?;
    match (sealed_secret, row.optional_moment("totp_begun_at_ms")?, to_enabled(row)?) {
        (Some(sealed_secret), Some(begun_at), enabled) => {
            Ok(Some(TotpFactor { sealed_secret, begun_at, enabled }))
        }
        (None, None, None) => Ok(None),
        _ => Err(malformed("second factor", "half a factor")),
    }
}

fn to_enabled(row: Row<'_>) -> Result<Option<EnabledTotp>, StoreError> {
    let at = row.optional_moment("totp_enabled_at_ms")?;
    let last_step = row.optional_counter("totp_last_step")?;
    match (at, last_step, row.optional_bytes("totp_backup_codes")?) {
        (Some(at), Some(last_step), Some(codes)) => {
            let (codes, rest) = codes.as_chunks::<32>();
            if !rest.is_empty() {
                return Err(malformed("backup codes", "one is cut"));
            }
            let backup_codes = codes.iter().copied().map(BackupCodeMac).collect();
            Ok(Some(EnabledTotp { at, last_step, backup_codes }))
        }
        (None, None, None) => Ok(None),
        _ => Err(malformed("second factor", "it is half enabled")),
    }
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;
    use crate::row::Item;

    fn factor(enabled: Option<EnabledTotp>) -> TotpFactor {
        let begun_at = Timestamp::from_unix_ms(1);
        TotpFactor { sealed_secret: [7; 40].into(), begun_at, enabled }
    }

    fn enabled(codes: &[[u8; 32]]) -> EnabledTotp {
        let backup_codes = codes.iter().copied().map(BackupCodeMac).collect();
        EnabledTotp { at: Timestamp::from_unix_ms(2), last_step: 3, backup_codes }
    }

    fn item(factor: Option<&TotpFactor>) -> Item {
        totp_fields(factor).item(Item::new())
    }

    #[test]
    fn a_factor_is_read_as_it_was_written() {
        let every = [None, Some(enabled(&[])), Some(enabled(&[[8; 32], [9; 32]]))];
        for factor in every.map(factor) {
            assert_eq!(to_totp(Row(&item(Some(&factor)))).unwrap(), Some(factor));
        }
        assert_eq!(to_totp(Row(&Item::new())).unwrap(), None);
        assert_eq!(item(None), Item::new());
    }

    #[test]
    fn half_a_factor_is_malformed() {
        let factor = factor(Some(enabled(&[[8; 32]])));
        let whole = item(Some(&factor));
        for missing in whole.keys() {
            let mut half = whole.clone();
            half.remove(missing);
            assert!(to_totp(Row(&half)).is_err(), "without {missing}");
        }
    }

    #[test]
    fn a_cut_backup_code_is_malformed() {
        for length in [1, 31, 33, 65] {
            let mut cut = item(Some(&factor(Some(enabled(&[])))));
            cut.insert("totp_backup_codes".to_owned(), bytes(&vec![1; length]));
            let read = to_totp(Row(&cut));
            assert!(matches!(read, Err(StoreError::Malformed { .. })), "{length}");
        }
    }
}
