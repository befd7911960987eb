//! What a failed request is called.

use std::error::Error;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use contracts::StoreError;

/// A request that failed, in words. The SDK's own error is not kept: it may hold the whole item,
/// and whoever logs it would log a password hash.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failure(String);

/// Whether the server was too busy with others, so that the same request may succeed soon.
pub(crate) fn is_passing(code: Option<&str>) -> bool {
    matches!(
        code,
        Some(
            "TransactionConflict"
                | "TransactionConflictException"
                | "TransactionInProgressException"
                | "ProvisionedThroughputExceeded"
                | "ProvisionedThroughputExceededException"
                | "ThrottlingError"
                | "ThrottlingException"
                | "RequestLimitExceeded"
        )
    )
}

/// The failure of a store that a failed request is.
pub(crate) fn failed<E, R>(error: &SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let words = match (error.code(), error.message()) {
        (Some(code), message) => format!("{code}: {}", message.unwrap_or("no more was said")),
        (None, _) => contracts::chain(error),
    };
    unavailable(&words)
}

/// The store did not answer, or not as it should have.
pub(crate) fn unavailable(words: &str) -> StoreError {
    StoreError::Unavailable(Failure(words.to_owned()).into())
}

/// An item is not as we write it.
pub(crate) fn malformed(what: &'static str, words: &'static str) -> StoreError {
    StoreError::Malformed { what, source: words.into() }
}
