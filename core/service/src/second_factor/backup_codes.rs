use contracts::Replaced;
use domain::{BACKUP_CODES, BackupCode, BackupCodeMac, EventKind, User, UserId};
use zeroize::Zeroizing;

use crate::Service;
use crate::authenticate::Caller;
use crate::failure::Failure;
use crate::policy::Origin;
use crate::user_changes::ATTEMPTS_MAX;

/// Why there are no new backup codes.
#[derive(Debug, thiserror::Error)]
pub enum RenewBackupCodesError {
    /// The caller has no second factor that they could stand in for.
    #[error("no second factor is enabled")]
    NotEnabled,
    /// The caller's sessions were ended meanwhile.
    #[error("the session was ended")]
    Revoked,
    /// The work could not be done.
    #[error("the backup codes could not be renewed")]
    Failure(#[from] Failure),
}

impl Service {
    /// New backup codes in the place of the caller's old ones, to be shown once. The caller must
    /// have authenticated recently: see [`Service::require_recent`].
    pub async fn renew_backup_codes(
        &self,
        caller: &Caller,
        origin: &Origin,
    ) -> Result<Vec<BackupCode>, RenewBackupCodesError> {
        let mut user = caller.account.user.clone();
        let (codes, macs) = self.new_backup_codes(&user.id);
        for _ in 0..ATTEMPTS_MAX {
            match self.replace_backup_codes(&user, &macs, origin).await? {
                Replaced::Yes => return Ok(codes),
                Replaced::Stale => {
                    let found = self.still_signed_in(&user).await?;
                    user = found.ok_or(RenewBackupCodesError::Revoked)?.user;
                }
            }
        }
        Err(Failure::Contended.into())
    }

    async fn replace_backup_codes(
        &self,
        user: &User,
        macs: &[BackupCodeMac],
        origin: &Origin,
    ) -> Result<Replaced, RenewBackupCodesError> {
        let mut change = self.change(user, Some(&user.id), origin);
        let totp = change.replace.user.totp.as_mut();
        let enabled = totp.and_then(|factor| factor.enabled.as_mut());
        let enabled = enabled.ok_or(RenewBackupCodesError::NotEnabled)?;
        enabled.backup_codes = macs.to_vec();
        let email = user.email.clone();
        change.tell(EventKind::UserUpdated { email, fields: vec!["backupCodes"] });
        Ok(change.commit_guarded().await?)
    }

    /// Codes for the user, and what is kept of them.
    pub(crate) fn new_backup_codes(&self, user: &UserId) -> (Vec<BackupCode>, Vec<BackupCodeMac>) {
        let codes: Vec<BackupCode> =
            (0..BACKUP_CODES).map(|_| BackupCode::new(self.entropy.bytes())).collect();
        let mac = |code| BackupCodeMac(self.code_key.mac(&compared_bytes(user, code)));
        let macs = codes.iter().map(mac).collect();
        (codes, macs)
    }

    /// Whether `kept` is of that code.
    pub(crate) fn is_backup_code(
        &self,
        user: &UserId,
        code: &BackupCode,
        kept: &BackupCodeMac,
    ) -> bool {
        self.code_key.is_genuine(&compared_bytes(user, code), &kept.0)
    }
}

/// A backup code counts only for its own user. It is never taken for a short code, whose bytes
/// begin with a challenge: one that began with these words would lie thousands of years ahead.
fn compared_bytes(user: &UserId, code: &BackupCode) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(b"backup code ".to_vec());
    bytes.extend_from_slice(code.expose());
    bytes.extend_from_slice(user.as_str().as_bytes());
    bytes
}
