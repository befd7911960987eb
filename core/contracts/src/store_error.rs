use crate::BoxError;

/// Why a store could not answer. Never means "not found" and never means "refused".
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The backend failed or did not answer; the same call may succeed later.
    #[error("the store is unavailable")]
    Unavailable(#[source] BoxError),
    /// The backend answered with something we never write.
    #[error("the store holds a malformed {what}")]
    Malformed {
        /// The field or record.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: BoxError,
    },
}
