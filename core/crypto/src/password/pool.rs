use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use domain::{Password, PasswordHash};
use tokio::sync::oneshot;

use super::hasher::{BuildEngine, Hasher};
use super::queue::{Abandon, Busy, JobQueue, Next};
use super::stored_hash::{SALT_BYTES, StoredHash};
use super::{
    Argon2EngineKind, HashAlgorithm, HashingFailure, SelfTestError, UnusableHash, self_test,
};

/// How passwords are hashed, and by how many threads.
#[derive(Clone, Copy, Debug)]
pub struct HashingSettings {
    /// What new hashes are made with.
    pub algorithm: HashAlgorithm,
    /// What computes argon2id.
    pub engine: Argon2EngineKind,
    /// How many hashes are computed at once; each takes one core and the memory of the parameters.
    pub threads: NonZeroUsize,
    /// How many more may wait.
    pub queue_max: usize,
}

/// Hashes and verifies passwords on threads of its own, as many at once as are given and no more,
/// so that a flood of sign-ins neither starves other work nor exhausts memory.
///
/// What cannot be taken on is refused at once. A job whose caller has gone is not computed. A
/// thread keeps its memory between hashes and gives it back after ten idle seconds. Dropping the
/// pool stops its threads after the hash that each is at; whoever waits gets
/// [`HashingFailure::NoAnswer`].
pub struct PasswordPool {
    settings: HashingSettings,
    queue: Arc<JobQueue<Job>>,
    dummy: StoredHash,
}

/// As many passwords wait to be hashed as may: the machine is at capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("password hashing is at capacity")]
pub struct Overloaded {
    /// When to try again.
    pub retry_after: Duration,
}

/// A queue that is full now has been worked off by then, or a flood goes on and no wait would help.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why the pool does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartPoolError {
    /// Password hashing does not work on this machine.
    #[error("the self-test of password hashing failed")]
    SelfTest(#[from] SelfTestError),
    /// The system gives no more threads.
    #[error("a hashing thread could not be started")]
    Thread(#[source] std::io::Error),
}

/// Why a password was not hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashPasswordError {
    /// Refused, to be tried again.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// Refused, since bcrypt would ignore what comes after its 72 bytes.
    #[error("the password is longer than bcrypt takes")]
    TooLong,
    /// It could not be computed.
    #[error("the password could not be hashed")]
    Failed(#[from] HashingFailure),
}

/// Why a password was not verified. None of it says that the password is wrong.
#[derive(Debug, thiserror::Error)]
pub enum VerifyPasswordError {
    /// Refused, to be tried again.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// What is stored is no hash that can be verified.
    #[error("the stored hash cannot be used")]
    UnusableHash(#[from] UnusableHash),
    /// It could not be computed.
    #[error("the password could not be verified")]
    Failed(#[from] HashingFailure),
}

/// Whether a password is the one that was hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is another one, or there is none.
    No,
    /// It is.
    Yes,
    /// It is, but new hashes are made otherwise: hash it again and keep that.
    YesButOutdated,
}

impl PasswordPool {
    /// Tests the implementation on this machine, then starts the threads.
    ///
    /// - `dummy_salt`: random bytes; the salt of the hash that stands in for unknown users.
    /// - `on_thread_start`: runs first on each thread, for example to lower its priority.
    pub fn start(
        settings: HashingSettings,
        dummy_salt: [u8; SALT_BYTES],
        on_thread_start: Arc<dyn Fn() + Send + Sync>,
    ) -> Result<Self, StartPoolError> {
        let kind = settings.engine;
        let workshop = Workshop {
            build_engine: Box::new(move || kind.build()),
            on_thread_start,
            idle_max: IDLE_MAX,
        };
        Self::start_with(settings, dummy_salt, workshop)
    }

    /// Makes the hash to keep. `salt` must be random.
    pub async fn hash(
        &self,
        password: &Password,
        salt: [u8; SALT_BYTES],
    ) -> Result<PasswordHash, HashPasswordError> {
        if !self.settings.algorithm.can_hash(password) {
            return Err(HashPasswordError::TooLong);
        }
        let (reply, outcome) = oneshot::channel();
        self.enqueue(Job::Hash { password: password.clone(), salt, reply })?;
        Ok(outcome.await.map_err(|_| HashingFailure::NoAnswer)??)
    }

    /// Checks a password against the stored hash; `None` is for a user that does not exist or has
    /// no password, which costs the same as a current hash and is always [`Verdict::No`].
    ///
    /// An imported hash of other parameters takes another time than that until it is replaced, so
    /// it shows that its user exists.
    pub async fn verify(
        &self,
        password: &Password,
        hash: Option<&PasswordHash>,
    ) -> Result<Verdict, VerifyPasswordError> {
        let stored = hash.map(StoredHash::parse).transpose()?;
        let exists = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.dummy.clone());
        let when_right = self.verdict_when_right(password, &stored);

        let (reply, outcome) = oneshot::channel();
        self.enqueue(Job::Verify { password: password.clone(), stored, reply })?;
        let is_right = outcome.await.map_err(|_| HashingFailure::NoAnswer)??;
        Ok(if is_right && exists { when_right } else { Verdict::No })
    }

    /// How many passwords wait for a thread.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// How many passwords are hashed at once.
    pub const fn threads(&self) -> NonZeroUsize {
        self.settings.threads
    }

    /// What new hashes are made with.
    pub const fn algorithm(&self) -> HashAlgorithm {
        self.settings.algorithm
    }

    pub(super) fn start_with(
        settings: HashingSettings,
        dummy_salt: [u8; SALT_BYTES],
        workshop: Workshop,
    ) -> Result<Self, StartPoolError> {
        let threads = settings.threads.get();
        self_test::run(settings.algorithm, (workshop.build_engine)().as_mut(), dummy_salt)?;
        let pool = Self {
            settings,
            queue: Arc::new(JobQueue::new(threads, settings.queue_max)),
            dummy: StoredHash::dummy(settings.algorithm, dummy_salt),
        };
        let workshop = Arc::new(workshop);
        for number in 0..threads {
            let (queue, workshop) = (Arc::clone(&pool.queue), Arc::clone(&workshop));
            thread::Builder::new()
                .name(format!("password-{number}"))
                .spawn(move || workshop.work(settings.algorithm, &queue))
                .map_err(StartPoolError::Thread)?;
        }
        Ok(pool)
    }

    pub(super) fn enqueue(&self, job: Job) -> Result<(), Overloaded> {
        self.queue.push(job).map_err(|_| Overloaded { retry_after: RETRY_AFTER })
    }

    fn verdict_when_right(&self, password: &Password, stored: &StoredHash) -> Verdict {
        let chosen = self.settings.algorithm;
        // A password that cannot be hashed anew keeps its old hash.
        if stored.is_as_chosen(chosen) || !chosen.can_hash(password) {
            Verdict::Yes
        } else {
            Verdict::YesButOutdated
        }
    }
}

impl Drop for PasswordPool {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// What a thread works with.
pub(super) struct Workshop {
    pub(super) build_engine: Box<BuildEngine>,
    pub(super) on_thread_start: Arc<dyn Fn() + Send + Sync>,
    pub(super) idle_max: Duration,
}

/// How long a thread keeps memory that it does not use.
const IDLE_MAX: Duration = Duration::from_secs(10);

impl Workshop {
    fn work(&self, algorithm: HashAlgorithm, queue: &JobQueue<Job>) {
        // A thread that was not prepared as wished still hashes.
        drop(catch_unwind(AssertUnwindSafe(|| (self.on_thread_start)())));
        // After a panic the caller of that job gets an error, and the thread goes on with a new
        // engine, since the old one may be in disorder.
        while catch_unwind(AssertUnwindSafe(|| self.work_until_stop(algorithm, queue))).is_err() {}
    }

    fn work_until_stop(&self, algorithm: HashAlgorithm, queue: &JobQueue<Job>) {
        let mut hasher = Hasher::new(algorithm, &*self.build_engine);
        loop {
            let patience = hasher.holds_memory().then_some(self.idle_max);
            match queue.next(patience) {
                Next::Job(job, busy) => job.run(&mut hasher, busy),
                Next::Idle => hasher.release_memory(),
                Next::Stop => return,
            }
        }
    }
}

/// One hash to compute. Dropping it tells the caller that there will be none.
pub(super) enum Job {
    Hash {
        password: Password,
        salt: [u8; SALT_BYTES],
        reply: oneshot::Sender<Result<PasswordHash, HashingFailure>>,
    },
    Verify {
        password: Password,
        stored: StoredHash,
        reply: oneshot::Sender<Result<bool, HashingFailure>>,
    },
}

impl Job {
    /// Computes and answers. A caller that has gone meanwhile gets nothing, and needs nothing.
    fn run(self, hasher: &mut Hasher<'_>, busy: Busy<'_, Self>) {
        match self {
            Self::Hash { password, salt, reply } => {
                let hash = hasher.hash(password.expose(), salt);
                // Before the answer, so that whoever gets it finds the thread free.
                drop(busy);
                drop(reply.send(hash));
            }
            Self::Verify { password, stored, reply } => {
                let is_right = hasher.verify(password.expose(), &stored);
                drop(busy);
                drop(reply.send(is_right));
            }
        }
    }
}

impl Abandon for Job {
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Hash { reply, .. } => reply.is_closed(),
            Self::Verify { reply, .. } => reply.is_closed(),
        }
    }
}
