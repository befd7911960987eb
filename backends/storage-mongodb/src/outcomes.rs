//! What the end of an operation means to its caller.

use contracts::{Advanced, Replaced, StoreError};

use crate::documents::malformed;
use crate::operation::Written;

/// The outcome of an operation with one guard.
pub(crate) fn replaced(written: Written) -> Result<Replaced, StoreError> {
    match written {
        Written::Done => Ok(Replaced::Yes),
        Written::Unmet(_) => Ok(Replaced::Stale),
        Written::Duplicate => Err(unexpected(written)),
    }
}

/// The outcome of a compare-and-set of a session.
pub(crate) fn advanced(written: Written) -> Result<Advanced, StoreError> {
    match written {
        Written::Done => Ok(Advanced::Yes),
        Written::Unmet(_) => Ok(Advanced::Stale),
        Written::Duplicate => Err(unexpected(written)),
    }
}

/// An outcome that the steps cannot have, unless the schema is not ours or an id was given twice.
pub(crate) fn unexpected(written: Written) -> StoreError {
    malformed("outcome", format!("{written:?}"))
}
