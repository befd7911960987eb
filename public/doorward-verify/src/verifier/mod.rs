//! The part that lives in time: reads keys and secrets, follows revocations, and holds them for all
//! requests.

mod addresses;
mod builder;
mod fetcher;
mod keys;
mod published;
mod revocations;
mod secret_file;
mod shared;
mod tokens_seen;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use doorward_claims::AccessClaims;
use tokio::task::AbortHandle;
use tokio::time::MissedTickBehavior;

pub use self::builder::{BuildVerifierError, VerifierBuilder};
pub use self::revocations::Revocations;
pub use self::shared::BoxError;
pub use self::tokens_seen::{RefusalKind, TokensSeen};

use self::keys::Keys;
use self::revocations::RevocationList;
use self::tokens_seen::TokenCounters;
use crate::error::VerifyError;
use crate::jws::Verified;
use crate::shared_secret_claims::SharedSecretClaims;
use crate::token_claims::TokenClaims;
use crate::tokens::Policy;

/// How often the background task looks whether something is due. With the time that a fetch takes,
/// a revocation arrives well within ten seconds.
const POLL_EVERY: Duration = Duration::from_secs(5);

/// Verifies access tokens for a service. Make one at start; clones are cheap and share everything.
///
/// A background task keeps keys, secrets and revocations fresh. It ends with the last clone.
///
/// `C` is what a good token's claims are: those of Doorward's own, or [`SharedSecretClaims`] in the
/// [shared-secret profile](Self::shared_secret_profile).
pub struct Verifier<C = AccessClaims> {
    shared: Arc<Shared>,
    claims: PhantomData<fn() -> C>,
}

struct Shared {
    core: Arc<Core>,
    /// Held for its `Drop`.
    _background: Option<AbortOnDrop>,
}

/// What the background task needs too; it must not keep the task's owner alive.
struct Core {
    policy: Arc<Policy>,
    realm: String,
    clock: Clock,
    keys: Arc<Keys>,
    revocations: Option<Arc<RevocationList>>,
    counters: TokenCounters,
}

/// Tells the seconds since the epoch.
type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

impl Verifier {
    /// Starts to describe a verifier of the tokens of `issuer`, its URL as it stands in the tokens.
    pub fn builder(issuer: impl Into<String>) -> VerifierBuilder {
        VerifierBuilder::new(issuer.into())
    }

    /// Starts to describe a verifier of the tokens of a service that is no Doorward issuer, and
    /// with which we share a secret and nothing else.
    ///
    /// HS256 only. `exp` must be there; `iss`, `aud`, `type` and the header's `kid` and `typ` are
    /// checked where they are, and may be absent. Choose it only for a secret that signs nothing
    /// but access tokens: without `type`, a refresh token looks like one.
    ///
    /// - `issuer`: what `iss` must be where it is there, a URL or not.
    pub fn shared_secret_profile(issuer: impl Into<String>) -> VerifierBuilder<SharedSecretClaims> {
        VerifierBuilder::new(issuer.into())
    }
}

impl<C: TokenClaims> Verifier<C> {
    /// Accepts a token or says why not. Waits only for a reading that cannot be done without: the
    /// very first, or that of a key never seen.
    pub async fn verify(&self, token: &str) -> Result<C, VerifyError> {
        let core = &self.shared.core;
        let outcome = core.verify(token).await;
        core.counters.count(&outcome);
        outcome.map(|verified| verified.claims)
    }

    /// Fetches the list of revocations, and the keys and secrets if they are due, as the background
    /// task does every five seconds.
    ///
    /// Call it before the first request if that must not wait, and after each thaw where a process
    /// is frozen between requests, as on AWS Lambda. Failures are logged, and show in
    /// [`verify`](Self::verify).
    pub async fn refresh(&self) {
        self.shared.core.poll().await;
    }

    /// How many tokens this verifier and its clones have accepted, by algorithm, and how many not.
    /// Costs so little that it may be asked whenever metrics are read.
    pub fn tokens_seen(&self) -> TokensSeen {
        self.shared.core.counters.read()
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
            AbortOnDrop(task.abort_handle())
        });
        Self { shared: Arc::new(Shared { core, _background: background }), claims: PhantomData }
    }
}

/// By hand, since claims need not be `Clone` for it.
impl<C> Clone for Verifier<C> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), claims: PhantomData }
    }
}

impl<C> fmt::Debug for Verifier<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let core = &self.shared.core;
        f.debug_struct("Verifier")
            .field("policy", &core.policy)
            .field("keys", &core.keys.current())
            .finish_non_exhaustive()
    }
}

impl Core {
    async fn verify<C: TokenClaims>(&self, token: &str) -> Result<Verified<C>, VerifyError> {
        let now = (self.clock)();
        let check = |keys: &_| C::check(token, keys, &self.policy, now);
        let verified = self.keys.check(token, now, check).await?;
        if let Some(revocations) = &self.revocations
            && let Some(claims) = verified.claims.as_revocable()
        {
            revocations.check(claims, now).await?;
        }
        Ok(verified)
    }

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

/// Ends a task when nobody waits for it any more.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
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
