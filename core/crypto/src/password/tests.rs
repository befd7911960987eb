//! The pool as its callers see it, with engines that count, wait, or fail on command.

use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use domain::{Password, PasswordHash};

use super::argon2::Argon2Engine;
use super::pool::Workshop;
use super::*;

const SALT: [u8; 16] = [7; 16];
const DUMMY_SALT: [u8; 16] = [9; 16];
/// For what must happen, but might not: long enough for the slowest machine.
const PATIENCE: Duration = Duration::from_mins(1);

fn password(text: &str) -> Password {
    Password::parse(&text.into()).unwrap()
}

fn cheap() -> HashAlgorithm {
    HashAlgorithm::Argon2id(Argon2Params::new(64, 2, 1).unwrap())
}

fn bcrypt_4() -> HashAlgorithm {
    HashAlgorithm::Bcrypt { cost: BcryptCost::new(4).unwrap() }
}

fn settings(algorithm: HashAlgorithm) -> HashingSettings {
    HashingSettings {
        algorithm,
        engine: Argon2EngineKind::Fast,
        threads: NonZeroUsize::MIN,
        queue_max: 1,
    }
}

fn start(algorithm: HashAlgorithm) -> PasswordPool {
    PasswordPool::start(settings(algorithm), DUMMY_SALT, Arc::new(|| ())).unwrap()
}

fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// What an engine did.
#[derive(Debug, PartialEq, Eq)]
enum Deed {
    Hash { params: Argon2Params, password: String, salt_bytes: usize, tag_bytes: usize },
    Drop,
}

/// Tells its deeds; waits for the gate at the password "wait", and panics at "panic".
struct Puppet {
    real: Box<dyn Argon2Engine>,
    deeds: Sender<Deed>,
    gate: Arc<Mutex<Receiver<()>>>,
}

impl Argon2Engine for Puppet {
    fn hash(
        &mut self,
        params: Argon2Params,
        password: &[u8],
        salt: &[u8],
        tag: &mut [u8],
    ) -> Result<(), HashingFailure> {
        let text = String::from_utf8(password.to_vec()).unwrap();
        let deed = Deed::Hash {
            params,
            password: text.clone(),
            salt_bytes: salt.len(),
            tag_bytes: tag.len(),
        };
        drop(self.deeds.send(deed));
        match text.as_str() {
            "wait" => self.gate.lock().unwrap().recv().unwrap(),
            "panic" => panic!("on command"),
            "fail" => return Err(HashingFailure::engine(std::fmt::Error)),
            _ => (),
        }
        self.real.hash(params, password, salt, tag)
    }
}

impl Drop for Puppet {
    fn drop(&mut self) {
        drop(self.deeds.send(Deed::Drop));
    }
}

/// A pool of puppets, what they do, and the gate that they wait at.
struct Theatre {
    pool: PasswordPool,
    deeds: Receiver<Deed>,
    gate: Sender<()>,
}

impl Theatre {
    fn open(settings: HashingSettings, idle_max: Duration) -> Self {
        let (told, deeds) = channel();
        let (gate, waiting) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let workshop = Workshop {
            build_engine: Box::new(move || {
                let real = Argon2EngineKind::RustCrypto.build();
                Box::new(Puppet { real, deeds: told.clone(), gate: Arc::clone(&waiting) })
            }),
            on_thread_start: Arc::new(|| ()),
            idle_max,
        };
        let pool = PasswordPool::start_with(settings, DUMMY_SALT, workshop).unwrap();
        // The self-test comes first and ends with its engine.
        while deeds.recv().unwrap() != Deed::Drop {}
        Self { pool, deeds, gate }
    }

    fn with_one_thread() -> Self {
        Self::open(settings(cheap()), PATIENCE)
    }

    fn next_deed(&self) -> Deed {
        self.deeds.recv_timeout(PATIENCE).unwrap()
    }

    fn next_password(&self) -> String {
        match self.next_deed() {
            Deed::Hash { password, .. } => password,
            Deed::Drop => panic!("the engine was dropped"),
        }
    }
}

#[tokio::test]
async fn a_password_is_verified_against_its_hash_and_no_other() {
    for engine in [Argon2EngineKind::Fast, Argon2EngineKind::RustCrypto] {
        for algorithm in [cheap(), bcrypt_4()] {
            let settings = HashingSettings { engine, ..settings(algorithm) };
            let pool = PasswordPool::start(settings, DUMMY_SALT, Arc::new(|| ())).unwrap();
            let hash = pool.hash(&password("correct horse"), SALT).await.unwrap();
            let verdict = pool.verify(&password("correct horse"), Some(&hash)).await.unwrap();
            assert_eq!(verdict, Verdict::Yes);
            for wrong in ["", "correct horsf", "correct horse ", "Correct horse"] {
                let verdict = pool.verify(&password(wrong), Some(&hash)).await.unwrap();
                assert_eq!(verdict, Verdict::No, "{wrong}");
            }
        }
    }
}

/// The exact bytes in the store: what wrote them may change, they may not. Computed with OpenSSL's
/// argon2id and with libxcrypt.
#[tokio::test]
async fn a_hash_is_the_string_that_other_programs_write() {
    let pool = start(HashAlgorithm::Argon2id(Argon2Params::RECOMMENDED));
    let hash = pool.hash(&password("correct horse"), SALT).await.unwrap();
    assert_eq!(hash.expose(), ARGON2ID_HASH);
    let pool = start(bcrypt_4());
    let hash = pool.hash(&password("correct horse"), SALT).await.unwrap();
    assert_eq!(hash.expose(), BCRYPT_HASH);
}

const ARGON2ID_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw\
    $cTLmpgKLeruU6za+t2cUZ3fNfHVCYhGoJ8inpcUNcwc";
const BCRYPT_HASH: &str = "$2b$04$/uaF/uaF/uaF/uaF/uaF/u6TEgyYmJd3P9pjrLThYbp3Es11Sf7Pe";

#[tokio::test]
async fn a_hash_of_other_parameters_is_outdated_only_for_the_right_password() {
    let old = start(cheap()).hash(&password("correct horse"), SALT).await.unwrap();
    let other = HashAlgorithm::Argon2id(Argon2Params::new(64, 3, 1).unwrap());
    for algorithm in [other, bcrypt_4()] {
        let pool = start(algorithm);
        let verdict = pool.verify(&password("correct horse"), Some(&old)).await.unwrap();
        assert_eq!(verdict, Verdict::YesButOutdated);
        let verdict = pool.verify(&password("wrong"), Some(&old)).await.unwrap();
        assert_eq!(verdict, Verdict::No);
    }
}

#[tokio::test]
async fn an_imported_hash_is_verified_and_outdated() {
    let pool = start(cheap());
    let imported =
        PasswordHash::new("$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe");
    let verdict = pool.verify(&password("a"), Some(&imported)).await.unwrap();
    assert_eq!(verdict, Verdict::YesButOutdated);
    assert_eq!(pool.verify(&password("b"), Some(&imported)).await.unwrap(), Verdict::No);
}

#[tokio::test]
async fn bcrypt_never_cuts_a_password() {
    let (longest, longer) = ("x".repeat(72), "x".repeat(73));
    let pool = start(bcrypt_4());
    let hash = pool.hash(&password(&longest), SALT).await.unwrap();
    assert_eq!(pool.verify(&password(&longest), Some(&hash)).await.unwrap(), Verdict::Yes);
    assert_eq!(pool.verify(&password(&longer), Some(&hash)).await.unwrap(), Verdict::No);
    let refused = pool.hash(&password(&longer), SALT).await;
    assert!(matches!(refused, Err(HashPasswordError::TooLong)));
}

#[tokio::test]
async fn a_password_that_cannot_be_hashed_anew_keeps_its_hash() {
    let long = password(&"x".repeat(73));
    let old = start(cheap()).hash(&long, SALT).await.unwrap();
    assert_eq!(start(bcrypt_4()).verify(&long, Some(&old)).await.unwrap(), Verdict::Yes);
}

#[tokio::test]
async fn an_unusable_hash_is_a_failure_and_not_a_wrong_password() {
    let pool = start(cheap());
    for (text, expected) in [
        ("", UnusableHash::UnknownAlgorithm),
        ("$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAA", UnusableHash::NotArgon2id),
        ("$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$AAAA", UnusableHash::OutOfBounds),
    ] {
        let outcome = pool.verify(&password("a"), Some(&PasswordHash::new(text))).await;
        match outcome {
            Err(VerifyPasswordError::UnusableHash(why)) => assert_eq!(why, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_unknown_user_costs_the_same_engine_calls_as_a_known_one() {
    let theatre = Theatre::with_one_thread();
    let hash = theatre.pool.hash(&password("right"), SALT).await.unwrap();
    theatre.next_deed();

    let verdict = theatre.pool.verify(&password("guess"), Some(&hash)).await.unwrap();
    assert_eq!(verdict, Verdict::No);
    let known = theatre.next_deed();
    let verdict = theatre.pool.verify(&password("guess"), None).await.unwrap();
    assert_eq!(verdict, Verdict::No);
    assert_eq!(theatre.next_deed(), known);
    assert!(theatre.deeds.try_recv().is_err());
}

#[tokio::test]
async fn an_unknown_user_has_no_password_under_bcrypt_either() {
    let pool = start(bcrypt_4());
    for guess in ["", "guess", &"x".repeat(73)] {
        assert_eq!(pool.verify(&password(guess), None).await.unwrap(), Verdict::No);
    }
}

#[tokio::test]
async fn what_cannot_wait_is_refused_at_once() {
    let theatre = Theatre::with_one_thread();
    let (wait, next) = (password("wait"), password("next"));
    let mut running = Box::pin(theatre.pool.hash(&wait, SALT));
    assert!(poll_once(&mut running).is_pending());
    assert_eq!(theatre.next_password(), "wait");
    assert_eq!(theatre.pool.waiting(), 0);

    let mut waiting = Box::pin(theatre.pool.hash(&next, SALT));
    assert!(poll_once(&mut waiting).is_pending());
    assert_eq!(theatre.pool.waiting(), 1);

    let mut refused = Box::pin(theatre.pool.verify(&next, None));
    let Poll::Ready(Err(VerifyPasswordError::Overloaded(overloaded))) = poll_once(&mut refused)
    else {
        panic!("it was not refused");
    };
    assert_eq!(overloaded.retry_after, Duration::from_secs(1));

    theatre.gate.send(()).unwrap();
    assert!(running.await.is_ok());
    assert!(waiting.await.is_ok());
}

#[tokio::test]
async fn a_pool_without_a_queue_takes_as_many_as_it_has_threads() {
    let threads = NonZeroUsize::new(2).unwrap();
    let settings = HashingSettings { threads, queue_max: 0, ..settings(cheap()) };
    let theatre = Theatre::open(settings, PATIENCE);
    let wait = password("wait");
    // None waits for the threads to be ready: what they are free for is accepted.
    let mut first = Box::pin(theatre.pool.hash(&wait, SALT));
    let mut second = Box::pin(theatre.pool.hash(&wait, SALT));
    let mut third = Box::pin(theatre.pool.hash(&wait, SALT));
    assert!(poll_once(&mut first).is_pending());
    assert!(poll_once(&mut second).is_pending());
    let refused = poll_once(&mut third);
    assert!(matches!(refused, Poll::Ready(Err(HashPasswordError::Overloaded(_)))));
    theatre.gate.send(()).unwrap();
    theatre.gate.send(()).unwrap();
    assert!(first.await.is_ok() && second.await.is_ok());
    for text in ["a", "b", "c"] {
        assert!(theatre.pool.hash(&password(text), SALT).await.is_ok());
    }
}

#[tokio::test]
async fn a_job_whose_caller_has_gone_is_not_computed_and_makes_room() {
    let theatre = Theatre::with_one_thread();
    let (wait, gone, next) = (password("wait"), password("gone"), password("next"));
    let mut running = Box::pin(theatre.pool.hash(&wait, SALT));
    assert!(poll_once(&mut running).is_pending());
    assert_eq!(theatre.next_password(), "wait");

    let mut abandoned = Box::pin(theatre.pool.hash(&gone, SALT));
    assert!(poll_once(&mut abandoned).is_pending());
    drop(abandoned);
    let mut last = Box::pin(theatre.pool.hash(&next, SALT));
    assert!(poll_once(&mut last).is_pending());

    theatre.gate.send(()).unwrap();
    assert!(running.await.is_ok() && last.await.is_ok());
    assert_eq!(theatre.next_password(), "next");
}

#[tokio::test]
async fn a_job_that_is_abandoned_in_the_queue_is_passed_over() {
    let theatre = Theatre::with_one_thread();
    let (wait, gone) = (password("wait"), password("gone"));
    let mut running = Box::pin(theatre.pool.hash(&wait, SALT));
    assert!(poll_once(&mut running).is_pending());
    assert_eq!(theatre.next_password(), "wait");
    let mut abandoned = Box::pin(theatre.pool.hash(&gone, SALT));
    assert!(poll_once(&mut abandoned).is_pending());
    drop(abandoned);

    theatre.gate.send(()).unwrap();
    assert!(running.await.is_ok());
    assert!(theatre.pool.hash(&password("next"), SALT).await.is_ok());
    assert_eq!(theatre.next_password(), "next");
}

#[tokio::test]
async fn a_panic_reaches_its_caller_as_an_error_and_the_pool_goes_on() {
    let theatre = Theatre::with_one_thread();
    for _ in 0..3 {
        let outcome = theatre.pool.hash(&password("panic"), SALT).await;
        assert!(matches!(outcome, Err(HashPasswordError::Failed(HashingFailure::NoAnswer))));
        assert_eq!(theatre.next_password(), "panic");
        assert_eq!(theatre.next_deed(), Deed::Drop);
    }
    assert!(theatre.pool.hash(&password("next"), SALT).await.is_ok());
}

#[tokio::test]
async fn a_failure_of_the_engine_is_neither_yes_nor_no() {
    let theatre = Theatre::with_one_thread();
    let outcome = theatre.pool.verify(&password("fail"), None).await;
    let failure = VerifyPasswordError::Failed(HashingFailure::NoAnswer);
    assert_eq!(outcome.unwrap_err().to_string(), failure.to_string());
    assert!(theatre.pool.hash(&password("next"), SALT).await.is_ok());
}

#[tokio::test]
async fn memory_is_kept_between_hashes_and_returned_after_idling() {
    let theatre = Theatre::with_one_thread();
    for text in ["a", "b", "c"] {
        theatre.pool.hash(&password(text), SALT).await.unwrap();
        assert_eq!(theatre.next_password(), text);
    }
    assert!(theatre.deeds.try_recv().is_err());

    let hurried = Theatre::open(settings(cheap()), Duration::ZERO);
    for text in ["a", "b"] {
        hurried.pool.hash(&password(text), SALT).await.unwrap();
        assert_eq!(hurried.next_password(), text);
        assert_eq!(hurried.next_deed(), Deed::Drop);
    }
}

#[tokio::test]
async fn an_imported_hash_leaves_no_more_memory_than_usual_behind() {
    let large = HashAlgorithm::Argon2id(Argon2Params::new(128, 1, 1).unwrap());
    let imported = start(large).hash(&password("a"), SALT).await.unwrap();
    let theatre = Theatre::with_one_thread();
    let verdict = theatre.pool.verify(&password("a"), Some(&imported)).await.unwrap();
    assert_eq!(verdict, Verdict::YesButOutdated);
    assert_eq!(theatre.next_password(), "a");
    assert_eq!(theatre.next_deed(), Deed::Drop);
}

#[tokio::test]
async fn dropping_the_pool_stops_its_threads_and_answers_whoever_waits() {
    let Theatre { pool, deeds, gate } = Theatre::with_one_thread();
    let pool = Arc::new(pool);
    let call = |text: &'static str| {
        let pool = Arc::downgrade(&pool);
        let (reply, outcome) = tokio::sync::oneshot::channel();
        let job = pool::Job::Hash { password: password(text), salt: SALT, reply };
        assert!(pool.upgrade().unwrap().enqueue(job).is_ok());
        outcome
    };
    let running = call("wait");
    deeds.recv_timeout(PATIENCE).unwrap();
    let waiting = call("next");

    drop(pool);
    assert!(waiting.await.is_err());
    gate.send(()).unwrap();
    assert!(running.await.unwrap().is_ok());
    // The engine goes, then what makes engines: nobody is left to tell anything.
    assert_eq!(deeds.recv_timeout(PATIENCE), Ok(Deed::Drop));
    assert_eq!(deeds.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected));
}

#[tokio::test]
async fn each_thread_is_prepared_even_by_something_that_panics() {
    let (told, started) = channel();
    let prepare = move || {
        told.send(std::thread::current().name().map(str::to_owned)).unwrap();
        panic!("on command");
    };
    let threads = NonZeroUsize::new(2).unwrap();
    let settings = HashingSettings { threads, ..settings(cheap()) };
    let pool = PasswordPool::start(settings, DUMMY_SALT, Arc::new(prepare)).unwrap();
    let mut names = [(); 2].map(|()| started.recv_timeout(PATIENCE).unwrap().unwrap());
    names.sort();
    assert_eq!(names, ["password-0", "password-1"]);
    assert_eq!(pool.threads(), threads);
    assert_eq!(pool.algorithm(), cheap());
    assert!(pool.hash(&password("a"), SALT).await.is_ok());
}

/// As a processor, or a compiler, that computes something else would.
struct Broken(fn(&mut [u8], &[u8]));

impl Argon2Engine for Broken {
    fn hash(
        &mut self,
        params: Argon2Params,
        password: &[u8],
        salt: &[u8],
        tag: &mut [u8],
    ) -> Result<(), HashingFailure> {
        Argon2EngineKind::RustCrypto.build().hash(params, password, salt, tag)?;
        (self.0)(tag, password);
        Ok(())
    }
}

fn self_test_error(fault: fn(&mut [u8], &[u8])) -> SelfTestError {
    let workshop = Workshop {
        build_engine: Box::new(move || Box::new(Broken(fault))),
        on_thread_start: Arc::new(|| ()),
        idle_max: PATIENCE,
    };
    match PasswordPool::start_with(settings(cheap()), DUMMY_SALT, workshop) {
        Err(StartPoolError::SelfTest(error)) => error,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it started"),
    }
}

#[test]
fn a_pool_that_computes_something_else_does_not_start() {
    let error = self_test_error(|tag, _| tag[31] ^= 1);
    assert!(matches!(error, SelfTestError::WrongAnswer("argon2id")));
    let error = self_test_error(|tag, password| {
        if password != b"password" {
            tag[0] ^= 1;
        }
    });
    assert!(matches!(error, SelfTestError::Disagreement));
}
