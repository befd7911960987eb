use std::time::Duration;

use contracts::Replaced;
use crypto::TotpSecret;
use domain::{
    Account, AuthenticationMethod, BackupCode, BackupCodeMac, EnabledTotp, EndReason, EventKind,
    MailTemplate, PendingStep, PendingToken, SessionId, TotpCode, TotpFactor,
};
use secrecy::SecretString;

use super::pending::PendingError;
use super::trusted_devices::Trust;
use crate::Service;
use crate::authenticate::Caller;
use crate::failure::Failure;
use crate::issue_session::{IssueSessionError, Issued, ProvenSignIn, Tokens};
use crate::policy::Origin;
use crate::step_up::StepUpRequired;
use crate::user_changes::{ATTEMPTS_MAX, UserChange};

/// How long a new secret waits for its first code.
const SET_UP_TTL: Duration = Duration::from_hours(1);

/// Who sets up a second factor.
#[derive(Clone, Debug)]
pub enum Enroller {
    /// Somebody who is signed in, and has authenticated recently.
    Caller(Box<Caller>),
    /// Somebody whose sign-in wants a factor, because of a role.
    Pending(PendingToken),
}

/// A secret for an authenticator app, which was not verified yet. Shown once.
#[derive(Debug)]
pub struct NewFactor {
    /// For typing: base32.
    pub secret: SecretString,
    /// For scanning: `otpauth://totp/…`.
    pub uri: SecretString,
}

/// Why no secret was made.
#[derive(Debug, thiserror::Error)]
pub enum SetUpFactorError {
    /// There is a factor already: it has to be disabled first.
    #[error("a second factor is enabled already")]
    AlreadyEnabled,
    /// The caller's authentication is too old.
    #[error(transparent)]
    StepUpRequired(#[from] StepUpRequired),
    /// The session token cannot be used: sign in again.
    #[error("the session token is not valid")]
    NotUsable,
    /// The user may not sign in.
    #[error("the account is disabled")]
    AccountDisabled,
    /// The caller's sessions were ended meanwhile.
    #[error("the session was ended")]
    Revoked,
    /// The work could not be done.
    #[error("the second factor could not be set up")]
    Failure(#[from] Failure),
}

/// A factor that sign-ins ask for from now on.
#[derive(Debug)]
pub struct EnabledFactor {
    /// To be shown once.
    pub backup_codes: Vec<BackupCode>,
    /// What a sign-in gets that had to set up a factor. That its session could not begin takes
    /// nothing back: the factor is enabled, and nobody can show the backup codes again.
    pub tokens: Result<Option<Tokens>, Failure>,
}

/// Why a factor was not enabled.
#[derive(Debug, thiserror::Error)]
pub enum EnableFactorError {
    /// Who calls may not set one up, or has one.
    #[error(transparent)]
    SetUp(#[from] SetUpFactorError),
    /// No secret waits for its first code.
    #[error("no second factor is being set up")]
    NotBegun,
    /// The code is not one of the new secret.
    #[error("the code is not right")]
    WrongCode,
}

/// What is enabled, and for whom.
struct Enrolment {
    account: Account,
    backup_codes: Vec<BackupCodeMac>,
    /// The session that lives on.
    session: Option<SessionId>,
    /// What a sign-in has proved that goes on afterwards.
    methods: Option<Vec<AuthenticationMethod>>,
}

impl Service {
    /// Makes a secret for an authenticator app, in the place of one that was not verified yet.
    /// Nothing is enabled by it.
    pub async fn set_up_factor(
        &self,
        by: &Enroller,
        origin: &Origin,
    ) -> Result<NewFactor, SetUpFactorError> {
        let mut user = match by {
            Enroller::Caller(caller) => {
                self.require_recent(caller)?;
                caller.account.user.clone()
            }
            Enroller::Pending(token) => {
                self.find_pending(token, PendingStep::Enrolment).await?.1.user
            }
        };
        let secret = TotpSecret::new(self.entropy.bytes());
        for _ in 0..ATTEMPTS_MAX {
            if user.second_factor().is_some() {
                return Err(SetUpFactorError::AlreadyEnabled);
            }
            let mut change = self.change(&user, Some(&user.id), origin);
            let sealed_secret = self.seal_totp_secret(&user.id, &secret);
            let begun_at = change.at();
            change.replace.user.totp = Some(TotpFactor { sealed_secret, begun_at, enabled: None });
            match change.commit_guarded().await? {
                Replaced::Yes => {
                    let uri = secret.to_uri(&self.policy.mfa.issuer, &user.email);
                    return Ok(NewFactor { secret: secret.to_base32(), uri });
                }
                Replaced::Stale => {
                    let found = self.still_signed_in(&user).await?;
                    user = found.ok_or_else(|| by.superseded())?.user;
                }
            }
        }
        Err(Failure::Contended.into())
    }

    /// Enables the factor whose first code this is, and ends every other session of the user. A
    /// sign-in that had to set up a factor gets its tokens.
    pub async fn enable_factor(
        &self,
        by: &Enroller,
        code: &TotpCode,
        origin: &Origin,
    ) -> Result<EnabledFactor, EnableFactorError> {
        let mut enrolment = self.enrolment(by).await?;
        let (backup_codes, macs) = self.new_backup_codes(&enrolment.account.user.id);
        enrolment.backup_codes = macs;
        for _ in 0..ATTEMPTS_MAX {
            let change = self.enabling(&enrolment, code, origin)?;
            match change.commit_guarded().await? {
                Replaced::Yes => {
                    enrolment.account.user = change.replace.user;
                    let tokens = self.go_on(enrolment, origin).await;
                    return Ok(EnabledFactor { backup_codes, tokens });
                }
                Replaced::Stale => {
                    let found = self.still_signed_in(&enrolment.account.user).await?;
                    let account = found.ok_or_else(|| by.superseded())?;
                    enrolment.account = account;
                }
            }
        }
        Err(Failure::Contended.into())
    }

    /// A try with a session token counts before anything is compared. A caller's do not: it is
    /// their own secret that they would guess.
    async fn enrolment(&self, by: &Enroller) -> Result<Enrolment, EnableFactorError> {
        let backup_codes = Vec::new();
        match by {
            Enroller::Caller(caller) => {
                self.require_recent(caller)?;
                let account = caller.account.clone();
                let session = Some(caller.session.id);
                Ok(Enrolment { account, backup_codes, session, methods: None })
            }
            Enroller::Pending(token) => {
                let (pending, account) = self.find_pending(token, PendingStep::Enrolment).await?;
                self.count_pending_try(token).await?;
                let methods = Some(pending.methods);
                Ok(Enrolment { account, backup_codes, session: None, methods })
            }
        }
    }

    fn enabling<'a>(
        &'a self,
        enrolment: &Enrolment,
        code: &TotpCode,
        origin: &'a Origin,
    ) -> Result<UserChange<'a>, EnableFactorError> {
        let user = &enrolment.account.user;
        let mut change = self.change(user, Some(&user.id), origin);
        let (at, factor) = (change.at(), user.totp.as_ref().ok_or(EnableFactorError::NotBegun)?);
        if factor.enabled.is_some() {
            return Err(SetUpFactorError::AlreadyEnabled.into());
        }
        if at.since(factor.begun_at) >= SET_UP_TTL {
            return Err(EnableFactorError::NotBegun);
        }
        let secret = self.totp_secret(&user.id, factor).map_err(Failure::Sealed)?;
        let step = secret.accepted_step(code, at, 0);
        let last_step = step.ok_or(EnableFactorError::WrongCode)?;
        let backup_codes = enrolment.backup_codes.clone();
        change.replace.user.totp = Some(TotpFactor {
            sealed_secret: self.resealed_totp_secret(&user.id, factor, &secret),
            begun_at: factor.begun_at,
            enabled: Some(EnabledTotp { at, last_step, backup_codes }),
        });
        change.tell(EventKind::UserMfaEnabled(origin.client.clone()));
        change.end_sessions(EndReason::FactorChanged, enrolment.session);
        change.mail(MailTemplate::FactorEnabled);
        Ok(change)
    }

    /// The session of a sign-in that had to set up a factor. Its session token is dead: the epoch
    /// has risen.
    async fn go_on(
        &self,
        enrolment: Enrolment,
        origin: &Origin,
    ) -> Result<Option<Tokens>, Failure> {
        let Enrolment { account, methods: Some(mut methods), .. } = enrolment else {
            return Ok(None);
        };
        methods.push(AuthenticationMethod::OneTimePassword);
        let proven = ProvenSignIn { account, methods, trust: Trust::None, origin };
        match self.issue_session(proven).await {
            Ok(Issued::Tokens(tokens)) => Ok(Some(*tokens)),
            Err(IssueSessionError::Failure(failure)) => Err(failure),
            // Overtaken by another change: who wants tokens signs in anew.
            Ok(Issued::NextStep(_))
            | Err(IssueSessionError::Superseded | IssueSessionError::EmailNotVerified) => Ok(None),
        }
    }
}

impl Enroller {
    /// What they proved no longer holds.
    const fn superseded(&self) -> SetUpFactorError {
        match self {
            Self::Caller(_) => SetUpFactorError::Revoked,
            Self::Pending(_) => SetUpFactorError::NotUsable,
        }
    }
}

impl From<PendingError> for SetUpFactorError {
    fn from(error: PendingError) -> Self {
        match error {
            PendingError::NotUsable => Self::NotUsable,
            PendingError::AccountDisabled => Self::AccountDisabled,
            PendingError::Failure(failure) => Self::Failure(failure),
        }
    }
}

impl From<PendingError> for EnableFactorError {
    fn from(error: PendingError) -> Self {
        Self::SetUp(error.into())
    }
}

impl From<StepUpRequired> for EnableFactorError {
    fn from(error: StepUpRequired) -> Self {
        Self::SetUp(error.into())
    }
}

impl From<Failure> for EnableFactorError {
    fn from(error: Failure) -> Self {
        Self::SetUp(error.into())
    }
}
