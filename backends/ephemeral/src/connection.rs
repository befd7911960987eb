use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use contracts::{Probe, StoreError};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue, RedisResult, ScriptInvocation};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::dialer::{Dialer, Live, OpenRedisError, RedisSettings};
use crate::failure::RedisFailure;
use crate::keys::Keys;

/// How long Redis may take for anything that it is asked, another connection included.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// How long after a failure nobody tries to connect.
const PAUSE: Duration = Duration::from_millis(100);
/// The same after credentials were refused or could not be read: reading them may cost money, and
/// refusals may lock an account.
const CREDENTIALS_PAUSE: Duration = Duration::from_secs(1);

/// The way to Redis that all who use it share. Clones are the same connection.
///
/// It is made when it is first needed, and made anew whenever it broke, hung, or leads to a server
/// that is read-only now. Whoever asks while there is none waits for the one attempt that is under
/// way, at most a second.
#[derive(Clone)]
pub struct RedisConnection {
    shared: Arc<Shared>,
}

struct Shared {
    dialer: Dialer,
    keys: Keys,
    state: Mutex<State>,
}

enum State {
    None,
    /// An attempt, which lasts until its sender is dropped: after a failure, through the pause.
    Trying(watch::Receiver<Option<Attempt>>),
    Live(Arc<Live>),
}

type Attempt = Result<Arc<Live>, RedisFailure>;

impl RedisConnection {
    /// Checks the settings. Does not connect: that Redis is down now is no reason not to begin.
    /// Blocks while the machine's authorities are read, for `rediss://`.
    pub fn open(settings: RedisSettings) -> Result<Self, OpenRedisError> {
        let (dialer, keys) = Dialer::open(settings)?;
        Ok(Self { shared: Arc::new(Shared { dialer, keys, state: Mutex::new(State::None) }) })
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.shared.keys
    }

    pub(crate) async fn query<T: FromRedisValue + Send>(
        &self,
        command: &Cmd,
    ) -> Result<T, RedisFailure> {
        self.run(|mut connection| async move { command.query_async(&mut connection).await }).await
    }

    pub(crate) async fn invoke<T: FromRedisValue + Send>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, RedisFailure> {
        self.run(|mut connection| async move { script.invoke_async(&mut connection).await }).await
    }

    async fn run<T, F>(
        &self,
        work: impl Fn(MultiplexedConnection) -> F + Send,
    ) -> Result<T, RedisFailure>
    where
        F: Future<Output = RedisResult<T>> + Send,
    {
        let mut used = None;
        let answer = timeout(ANSWER_WITHIN, self.run_twice(work, &mut used)).await;
        answer.unwrap_or_else(|_| {
            // It may be cut off: then nothing would ever come through it again.
            if let Some(live) = used {
                self.shared.discard(&live);
            }
            Err(RedisFailure::TimedOut(ANSWER_WITHIN))
        })
    }

    /// Once more where the connection turns out to be of no use. Should the first time have been
    /// done all the same, a draw counts twice, and a compare-and-set says that it came too late.
    async fn run_twice<T, F>(
        &self,
        work: impl Fn(MultiplexedConnection) -> F + Send,
        used: &mut Option<Arc<Live>>,
    ) -> Result<T, RedisFailure>
    where
        F: Future<Output = RedisResult<T>> + Send,
    {
        let mut may_repeat = true;
        loop {
            let live = self.shared.live().await?;
            *used = Some(live.clone());
            let failure = match work(live.connection.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => RedisFailure::from(error),
            };
            if !failure.is_of_connection() {
                return Err(failure);
            }
            self.shared.discard(&live);
            if matches!(failure, RedisFailure::NotAuthenticated(_)) {
                self.shared.dialer.forget_credentials();
            }
            if !may_repeat {
                return Err(failure);
            }
            may_repeat = false;
        }
    }
}

impl Shared {
    async fn live(self: &Arc<Self>) -> Attempt {
        let mut attempt = {
            let mut state = self.state();
            match &*state {
                State::Live(live) if !live.is_closed() => return Ok(live.clone()),
                State::Trying(attempt) if attempt.has_changed().is_ok() => attempt.clone(),
                State::None | State::Live(_) | State::Trying(_) => {
                    let attempt = self.try_to_connect();
                    *state = State::Trying(attempt.clone());
                    attempt
                }
            }
        };
        let outcome = attempt.wait_for(Option::is_some).await;
        outcome.ok().and_then(|outcome| outcome.clone()).unwrap_or_else(|| {
            Err(RedisFailure::Broken("the attempt to connect was abandoned".to_owned()))
        })
    }

    /// Not on the caller's time: an attempt that a caller gave up would never end where many call.
    fn try_to_connect(self: &Arc<Self>) -> watch::Receiver<Option<Attempt>> {
        let (sender, receiver) = watch::channel(None);
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            let attempt = shared.dialer.dial().await.map(Arc::new);
            let pause = match &attempt {
                Ok(live) => {
                    *shared.state() = State::Live(live.clone());
                    None
                }
                Err(RedisFailure::NotAuthenticated(_) | RedisFailure::Credentials(_)) => {
                    Some(CREDENTIALS_PAUSE)
                }
                Err(_) => Some(PAUSE),
            };
            sender.send_replace(Some(attempt));
            if let Some(pause) = pause {
                sleep(pause).await;
            }
        });
        receiver
    }

    fn discard(&self, broken: &Arc<Live>) {
        let mut state = self.state();
        if matches!(&*state, State::Live(live) if Arc::ptr_eq(live, broken)) {
            *state = State::None;
        }
    }

    /// Nothing is left half done in it, so a thread that panicked spoils nothing.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Probe for RedisConnection {
    fn name(&self) -> &'static str {
        "ephemeral"
    }

    async fn check(&self) -> Result<(), StoreError> {
        Ok(self.query::<()>(&redis::cmd("PING")).await?)
    }
}
