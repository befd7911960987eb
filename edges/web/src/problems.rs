//! How the errors of use cases become problems: one exhaustive match each.

use contracts::StoreError;
use service::{
    AuthenticateError, EndSessionError, Failure, RefreshError, SignInError, SignOutError,
    SignUpError,
};

use crate::code::Code;
use crate::problem::{FieldError, Problem};

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(StoreError::Unavailable(_)) | Failure::Contended => {
                Self::unavailable(failure)
            }
            Failure::Store(StoreError::Malformed { .. })
            | Failure::Sealed(_)
            | Failure::Sign(_)
            | Failure::NoSigningKey
            | Failure::PasswordHash(_)
            | Failure::Hashing(_) => Self::internal(failure),
        }
    }
}

impl From<SignUpError> for Problem {
    fn from(error: SignUpError) -> Self {
        match error {
            SignUpError::Closed => {
                Self::new(Code::Forbidden).detail("Registration is closed here.")
            }
            SignUpError::WeakPassword(why) => Self::validation(vec![FieldError {
                field: "password".into(),
                code: why.code(),
                message: why.to_string(),
            }]),
            SignUpError::EmailTaken => Self::new(Code::EmailTaken),
            SignUpError::UsernameTaken => Self::new(Code::UsernameTaken),
            SignUpError::Overloaded(overloaded) => Self::overloaded(overloaded.retry_after),
            SignUpError::Failure(failure) => failure.into(),
        }
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::InvalidCredentials(_) => Self::new(Code::InvalidCredentials),
            SignInError::AccountDisabled(_) => Self::new(Code::AccountDisabled),
            SignInError::Overloaded(overloaded) => Self::overloaded(overloaded.retry_after),
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
