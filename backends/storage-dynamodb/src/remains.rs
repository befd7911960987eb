//! Removing what is left of those who left.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use contracts::StoreError;
use domain::{Timestamp, UserId};
use tokio::time::Instant;

use crate::DynamoStorage;
use crate::fields::Fields;
use crate::query::{Range, key_of};
use crate::row::Row;
use crate::sweep::PATIENCE;
use crate::table::{Key, Kind, TRUSTED_DEVICES, challenge_list, owner_list, user_partition};
use crate::write::Action;

/// Tombstones that are looked at in one turn.
const TOMBSTONES_MAX: usize = 1000;
/// How long tombstones are looked at before what was found is removed.
const LOOKING: Duration = Duration::from_millis(700);
/// The kinds of items that stand in the partition of a user.
const KINDS: [&str; 5] = ["SESS#", "DEVICE#", TRUSTED_DEVICES, "CODE#", "PENDING#"];
/// Where the user's challenges stand after those and mails. They are not counted: for whoever
/// counts, they went with their codes.
const CHALLENGES: usize = KINDS.len() + 1;

/// What is left of one who left.
struct Remains {
    user: UserId,
    erased_at: Timestamp,
    /// Each with its kind.
    keys: Vec<(usize, Key)>,
}

/// How far tombstones were looked at: the next turn goes on there, so that those which have to be
/// kept for a while do not keep later ones waiting. Behind the last, it begins again.
#[derive(Default)]
pub(crate) struct Walk(Mutex<Option<Timestamp>>);

impl Walk {
    fn start(&self) -> Timestamp {
        let at = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        at.unwrap_or(Timestamp::from_unix_ms(0))
    }

    fn go_on(&self, next: Option<Timestamp>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = next;
    }
}

impl DynamoStorage {
    pub(crate) async fn purge(
        &self,
        settled: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let start = Instant::now();
        let from = self.walk.start();
        let range = |shard| Range::since(Kind::Erased.partition(shard), from);
        let tombstones = self.list_by_moment(range, TOMBSTONES_MAX).await?;
        let (moments, keys): (Vec<Timestamp>, Vec<Key>) = tombstones.into_iter().unzip();
        let look = |storage: Self, key| async move { storage.remains_of(&key, limit).await };
        let looked_at = self.each_until(start + LOOKING, keys, look).await?;
        let next = next_start(from, &moments, looked_at.len());

        let mut left = [limit; CHALLENGES + 1];
        let (mut counted, mut challenges, mut settling) = (Vec::new(), Vec::new(), Vec::new());
        let mut found = 0;
        for remains in looked_at.into_iter().flatten() {
            if remains.keys.is_empty() && remains.erased_at <= settled {
                settling.push(remains.user);
            }
            found += remains.keys.len();
            for (kind, key) in remains.keys {
                if left[kind] > 0 {
                    left[kind] -= 1;
                    let deletions = if kind == CHALLENGES { &mut challenges } else { &mut counted };
                    deletions.push(Action::delete(key));
                }
            }
        }
        let gone = self.delete_each(counted, start + PATIENCE).await?;
        let challenges_gone = self.delete_each(challenges, start + PATIENCE).await?;
        self.each_until(start + PATIENCE, settling, |storage, user| async move {
            storage.settle(&user).await
        })
        .await?;
        // What was found and is still there is found again first.
        if gone + challenges_gone >= found {
            self.walk.go_on(next);
        }
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
        let ranges =
            KINDS.map(|kind| Range::of(user_partition(&user)).starting(kind)).into_iter().chain(
                [owner_list(&user), challenge_list(&user)].map(|list| Range::listed(list, None)),
            );
        let mut keys = Vec::new();
        for (kind, range) in ranges.enumerate() {
            for item in self.list(&range, limit).await? {
                keys.push((kind, key_of(&item)?));
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

/// Where the next turn begins, after the first `count` of what stands at these moments was looked
/// at; at the beginning, if that was all there is.
fn next_start(from: Timestamp, moments: &[Timestamp], count: usize) -> Option<Timestamp> {
    if count == moments.len() && count < TOMBSTONES_MAX {
        return None;
    }
    let last = count.checked_sub(1).map_or(from, |place| moments[place]);
    // A moment of more tombstones than one turn looks at must not hold the walk up.
    Some(if last > from { last } else { from.plus(Duration::from_millis(1)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_goes_on_where_it_ended_and_begins_again_after_the_last() {
        let at = Timestamp::from_unix_ms;
        let moments = [at(3), at(5), at(5), at(8)];
        assert_eq!(next_start(at(0), &moments, 4), None);
        assert_eq!(next_start(at(0), &moments, 3), Some(at(5)));
        assert_eq!(next_start(at(5), &moments[1..], 2), Some(at(6)));
        assert_eq!(next_start(at(9), &[], 0), None);
        let many = vec![at(5); TOMBSTONES_MAX];
        assert_eq!(next_start(at(0), &many, many.len()), Some(at(5)));
        assert_eq!(next_start(at(5), &many, many.len()), Some(at(6)));
    }
}
