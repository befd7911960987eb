//! Limits, for limiters that go by the moment of each draw.

use contracts::{Draw, Drawn, LimitKey};
use domain::{Quota, Timestamp};

use crate::HasLimiter;
use crate::fixtures::{HOUR, MINUTE, NOW, SECOND};
use crate::limits::quota;

const YES: Drawn = Drawn::Yes;

fn draw(quota: Quota, at: Timestamp) -> Draw {
    Draw { key: LimitKey([1; 16]), quota, at }
}

/// Five in fifteen minutes: after they are used up, one each three minutes.
pub async fn a_quota_comes_back_step_by_step(backend: &impl HasLimiter) {
    let limiter = backend.limiter();
    let quota = quota(5, 15 * MINUTE);
    for _ in 0..5 {
        assert_eq!(limiter.draw(&draw(quota, NOW)).await.unwrap(), YES);
    }
    let refused = limiter.draw(&draw(quota, NOW)).await.unwrap();
    assert_eq!(refused, Drawn::No { wait: 3 * MINUTE });
    let refused = limiter.draw(&draw(quota, NOW.plus(2 * MINUTE))).await.unwrap();
    assert_eq!(refused, Drawn::No { wait: MINUTE });
    let later = NOW.plus(3 * MINUTE);
    assert_eq!(limiter.draw(&draw(quota, later)).await.unwrap(), YES);
    let refused = limiter.draw(&draw(quota, later)).await.unwrap();
    assert_eq!(refused, Drawn::No { wait: 3 * MINUTE });
}

/// Whoever keeps knocking does not wait the longer for it.
pub async fn a_refused_draw_counts_nothing(backend: &impl HasLimiter) {
    let limiter = backend.limiter();
    let quota = quota(1, MINUTE);
    assert_eq!(limiter.draw(&draw(quota, NOW)).await.unwrap(), YES);
    for second in 0..60 {
        let at = NOW.plus(second * SECOND);
        let wait = (60 - second) * SECOND;
        assert_eq!(limiter.draw(&draw(quota, at)).await.unwrap(), Drawn::No { wait });
    }
    assert_eq!(limiter.draw(&draw(quota, NOW.plus(MINUTE))).await.unwrap(), YES);
}

/// After a long silence there is as much as there ever was, and no more.
pub async fn a_quota_is_whole_again_after_its_period(backend: &impl HasLimiter) {
    let limiter = backend.limiter();
    let quota = quota(3, MINUTE);
    for at in [NOW, NOW.plus(MINUTE), NOW.plus(5 * HOUR)] {
        for _ in 0..3 {
            assert_eq!(limiter.draw(&draw(quota, at)).await.unwrap(), YES);
        }
        let refused = limiter.draw(&draw(quota, at)).await.unwrap();
        assert_eq!(refused, Drawn::No { wait: 20 * SECOND });
    }
}

/// An operator who raises a limit need not wait for what was counted under the old one.
pub async fn a_changed_quota_holds_from_the_next_draw(backend: &impl HasLimiter) {
    let limiter = backend.limiter();
    let (few, more) = (quota(1, MINUTE), quota(2, 2 * MINUTE));
    assert_eq!(limiter.draw(&draw(few, NOW)).await.unwrap(), YES);
    assert_ne!(limiter.draw(&draw(few, NOW)).await.unwrap(), YES);
    assert_eq!(limiter.draw(&draw(more, NOW)).await.unwrap(), YES);
    assert_ne!(limiter.draw(&draw(more, NOW)).await.unwrap(), YES);
}
