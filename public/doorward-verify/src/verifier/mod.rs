//! The part that lives in time: fetches keys, follows revocations, and holds both for all requests.

mod builder;
mod fetcher;
mod keys;
mod revocations;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use doorward_claims::AccessClaims;
use tokio::task::AbortHandle;
use tokio::time::MissedTickBehavior;

pub use self::builder::{BuildVerifierError, VerifierBuilder};
pub use self::revocations::Revocations;

use self::keys::Keys;
use self::revocations::RevocationList;
use crate::error::VerifyError;
use crate::tokens::{Policy, verify_access_token};

/// How often the background task looks whether something is due. With the time that a fetch takes,
/// a revocation arrives well within ten seconds.
const POLL_EVERY: Duration = Duration::from_secs(5);

/// Verifies access tokens for a service. Make one at start; clones are cheap and share everything.
///
/// A background task keeps keys and revocations fresh. It ends with the last clone.
#[derive(Clone)]
pub struct Verifier {
    shared: Arc<Shared>,
}

struct Shared {
    core: Arc<Core>,
    /// Held for its `Drop`.
    _background: Option<Background>,
}

/// What the background task needs too; it must not keep the task's owner alive.
struct Core {
    policy: Arc<Policy>,
    realm: String,
    clock: Clock,
    keys: Arc<Keys>,
    revocations: Option<Arc<RevocationList>>,
}

/// Tells the seconds since the epoch.
type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

impl Verifier {
    /// Starts to describe a verifier of the tokens of `issuer`, its URL as it stands in the tokens.
    pub fn builder(issuer: impl Into<String>) -> VerifierBuilder {
        VerifierBuilder::new(issuer.into())
    }

    /// Accepts a token or says why not. Waits only for a fetch that cannot be done without: the
    /// very first, or that of a key never seen.
    pub async fn verify(&self, token: &str) -> Result<AccessClaims, VerifyError> {
        let core = &self.shared.core;
        let now = (core.clock)();
        let claims = core
            .keys
            .check(now, |keys| verify_access_token(token, keys, &core.policy, now))
            .await?;
        if let Some(revocations) = &core.revocations {
            revocations.check(&claims, now).await?;
        }
        Ok(claims)
    }

    /// Fetches the list of revocations, and the keys if they are due, as the background task does
    /// every five seconds.
    ///
    /// Call it before the first request if that must not wait, and after each thaw where a process
    /// is frozen between requests, as on AWS Lambda. Failures are logged, and show in
    /// [`verify`](Self::verify).
    pub async fn refresh(&self) {
        self.shared.core.poll().await;
    }

    /// The `realm` of the challenges that refusals carry.
    pub fn realm(&self) -> &str {
        &self.shared.core.realm
    }

    /// Whether `other` is a clone of this one.
    #[cfg(feature = "axum")]
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    fn new(core: Core, runtime: Option<&tokio::runtime::Handle>) -> Self {
        let core = Arc::new(core);
        let background = runtime.map(|runtime| {
            let core = Arc::clone(&core);
            let task = runtime.spawn(poll_forever(move || {
                let core = Arc::clone(&core);
                async move { core.poll().await }
            }));
            Background(task.abort_handle())
        });
        Self { shared: Arc::new(Shared { core, _background: background }) }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let core = &self.shared.core;
        f.debug_struct("Verifier")
            .field("policy", &core.policy)
            .field("keys", &core.keys.current())
            .finish_non_exhaustive()
    }
}

impl Core {
    async fn poll(&self) {
        let now = (self.clock)();
        let follow = async {
            if let Some(revocations) = &self.revocations {
                revocations.poll(now).await;
            }
        };
        // Side by side, so that slow keys do not delay a revocation.
        tokio::join!(self.keys.refresh_if_due(now), follow);
    }
}

async fn poll_forever<F: Future<Output = ()>>(poll: impl Fn() -> F) {
    let mut ticks = tokio::time::interval(POLL_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        poll().await;
    }
}

/// Runs a fetch in a task of its own and waits for it: a caller who hangs up must not end what
/// others wait for, nor make them begin again.
async fn detached<T, F>(owner: &Arc<T>, fetch: impl FnOnce(Arc<T>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    // An error says that the fetch panicked or that the runtime ends; what we have still stands.
    let _ = tokio::spawn(fetch(Arc::clone(owner))).await;
}

/// Ends the background task when the last clone of its verifier goes.
struct Background(AbortHandle);

impl Drop for Background {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn verifier() -> Verifier {
        // Nothing listens on port 9 of this machine, and nothing needs to.
        Verifier::builder("http://127.0.0.1:9").audience("api").build().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_background_task_polls_every_five_seconds() {
        let polls = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&polls);
        let task = tokio::spawn(poll_forever(move || {
            counter.fetch_add(1, Ordering::Relaxed);
            std::future::ready(())
        }));
        tokio::task::yield_now().await;
        assert_eq!(polls.load(Ordering::Relaxed), 1, "the first poll is at once");
        for expected in 2..5 {
            tokio::time::advance(Duration::from_millis(4_999)).await;
            assert_eq!(polls.load(Ordering::Relaxed), expected - 1);
            // The timer rounds up to whole milliseconds.
            tokio::time::advance(Duration::from_millis(2)).await;
            tokio::task::yield_now().await;
            assert_eq!(polls.load(Ordering::Relaxed), expected);
        }
        task.abort();
    }

    #[tokio::test]
    async fn the_background_task_ends_with_the_last_clone() {
        let first = verifier();
        let second = first.clone();
        let core = Arc::downgrade(&first.shared.core);

        drop(first);
        tokio::task::yield_now().await;
        assert!(core.upgrade().is_some(), "one clone is left");

        drop(second);
        // The runtime drops an aborted task when it next comes by.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(core.upgrade().is_none(), "the task kept what it uses alive");
    }
}
