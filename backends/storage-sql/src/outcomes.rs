//! What the end of an operation means to its caller.

use contracts::{Replaced, StoreError};

use crate::statement::Written;

/// The outcome of an operation with one guard.
pub(crate) fn replaced(written: &Written) -> Result<Replaced, StoreError> {
    match written {
        Written::Done => Ok(Replaced::Yes),
        Written::Unmet(_) => Ok(Replaced::Stale),
        Written::Conflict(_) => Err(unexpected(written)),
    }
}

/// An outcome that the statements cannot have, unless the schema is not ours.
pub(crate) fn unexpected(written: &Written) -> StoreError {
    StoreError::Malformed { what: "outcome", source: format!("{written:?}").into() }
}
