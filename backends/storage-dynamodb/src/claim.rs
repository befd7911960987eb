//! Claiming what waits, for a while.

use contracts::StoreError;
use domain::Timestamp;

use crate::DynamoStorage;
use crate::fields::{Fields, moment};
use crate::row::Item;
use crate::table::{Key, digest_of};
use crate::write::{Action, Written};

/// How often somebody looks again after others were quicker.
const ROUNDS_MAX: usize = 6;
/// Among how many times as much as is wanted they then look.
const WIDTH: usize = 4;

/// How something is claimed.
pub(crate) struct Lease {
    /// What it has from then on.
    pub(crate) fields: Fields,
    /// What must hold at that moment for it to be had: `:now` is the moment.
    pub(crate) condition: &'static str,
    /// The present.
    pub(crate) now: Timestamp,
}

impl Lease {
    fn claim(&self, key: Key) -> Action {
        Action::update(key, self.fields.clone())
            .when("attribute_exists(#PK)")
            .when(self.condition)
            .value(":now", moment(self.now))
    }
}

impl DynamoStorage {
    /// Claims up to `limit` of the items with the keys that `find` finds, which are in the order in
    /// which they are to be claimed. A conditional update decides who gets each.
    ///
    /// Whoever loses the first of them to another has met a relay that claims the same ones, so
    /// they turn to others that wait, of which there may be many, instead of losing one after the
    /// other.
    pub(crate) async fn claim<F>(
        &self,
        limit: usize,
        lease: Lease,
        find: impl Fn(usize) -> F,
    ) -> Result<Vec<Item>, StoreError>
    where
        F: Future<Output = Result<Vec<Key>, StoreError>>,
    {
        let mut width = limit;
        for _ in 0..ROUNDS_MAX {
            let mut keys = find(width).await?;
            if keys.is_empty() {
                break;
            }
            if width > limit {
                let parts = keys.len().div_ceil(limit);
                let part =
                    usize::try_from(digest_of(&self.operations.begin())).unwrap_or(0) % parts;
                keys.drain(..part * limit);
            }
            keys.truncate(limit);
            let first = lease.claim(keys.remove(0));
            if let Written::Done(item) = self.write(first).await? {
                let rest = keys.into_iter().map(|key| lease.claim(key)).collect();
                return self.claim_rest(item, rest).await;
            }
            width = limit.saturating_mul(WIDTH);
        }
        Ok(Vec::new())
    }

    async fn claim_rest(&self, first: Item, rest: Vec<Action>) -> Result<Vec<Item>, StoreError> {
        let claimed =
            self.each(rest, |storage, claim| async move { storage.write(claim).await }).await?;
        let won = claimed.into_iter().filter_map(|written| match written {
            Written::Done(item) => Some(item),
            Written::Unmet(_) => None,
        });
        Ok([first].into_iter().chain(won).collect())
    }
}
