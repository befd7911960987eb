//! What waits, what is refused, and what threads do with it.

use super::*;

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
