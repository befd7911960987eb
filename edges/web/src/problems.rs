//! How the errors of use cases become problems: one exhaustive match each.

use contracts::StoreError;
use service::{
    AuthenticateError, ChangePasswordError, ChangeProfileError, DisableFactorError,
    EnableFactorError, EndSessionError, EraseAccountError, Failure, HashingError, KeyRingError,
    LimitError, RefreshError, RenewBackupCodesError, ResetPasswordError, SetUpFactorError,
    SignInError, SignOutError, SignUpError, StepUpError, VerifyAddressError, VerifyFactorError,
};

use crate::code::Code;
use crate::problem::Problem;

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(StoreError::Unavailable(_))
            | Failure::Contended
            | Failure::RemoteSigner(_) => Self::unavailable(failure),
            Failure::Keys(error) => match *error {
                KeyRingError::Failure(failure) => failure.into(),
                KeyRingError::Unreadable
                | KeyRingError::ReadSecrets(_)
                | KeyRingError::ReadRemote { .. } => Self::unavailable(*error),
                _ => Self::internal(*error),
            },
            Failure::Store(StoreError::Malformed { .. })
            | Failure::Sealed(_)
            | Failure::MalformedMail
            | Failure::ImpossibleOutcome(_)
            | Failure::Sign(_)
            | Failure::NoSigningKey
            | Failure::PasswordHash(_)
            | Failure::Hashing(_) => Self::internal(failure),
        }
    }
}

impl From<LimitError> for Problem {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Reached(reached) => Self::limit_reached(reached),
            LimitError::Failure(failure) => failure.into(),
        }
    }
}

impl From<SignUpError> for Problem {
    fn from(error: SignUpError) -> Self {
        match error {
            SignUpError::Closed => {
                Self::new(Code::Forbidden).detail("Registration is closed here.")
            }
            SignUpError::WeakPassword(why) => Self::weak_password("password", why),
            SignUpError::EmailTaken => Self::new(Code::EmailTaken),
            SignUpError::UsernameTaken => Self::new(Code::UsernameTaken),
            SignUpError::LimitReached(reached) => Self::limit_reached(reached),
            SignUpError::Hashing(error) => hashing("password", error),
            SignUpError::Failure(failure) => failure.into(),
        }
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::InvalidCredentials(_) => Self::new(Code::InvalidCredentials),
            SignInError::AccountDisabled(_) => Self::new(Code::AccountDisabled),
            SignInError::EmailNotVerified(_) => Self::new(Code::EmailNotVerified),
            SignInError::Hashing(error) => hashing("password", error),
            SignInError::Failure(failure) => failure.into(),
        }
    }
}

impl From<RefreshError> for Problem {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::NotGenuine => Self::new(Code::InvalidToken),
            RefreshError::Expired => Self::new(Code::TokenExpired),
            RefreshError::Revoked | RefreshError::Replayed => Self::new(Code::SessionRevoked),
            RefreshError::LimitReached(reached) => Self::limit_reached(reached),
            RefreshError::EnrolmentRequired => Self::enrolment_required(),
            RefreshError::AccountDisabled => Self::new(Code::AccountDisabled),
            RefreshError::Failure(failure) => failure.into(),
        }
    }
}

impl From<SignOutError> for Problem {
    fn from(error: SignOutError) -> Self {
        match error {
            SignOutError::NotGenuine => Self::new(Code::InvalidToken),
            SignOutError::Failure(failure) => failure.into(),
        }
    }
}

impl From<EndSessionError> for Problem {
    fn from(error: EndSessionError) -> Self {
        match error {
            EndSessionError::NotFound => Self::new(Code::NotFound),
            EndSessionError::Failure(failure) => failure.into(),
        }
    }
}

impl From<AuthenticateError> for Problem {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::InvalidToken(_) => Self::bearer(Code::InvalidToken),
            AuthenticateError::Expired => Self::bearer(Code::TokenExpired),
            AuthenticateError::Revoked => Self::bearer(Code::SessionRevoked),
            AuthenticateError::AccountDisabled => Self::new(Code::AccountDisabled),
            AuthenticateError::Failure(failure) => failure.into(),
        }
    }
}

impl From<VerifyAddressError> for Problem {
    fn from(error: VerifyAddressError) -> Self {
        match error {
            VerifyAddressError::CodeNotUsable => Self::new(Code::UnusableToken),
            VerifyAddressError::PasswordRequired => Self::new(Code::PasswordRequired),
            VerifyAddressError::WrongPassword => Self::new(Code::InvalidCredentials),
            VerifyAddressError::NothingToDiscard => Self::new(Code::PasswordRequired)
                .detail("Only the first address of an account can discard the password."),
            VerifyAddressError::EmailTaken => Self::new(Code::EmailTaken),
            VerifyAddressError::Hashing(error) => hashing("password", error),
            VerifyAddressError::Failure(failure) => failure.into(),
        }
    }
}

impl From<ResetPasswordError> for Problem {
    fn from(error: ResetPasswordError) -> Self {
        match error {
            ResetPasswordError::WeakPassword(why) => Self::weak_password("newPassword", why),
            ResetPasswordError::CodeNotUsable => Self::new(Code::UnusableToken),
            ResetPasswordError::Hashing(error) => hashing("newPassword", error),
            ResetPasswordError::Failure(failure) => failure.into(),
        }
    }
}

impl From<ChangePasswordError> for Problem {
    fn from(error: ChangePasswordError) -> Self {
        match error {
            ChangePasswordError::WeakPassword(why) => Self::weak_password("newPassword", why),
            ChangePasswordError::WrongPassword => Self::new(Code::InvalidCredentials),
            ChangePasswordError::Revoked => Self::bearer(Code::SessionRevoked),
            ChangePasswordError::Hashing(error) => hashing("newPassword", error),
            ChangePasswordError::Failure(failure) => failure.into(),
        }
    }
}

impl From<ChangeProfileError> for Problem {
    fn from(error: ChangeProfileError) -> Self {
        match error {
            ChangeProfileError::StepUpRequired(_) => Self::step_up_required(),
            ChangeProfileError::LimitReached(reached) => Self::limit_reached(reached),
            ChangeProfileError::TooSoon(wait) => Self::rate_limited(wait),
            ChangeProfileError::EmailTaken => Self::new(Code::EmailTaken),
            ChangeProfileError::UsernameTaken => Self::new(Code::UsernameTaken),
            ChangeProfileError::Revoked => Self::bearer(Code::SessionRevoked),
            ChangeProfileError::Failure(failure) => failure.into(),
        }
    }
}

impl From<EraseAccountError> for Problem {
    fn from(error: EraseAccountError) -> Self {
        match error {
            EraseAccountError::Revoked => Self::bearer(Code::SessionRevoked),
            EraseAccountError::Failure(failure) => failure.into(),
        }
    }
}

impl From<StepUpError> for Problem {
    fn from(error: StepUpError) -> Self {
        match error {
            StepUpError::WrongPassword => Self::new(Code::InvalidCredentials),
            StepUpError::WrongCode => Self::new(Code::InvalidFactor),
            StepUpError::LimitReached(reached) => Self::limit_reached(reached),
            StepUpError::EnrolmentRequired => Self::enrolment_required(),
            StepUpError::Revoked => Self::bearer(Code::SessionRevoked),
            StepUpError::Hashing(error) => hashing("password", error),
            StepUpError::Failure(failure) => failure.into(),
        }
    }
}

impl From<VerifyFactorError> for Problem {
    fn from(error: VerifyFactorError) -> Self {
        match error {
            VerifyFactorError::NotUsable => Self::session_token(),
            VerifyFactorError::WrongCode => Self::new(Code::InvalidFactor),
            VerifyFactorError::AccountDisabled => Self::new(Code::AccountDisabled),
            VerifyFactorError::EmailNotVerified => Self::new(Code::EmailNotVerified),
            VerifyFactorError::LimitReached(reached) => Self::limit_reached(reached),
            VerifyFactorError::Failure(failure) => failure.into(),
        }
    }
}

impl From<SetUpFactorError> for Problem {
    fn from(error: SetUpFactorError) -> Self {
        match error {
            SetUpFactorError::AlreadyEnabled => Self::new(Code::MfaAlreadyEnabled),
            SetUpFactorError::StepUpRequired(_) => Self::step_up_required(),
            SetUpFactorError::NotUsable => Self::session_token(),
            SetUpFactorError::AccountDisabled => Self::new(Code::AccountDisabled),
            SetUpFactorError::Revoked => Self::bearer(Code::SessionRevoked),
            SetUpFactorError::Failure(failure) => failure.into(),
        }
    }
}

impl From<EnableFactorError> for Problem {
    fn from(error: EnableFactorError) -> Self {
        match error {
            EnableFactorError::SetUp(error) => error.into(),
            EnableFactorError::NotBegun => Self::new(Code::Conflict)
                .detail("No secret waits for its first code: call `/auth/mfa/setup` first."),
            EnableFactorError::WrongCode => Self::new(Code::InvalidFactor),
        }
    }
}

impl From<RenewBackupCodesError> for Problem {
    fn from(error: RenewBackupCodesError) -> Self {
        match error {
            RenewBackupCodesError::NotEnabled => Self::new(Code::MfaNotEnabled),
            RenewBackupCodesError::Revoked => Self::bearer(Code::SessionRevoked),
            RenewBackupCodesError::Failure(failure) => failure.into(),
        }
    }
}

impl From<DisableFactorError> for Problem {
    fn from(error: DisableFactorError) -> Self {
        match error {
            DisableFactorError::NotEnabled => Self::new(Code::MfaNotEnabled),
            DisableFactorError::WrongPassword => Self::new(Code::InvalidCredentials),
            DisableFactorError::Revoked => Self::bearer(Code::SessionRevoked),
            DisableFactorError::Hashing(error) => hashing("password", error),
            DisableFactorError::Failure(failure) => failure.into(),
        }
    }
}

/// What hashing says of the password that was given as `field`.
fn hashing(field: &'static str, error: HashingError) -> Problem {
    match error {
        HashingError::Overloaded(overloaded) => Problem::overloaded(overloaded.retry_after),
        HashingError::LimitReached(reached) => Problem::limit_reached(reached),
        HashingError::WeakPassword(why) => Problem::weak_password(field, why),
        HashingError::Failure(failure) => failure.into(),
    }
}
