//! Removing what is left of those who left.

use std::time::Duration;

use contracts::StoreError;
use domain::{Timestamp, UserId};
use tokio::time::Instant;

use crate::DynamoStorage;
use crate::fields::Fields;
use crate::query::{Range, key_of};
use crate::row::Row;
use crate::sweep::PATIENCE;
use crate::table::{Key, Kind, owner_list, user_partition};
use crate::write::Action;

/// Tombstones that are looked at in one turn.
const TOMBSTONES_MAX: usize = 1000;
/// How long tombstones are looked at before what was found is removed.
const LOOKING: Duration = Duration::from_millis(700);
/// The kinds of items that stand in the partition of a user; mails stand elsewhere.
const KINDS: [&str; 3] = ["SESS#", "DEVICE#", "CODE#"];

/// What is left of one who left.
struct Remains {
    user: UserId,
    erased_at: Timestamp,
    keys: Vec<Key>,
}

impl DynamoStorage {
    pub(crate) async fn purge(
        &self,
        settled: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let start = Instant::now();
        let end_of_time = Timestamp::from_unix_ms(i64::MAX);
        let tombstones = self.list_due(Kind::Erased, end_of_time, TOMBSTONES_MAX).await?;
        let look = |storage: Self, key| async move { storage.remains_of(&key, limit).await };
        let (mut left, mut deletions, mut settling) =
            ([limit; KINDS.len() + 1], Vec::new(), Vec::new());
        for remains in
            self.each_until(start + LOOKING, tombstones, look).await?.into_iter().flatten()
        {
            if remains.keys.is_empty() && remains.erased_at <= settled {
                settling.push(remains.user);
            }
            for key in remains.keys {
                let kind = KINDS.iter().position(|kind| key.sk.starts_with(kind));
                let left = &mut left[kind.unwrap_or(KINDS.len())];
                if *left > 0 {
                    *left -= 1;
                    deletions.push(Action::delete(key));
                }
            }
        }
        let gone = self.delete_each(deletions, start + PATIENCE).await?.len();
        self.each_until(start + PATIENCE, settling, |storage, user| async move {
            storage.settle(&user).await
        })
        .await?;
        Ok(gone)
    }

    /// What is left of a user whose tombstone has that key, as far as one turn could remove it.
    async fn remains_of(&self, key: &Key, limit: usize) -> Result<Option<Remains>, StoreError> {
        let Some(tombstone) = self.find(key).await? else { return Ok(None) };
        let row = Row(&tombstone);
        // The index may not know yet that it was settled.
        if row.optional_text("GSI1PK")?.is_none() {
            return Ok(None);
        }
        let (user, erased_at) = (row.user("id")?, row.moment("erased_at_ms")?);
        // Each kind by itself: else those of which there are many would keep others waiting.
        let ranges = KINDS
            .map(|kind| Range::of(user_partition(&user)).starting(kind))
            .into_iter()
            .chain([Range::listed(owner_list(&user), None)]);
        let mut keys = Vec::new();
        for range in ranges {
            for item in self.list(&range, limit).await? {
                keys.push(key_of(&item)?);
            }
        }
        Ok(Some(Remains { user, erased_at, keys }))
    }

    /// Nobody looks at the tombstone again.
    async fn settle(&self, user: &UserId) -> Result<(), StoreError> {
        let fields = Fields::default().maybe("GSI1PK", None).maybe("GSI1SK", None);
        let action =
            Action::update(Key::user(user), fields).when("attribute_exists(#erased_at_ms)");
        self.write(action).await.map(|_| ())
    }
}
