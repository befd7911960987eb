//! What the end of an operation means to its caller.

use contracts::{Advanced, Replaced, StoreError};

use crate::attempts::unavailable;
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

/// An outcome that the steps cannot have. A key may be taken by whoever has given it up by the time
/// one looks: the same call may then succeed later.
pub(crate) fn unexpected(written: Written) -> StoreError {
    match written {
        Written::Duplicate => unavailable("a key was taken, and nobody has it"),
        Written::Done | Written::Unmet(_) => malformed("outcome", format!("{written:?}")),
    }
}
