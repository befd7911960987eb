//! How an operation stays one operation although its requests are repeated.
//!
//! A request whose answer is lost, or is a 5xx, may have been carried out, and the SDK sends it
//! again. Whether that may be, and how an operation tells its own earlier attempt from somebody
//! else's change, is decided here, in `write.rs` and in `transaction.rs`:
//!
//! - **Transactions** carry a `ClientRequestToken`. `DynamoDB` carries a request of one token out
//!   once in ten minutes, so a request whose outcome is open (the answer was lost or is a 5xx, or
//!   the first is still in progress) is repeated unchanged and with its token. Once `DynamoDB` has
//!   said that a transaction was cancelled, its outcome is certain: the next attempt is another
//!   request, with another token, and what depends on the moment is made anew for it.
//! - **Conditional updates and puts of one item** write the operation's id into the attribute `op`.
//!   A condition that does not hold gives the item as it stands (`ALL_OLD`): if that bears the
//!   operation's own id, the condition does not hold because an earlier attempt was carried out,
//!   which is success. An update is also conditional on the item not bearing its id, so that what
//!   adds (tries, quotas) adds once.
//!   If somebody else changed the item between the lost answer and the repetition, their id stands
//!   there: then a compare-and-set reports that it was too late, so that its caller reads again and
//!   finds its own change; a try or a draw may be counted twice, which errs on the safe side.
//! - **Unconditional puts** write the same again.
//! - **Deletions** find nothing the second time. Where they are counted, one may be missed; where
//!   somebody is to get what is removed, they are transactions.
//!
//! Whatever conflicts with another transaction or is throttled is tried again after a wait that
//! differs from caller to caller, until [`OPERATION_MAX`] is over.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use contracts::StoreError;

use crate::failure::unavailable;
use crate::table::digest_of;

/// The time that an operation of the store takes at most, repetitions included: less than callers
/// are promised, because timers of a busy machine fire late.
pub(crate) const OPERATION_MAX: Duration = Duration::from_millis(2300);

/// How often a request that conflicts with others is tried.
pub(crate) const TURNS_MAX: u32 = 16;
/// The longest first wait for others. It doubles with each turn.
const FIRST_WAIT_MS: u64 = 16;
/// The longest wait of all.
const WAIT_MAX_MS: u64 = 256;

/// Ends an operation that takes too long.
pub(crate) fn within<T>(
    operation: impl Future<Output = Result<T, StoreError>>,
) -> impl Future<Output = Result<T, StoreError>> {
    // Requests of the SDK are large: on the heap they burden none of the callers.
    let operation = tokio::time::timeout(OPERATION_MAX, Box::pin(operation));
    async move {
        operation.await.unwrap_or_else(|_| Err(unavailable("the table did not answer in time")))
    }
}

/// Names the operations of this instance as no other's. Unique without randomness: the table
/// itself has numbered those who opened it.
pub(crate) struct Operations {
    prefix: String,
    next: AtomicU64,
}

impl Operations {
    /// `table` tells this table from all others that ever bore its name.
    pub(crate) fn new(table: &str, instance: u64) -> Self {
        let instance = instance & u64::from(u32::MAX);
        let prefix = format!("{:016x}{instance:08x}", digest_of(table));
        Self { prefix, next: AtomicU64::new(0) }
    }

    /// The id of a new operation: 36 characters, as many as a token may have.
    pub(crate) fn begin(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed) & 0xffff_ffff_ffff;
        format!("{}{number:012x}", self.prefix)
    }
}

/// Waits before another turn: up to a moment that grows with each turn, and differs from caller to
/// caller, so that those who met do not meet again.
pub(crate) async fn wait(operation: &str, turn: u32) {
    let longest = (FIRST_WAIT_MS << turn.min(8)).min(WAIT_MAX_MS);
    let ms = digest_of(&format!("{operation}/{turn}")) % longest + 1;
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_operations_have_one_id() {
        let (first, second) = (Operations::new("table-1", 1), Operations::new("table-1", 2));
        let other = Operations::new("table-2", 1);
        let ids = [first.begin(), first.begin(), second.begin(), other.begin()];
        for (place, id) in ids.iter().enumerate() {
            assert_eq!(id.len(), 36);
            assert!(!ids[..place].contains(id), "{ids:?}");
        }
    }
}
