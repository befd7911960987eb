//! Whether a code proves the second factor: one place, whoever asks.

use std::net::IpAddr;

use contracts::Replaced;
use crypto::{OpenError, TotpSecret};
use domain::{
    Account, AuthenticationMethod, BackupCode, Client, EnabledTotp, EventKind, MailTemplate,
    PendingToken, TotpCode, TotpFactor, User, UserId,
};

use super::pending::PendingError;
use crate::Service;
use crate::failure::Failure;
use crate::limits::{Limit, LimitError, LimitReached};
use crate::policy::Origin;
use crate::user_changes::{ATTEMPTS_MAX, UserChange};

/// What somebody presents as second factor.
#[derive(Clone, Debug)]
pub enum PresentedFactor {
    /// What an authenticator app shows.
    Totp(TotpCode),
    /// What the user has kept for when the app is lost.
    Backup(BackupCode),
}

/// Why a second factor was not proved.
#[derive(Debug, thiserror::Error)]
pub enum ProveFactorError {
    /// The code is wrong, or was used.
    #[error("the code is not right")]
    WrongCode,
    /// What was proved before no longer holds, or there is no such factor any more.
    #[error("what was proved no longer holds")]
    Superseded,
    /// Too many wrong codes.
    #[error(transparent)]
    LimitReached(#[from] LimitReached),
    /// The work could not be done.
    #[error("the code could not be checked")]
    Failure(#[from] Failure),
}

/// With so many backup codes left the user is told to make new ones.
const BACKUP_CODES_LOW: usize = 3;

impl Service {
    /// Takes a code of the user's second factor: it counts once. Returns the account as it is then,
    /// and what was proved. Wrong codes count, and nothing else does; with the token of a sign-in
    /// that goes on they are its tries, too.
    pub(crate) async fn prove_factor(
        &self,
        account: Account,
        presented: &PresentedFactor,
        token: Option<&PendingToken>,
        origin: &Origin,
    ) -> Result<(Account, AuthenticationMethod), ProveFactorError> {
        let user = account.user.id.clone();
        let network = self.known_network(&user, &origin.client).await?;
        let counted = self.count_from(Limit::Mfa, network, user.as_str()).await?;
        let outcome = self.try_factor(account, presented, token, origin).await;
        if matches!(outcome, Err(ProveFactorError::WrongCode)) {
            counted.stands();
            self.note_wrong_code(&user, network, origin).await;
        } else {
            self.give_back(counted).await;
        }
        outcome
    }

    async fn try_factor(
        &self,
        account: Account,
        presented: &PresentedFactor,
        token: Option<&PendingToken>,
        origin: &Origin,
    ) -> Result<(Account, AuthenticationMethod), ProveFactorError> {
        // Counted before it is compared, so that guesses at one moment cannot share a try.
        if let Some(token) = token {
            self.count_pending_try(token).await?;
        }
        self.accept_code(account, presented, origin).await
    }

    /// The client's network, if somebody has completed a sign-in as that user there. All others
    /// share a quota: whoever uses that up does not shut out the owner at home.
    async fn known_network(
        &self,
        user: &UserId,
        client: &Client,
    ) -> Result<Option<IpAddr>, Failure> {
        let Some(digest) = self.network_digest(user, client) else { return Ok(None) };
        let known = self.stores.sessions.find_device(user, digest, self.clock.now()).await?;
        Ok(known.and_then(|_| client.network()))
    }

    async fn accept_code(
        &self,
        mut account: Account,
        presented: &PresentedFactor,
        origin: &Origin,
    ) -> Result<(Account, AuthenticationMethod), ProveFactorError> {
        for _ in 0..ATTEMPTS_MAX {
            let user = &account.user;
            let (change, method) = match presented {
                PresentedFactor::Totp(code) => {
                    (self.totp_use(user, code, origin)?, AuthenticationMethod::OneTimePassword)
                }
                PresentedFactor::Backup(code) => {
                    (self.backup_use(user, code, origin)?, AuthenticationMethod::BackupCode)
                }
            };
            match change.commit_guarded().await? {
                Replaced::Yes => {
                    account.user = change.replace.user;
                    return Ok((account, method));
                }
                Replaced::Stale => {
                    let found = self.still_signed_in(user).await?;
                    account = found.ok_or(ProveFactorError::Superseded)?;
                }
            }
        }
        Err(Failure::Contended.into())
    }

    /// The step of the code becomes the last that was used.
    fn totp_use<'a>(
        &'a self,
        user: &User,
        code: &TotpCode,
        origin: &'a Origin,
    ) -> Result<UserChange<'a>, ProveFactorError> {
        let mut change = self.change(user, Some(&user.id), origin);
        let (factor, enabled) = enabled_factor(user)?;
        let secret = self.totp_secret(&user.id, factor).map_err(Failure::Sealed)?;
        let step = secret.accepted_step(code, change.at(), enabled.last_step);
        let last_step = step.ok_or(ProveFactorError::WrongCode)?;
        change.replace.user.totp = Some(TotpFactor {
            sealed_secret: self.resealed_totp_secret(&user.id, factor, &secret),
            enabled: Some(EnabledTotp { last_step, ..enabled.clone() }),
            ..factor.clone()
        });
        Ok(change)
    }

    /// The backup code goes, and the user is told.
    fn backup_use<'a>(
        &'a self,
        user: &User,
        code: &BackupCode,
        origin: &'a Origin,
    ) -> Result<UserChange<'a>, ProveFactorError> {
        let mut change = self.change(user, Some(&user.id), origin);
        let (factor, enabled) = enabled_factor(user)?;
        let mut left = enabled.clone();
        left.backup_codes.retain(|kept| !self.is_backup_code(&user.id, code, kept));
        if left.backup_codes.len() == enabled.backup_codes.len() {
            return Err(ProveFactorError::WrongCode);
        }
        let count = left.backup_codes.len();
        change.replace.user.totp = Some(TotpFactor { enabled: Some(left), ..factor.clone() });
        change.tell(EventKind::UserBackupCodeUsed(origin.client.clone()));
        change.mail_of_codes(MailTemplate::BackupCodeUsed, count);
        if count == BACKUP_CODES_LOW {
            change.mail_of_codes(MailTemplate::BackupCodesLow, count);
        }
        Ok(change)
    }

    /// The secret that the user's app shares.
    pub(crate) fn totp_secret(
        &self,
        user: &UserId,
        factor: &TotpFactor,
    ) -> Result<TotpSecret, OpenError> {
        let secret = self.data_keys.open(&totp_identity(user), &factor.sealed_secret)?;
        TotpSecret::parse(&secret).map_err(|_| OpenError::Malformed)
    }

    /// Seals a secret for the user's record.
    pub(crate) fn seal_totp_secret(&self, user: &UserId, secret: &TotpSecret) -> Box<[u8]> {
        self.data_keys.seal(&totp_identity(user), secret.expose(), self.entropy.bytes())
    }

    /// The sealed secret, sealed anew where another data key than the first had sealed it.
    pub(crate) fn resealed_totp_secret(
        &self,
        user: &UserId,
        factor: &TotpFactor,
        secret: &TotpSecret,
    ) -> Box<[u8]> {
        if self.data_keys.needs_reseal(&factor.sealed_secret) {
            self.seal_totp_secret(user, secret)
        } else {
            factor.sealed_secret.clone()
        }
    }
}

/// What ties a sealed secret to its user: moved to another row it does not open.
pub(crate) fn totp_identity(user: &UserId) -> String {
    format!("user/{user}/totp")
}

fn enabled_factor(user: &User) -> Result<(&TotpFactor, &EnabledTotp), ProveFactorError> {
    let factor = user.totp.as_ref().ok_or(ProveFactorError::Superseded)?;
    Ok((factor, factor.enabled.as_ref().ok_or(ProveFactorError::Superseded)?))
}

impl From<LimitError> for ProveFactorError {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Reached(reached) => Self::LimitReached(reached),
            LimitError::Failure(failure) => Self::Failure(failure),
        }
    }
}

impl From<PendingError> for ProveFactorError {
    fn from(error: PendingError) -> Self {
        match error {
            PendingError::NotUsable | PendingError::AccountDisabled => Self::Superseded,
            PendingError::Failure(failure) => Self::Failure(failure),
        }
    }
}
