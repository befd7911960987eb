//! What a failed request is called.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use contracts::StoreError;

/// A request that failed, in words. The SDK's own error is not kept: it may hold the whole answer,
/// and whoever logs it would log a secret.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failure(Arc<str>);

impl Failure {
    pub(crate) fn new(words: impl Into<Arc<str>>) -> Self {
        Self(words.into())
    }

    /// The code of AWS and its words, which say who may not do what.
    pub(crate) fn of<E, R>(error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
        R: fmt::Debug + 'static,
    {
        match (error, error.code(), error.message()) {
            (_, Some(code), Some(message)) => Self::new(format!("{code}: {message}")),
            _ => Self::without_words(error),
        }
    }

    /// For requests that carry a secret, which words about them might quote.
    pub(crate) fn without_words<E, R>(error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
        R: fmt::Debug + 'static,
    {
        match (error, error.code()) {
            (_, Some(code)) => Self::new(code),
            // Its cause is what the parser met, which may be the secret.
            (SdkError::ServiceError(_) | SdkError::ResponseError(_), None) => {
                Self::new("the answer is not one of AWS")
            }
            (_, None) => Self::new(contracts::chain(error)),
        }
    }
}

/// The failure of a store that a failed request is.
impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        Self::Unavailable(failure.into())
    }
}
