use std::num::NonZeroU32;
use std::time::Duration;

use crate::Timestamp;

/// How often something may be done in how long a time, such as `5/15m`.
///
/// Counted by the generic cell rate algorithm (ATM Forum TM 4.0, §4.4.2): each draw makes the quota
/// whole one step later, and it may lie at most one period ahead. So all that is kept of a quota is
/// the moment at which it is whole again, and a quota that is used up comes back step by step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    count: NonZeroU32,
    period: Duration,
}

impl Quota {
    /// The longest period: what is counted for longer belongs into a record.
    pub const PERIOD_MAX: Duration = Duration::from_hours(24);

    /// `count` in each `period`; `None` if a step were shorter than a millisecond, which is what
    /// moments are counted in, or the period longer than [`Quota::PERIOD_MAX`].
    pub fn new(count: NonZeroU32, period: Duration) -> Option<Self> {
        let has_steps = period.as_millis() >= u128::from(count.get());
        (has_steps && period <= Self::PERIOD_MAX).then_some(Self { count, period })
    }

    /// How many.
    pub const fn count(self) -> NonZeroU32 {
        self.count
    }

    /// In how long a time.
    pub const fn period(self) -> Duration {
        self.period
    }

    /// What one draw costs: whole milliseconds.
    pub fn step(self) -> Duration {
        let ms = self.period.as_millis() / u128::from(self.count.get());
        Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX))
    }

    /// How far ahead a quota may become whole: as many whole steps as may be drawn at once.
    pub fn reach(self) -> Duration {
        self.step() * self.count.get()
    }

    /// When the quota is whole after a draw at `now`, if it is whole at `whole_at` before it; or
    /// how long to wait for a draw.
    pub fn draw(self, whole_at: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, Duration> {
        let next = whole_at.map_or(now, |at| at.max(now)).plus(self.step());
        let latest = now.plus(self.reach());
        if next <= latest { Ok(next) } else { Err(next.since(latest)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_731_333_100_000);

    fn quota(count: u32, period: Duration) -> Quota {
        Quota::new(NonZeroU32::new(count).unwrap(), period).unwrap()
    }

    #[test]
    fn as_many_as_the_quota_says_may_be_drawn_at_once() {
        for (count, period) in [(1, Duration::from_secs(1)), (7, Duration::from_millis(100))] {
            let quota = quota(count, period);
            let mut whole_at = None;
            for _ in 0..count {
                whole_at = Some(quota.draw(whole_at, NOW).unwrap());
            }
            assert_eq!(quota.draw(whole_at, NOW), Err(quota.step()));
        }
    }

    #[test]
    fn a_quota_comes_back_step_by_step() {
        let quota = quota(5, Duration::from_mins(15));
        let used_up = NOW.plus(quota.reach());
        assert_eq!(quota.draw(Some(used_up), NOW), Err(Duration::from_mins(3)));
        let later = NOW.plus(Duration::from_mins(2));
        assert_eq!(quota.draw(Some(used_up), later), Err(Duration::from_mins(1)));
        let later = NOW.plus(Duration::from_mins(3));
        assert_eq!(quota.draw(Some(used_up), later), Ok(later.plus(quota.reach())));
        let much_later = NOW.plus(Duration::from_hours(5));
        assert_eq!(quota.draw(Some(used_up), much_later), Ok(much_later.plus(quota.step())));
    }

    #[test]
    fn steps_of_less_than_a_millisecond_and_periods_of_more_than_a_day_are_none() {
        let count = NonZeroU32::new(1_001).unwrap();
        assert_eq!(Quota::new(count, Duration::from_secs(1)), None);
        assert_eq!(Quota::new(count, Duration::from_hours(25)), None);
        assert!(Quota::new(count, Duration::from_millis(1_001)).is_some());
    }
}
