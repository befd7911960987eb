use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use contracts::{Draw, Drawn, LimitKey, Limiter, StoreError};
use domain::Timestamp;

/// Keys that are kept at most: with all that belongs to them some 20 MB.
const KEYS_MAX: usize = 200_000;
/// Callers of different shards do not wait for each other.
const SHARDS: usize = 64;
/// Entries that serve nobody any more and go with each draw: more than a draw can add.
const FORGOTTEN_AT_ONCE: usize = 2;

/// Counts draws in this process, by the moment of each draw. Keeps a bounded number of keys: where
/// there is no room, those go that lose the least by it.
pub struct MemoryLimiter {
    shards: Vec<Mutex<Shard>>,
    keys_max: usize,
}

/// When which quota is whole again. A key that is not there has a whole one.
#[derive(Default)]
struct Shard {
    whole_at: HashMap<[u8; 16], Timestamp>,
    /// The same, in the order in which they may be forgotten.
    order: BTreeSet<(Timestamp, [u8; 16])>,
}

impl MemoryLimiter {
    /// Nobody has drawn yet.
    pub fn new() -> Self {
        Self::of_shards(SHARDS, KEYS_MAX / SHARDS)
    }

    fn of_shards(count: usize, keys_max: usize) -> Self {
        let shards = (0..count).map(|_| Mutex::default()).collect();
        Self { shards, keys_max }
    }

    fn shard(&self, key: LimitKey) -> MutexGuard<'_, Shard> {
        // Keys are keyed hashes: nobody can choose their shard.
        let number = usize::from(key.0[0]) % self.shards.len();
        // No operation leaves a shard half done, so a thread that panicked spoils nothing.
        self.shards[number].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn draw_now(&self, draw: &Draw) -> Drawn {
        let mut shard = self.shard(draw.key);
        shard.forget_whole(draw.at);
        let before = shard.whole_at.get(&draw.key.0).copied();
        match draw.quota.draw(before, draw.at) {
            Ok(whole_at) => {
                if before.is_none() && shard.whole_at.len() >= self.keys_max {
                    shard.forget_first();
                }
                shard.put(draw.key.0, whole_at);
                Drawn::Yes
            }
            Err(wait) => Drawn::No { wait },
        }
    }

    /// Whether something was drawn here that a return of this draw would undo.
    pub(crate) fn has_drawn(&self, draw: &Draw) -> bool {
        self.shard(draw.key).whole_at.get(&draw.key.0).is_some_and(|whole_at| *whole_at > draw.at)
    }

    pub(crate) fn give_back_now(&self, draw: &Draw) {
        let mut shard = self.shard(draw.key);
        let Some(before) = shard.whole_at.get(&draw.key.0).copied() else { return };
        let whole_at = before.minus(draw.quota.step());
        if whole_at > draw.at {
            shard.put(draw.key.0, whole_at);
        } else {
            shard.remove(draw.key.0);
        }
    }
}

impl Default for MemoryLimiter {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Limiter for MemoryLimiter {
    async fn draw(&self, draw: &Draw) -> Result<Drawn, StoreError> {
        Ok(self.draw_now(draw))
    }

    async fn give_back(&self, draw: &Draw) -> Result<(), StoreError> {
        self.give_back_now(draw);
        Ok(())
    }
}

impl Shard {
    fn put(&mut self, key: [u8; 16], whole_at: Timestamp) {
        if let Some(before) = self.whole_at.insert(key, whole_at) {
            self.order.remove(&(before, key));
        }
        self.order.insert((whole_at, key));
    }

    fn remove(&mut self, key: [u8; 16]) {
        if let Some(before) = self.whole_at.remove(&key) {
            self.order.remove(&(before, key));
        }
    }

    /// Forgets a few keys that are whole at `now`, so that quiet times need no sweeping.
    fn forget_whole(&mut self, now: Timestamp) {
        for _ in 0..FORGOTTEN_AT_ONCE {
            match self.order.first() {
                Some((whole_at, _)) if *whole_at <= now => self.forget_first(),
                _ => return,
            }
        }
    }

    /// Forgets the key that is whole soonest, or has been for longest.
    fn forget_first(&mut self) {
        if let Some((_, key)) = self.order.pop_first() {
            self.whole_at.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use domain::Quota;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_731_333_100_000);

    fn draw(number: u32, minutes: u64, at: Timestamp) -> Draw {
        let mut key = [0; 16];
        key[..4].copy_from_slice(&number.to_le_bytes());
        let quota = Quota::new(NonZeroU32::MIN, Duration::from_mins(minutes)).unwrap();
        Draw { key: LimitKey(key), quota, at }
    }

    fn is_used_up(limiter: &MemoryLimiter, number: u32, at: Timestamp) -> bool {
        let shard = limiter.shard(draw(number, 1, at).key);
        shard.whole_at.get(&draw(number, 1, at).key.0).is_some_and(|whole_at| *whole_at > at)
    }

    fn len(limiter: &MemoryLimiter) -> usize {
        let lengths = limiter.shards.iter().map(|shard| {
            let shard = shard.lock().unwrap();
            assert_eq!(shard.whole_at.len(), shard.order.len());
            shard.order.len()
        });
        lengths.sum()
    }

    #[test]
    fn keys_that_are_whole_again_are_forgotten_along_the_way() {
        let limiter = MemoryLimiter::new();
        for number in 0..10_000 {
            assert_eq!(limiter.draw_now(&draw(number, 1, NOW)), Drawn::Yes);
        }
        assert_eq!(len(&limiter), 10_000);
        let later = NOW.plus(Duration::from_mins(1));
        for number in 20_000..30_000 {
            assert_eq!(limiter.draw_now(&draw(number, 1, later)), Drawn::Yes);
        }
        assert_eq!(len(&limiter), 10_000);
    }

    #[test]
    fn there_are_never_more_keys_than_there_may_be() {
        let limiter = MemoryLimiter::of_shards(4, 100);
        for number in 0..10_000 {
            assert_eq!(limiter.draw_now(&draw(number, 1, NOW)), Drawn::Yes);
            assert!(len(&limiter) <= 400);
        }
        assert_eq!(len(&limiter), 400);
    }

    #[test]
    fn where_there_is_no_room_whoever_waits_longest_is_kept() {
        let limiter = MemoryLimiter::of_shards(1, 3);
        for (number, minutes) in [(1, 60), (2, 1), (3, 5), (4, 2), (5, 3)] {
            assert_eq!(limiter.draw_now(&draw(number, minutes, NOW)), Drawn::Yes);
        }
        let kept: Vec<u32> = (1..=5).filter(|number| is_used_up(&limiter, *number, NOW)).collect();
        assert_eq!(kept, [1, 3, 5]);
    }

    #[test]
    fn whoever_is_whole_again_goes_before_anybody_who_waits() {
        let limiter = MemoryLimiter::of_shards(1, 2);
        assert_eq!(limiter.draw_now(&draw(1, 1, NOW)), Drawn::Yes);
        assert_eq!(limiter.draw_now(&draw(2, 60, NOW)), Drawn::Yes);
        let later = NOW.plus(Duration::from_mins(2));
        assert_eq!(limiter.draw_now(&draw(3, 1, later)), Drawn::Yes);
        let kept: Vec<u32> = (1..=3).filter(|key| is_used_up(&limiter, *key, later)).collect();
        assert_eq!(kept, [2, 3]);
    }

    #[test]
    fn what_was_given_back_leaves_nothing() {
        let limiter = MemoryLimiter::new();
        assert_eq!(limiter.draw_now(&draw(1, 1, NOW)), Drawn::Yes);
        limiter.give_back_now(&draw(1, 1, NOW));
        limiter.give_back_now(&draw(2, 1, NOW));
        assert_eq!(len(&limiter), 0);
    }
}
