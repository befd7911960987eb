//! Limits, for limiters that may go by a clock of their own: quotas so slow that no test sees them
//! come back.

use std::num::NonZeroU32;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use contracts::{Draw, Drawn, LimitKey, Limiter};
use domain::{Quota, Timestamp};

use crate::HasLimiter;
use crate::fixtures::{HOUR, count_of, race};

pub(crate) fn quota(count: u32, period: Duration) -> Quota {
    Quota::new(NonZeroU32::new(count).unwrap(), period).unwrap()
}

/// A draw at the present moment.
fn draw(key: u8, count: u32) -> Draw {
    #[expect(clippy::disallowed_methods, reason = "a limiter that goes by its own clock does, too")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let at = Timestamp::from_unix_ms(now.as_millis().try_into().unwrap());
    Draw { key: LimitKey([key; 16]), quota: quota(count, 24 * HOUR), at }
}

async fn succeeds(limiter: &dyn Limiter, draw: &Draw) -> bool {
    limiter.draw(draw).await.unwrap() == Drawn::Yes
}

/// One more is refused, with how long to wait: at most until one comes back.
pub async fn as_many_draws_succeed_as_the_quota_says(backend: &impl HasLimiter) {
    let limiter = backend.limiter();
    let draw = draw(1, 3);
    for _ in 0..3 {
        assert!(succeeds(&*limiter, &draw).await);
    }
    for _ in 0..3 {
        let Drawn::No { wait } = limiter.draw(&draw).await.unwrap() else {
            panic!("a fourth draw succeeded");
        };
        assert!(wait > 7 * HOUR && wait <= 8 * HOUR, "{wait:?}");
    }
}

/// Who used theirs up takes nothing from others.
pub async fn everybody_draws_on_their_own_quota(backend: &impl HasLimiter) {
    let limiter = backend.limiter();
    assert!(succeeds(&*limiter, &draw(1, 1)).await);
    assert!(!succeeds(&*limiter, &draw(1, 1)).await);
    assert!(succeeds(&*limiter, &draw(2, 1)).await);
}

/// A draw that was given back never happened.
pub async fn what_was_given_back_can_be_drawn_again(backend: &impl HasLimiter) {
    let limiter = backend.limiter();
    let draw = draw(1, 2);
    for _ in 0..5 {
        assert!(succeeds(&*limiter, &draw).await);
        limiter.give_back(&draw).await.unwrap();
    }
    assert!(succeeds(&*limiter, &draw).await);
    assert!(succeeds(&*limiter, &draw).await);
    assert!(!succeeds(&*limiter, &draw).await);
    limiter.give_back(&draw).await.unwrap();
    assert!(succeeds(&*limiter, &draw).await);
    assert!(!succeeds(&*limiter, &draw).await);
}

/// More given back than was drawn, and something of a quota that nobody has drawn on.
pub async fn a_quota_never_grows_beyond_what_it_is(backend: &impl HasLimiter) {
    let limiter = backend.limiter();
    let draw = draw(1, 2);
    assert!(succeeds(&*limiter, &draw).await);
    for _ in 0..5 {
        limiter.give_back(&draw).await.unwrap();
    }
    assert!(succeeds(&*limiter, &draw).await);
    assert!(succeeds(&*limiter, &draw).await);
    assert!(!succeeds(&*limiter, &draw).await);
}

/// Thirty-two at once, for ten that there are.
pub async fn many_callers_share_a_quota(backend: &impl HasLimiter) {
    let draw = draw(1, 10);
    let answers = race(32, |_| {
        let limiter = backend.limiter();
        async move { succeeds(&*limiter, &draw).await }
    })
    .await;
    assert_eq!(count_of(&answers, &true), 10);
}

/// A quota of one tells who is first, as a guard against replays does.
pub async fn of_many_callers_at_once_exactly_one_is_first(backend: &impl HasLimiter) {
    let draw = draw(1, 1);
    let answers = race(32, |_| {
        let limiter = backend.limiter();
        async move { succeeds(&*limiter, &draw).await }
    })
    .await;
    assert_eq!(count_of(&answers, &true), 1);
    assert!(!succeeds(&*backend.limiter(), &draw).await, "nobody is first afterwards");
}
