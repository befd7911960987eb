//! Limits while Redis is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use contracts::{Draw, Drawn, Limiter, StoreError};
use ephemeral::{FallbackLimiter, MemoryLimiter, RedisLimiter};
use tokio::time::{Instant, sleep};
use tracing_subscriber::fmt::MakeWriter;

use crate::fixtures::{daily, succeeds};
use crate::server::Server;

fn limiter(server: &Server) -> FallbackLimiter {
    let shared = RedisLimiter::new(server.connection());
    FallbackLimiter::new(Arc::new(shared), MemoryLimiter::new())
}

/// A hundred draws on other keys, all of which succeed.
async fn draw_often(limiter: &FallbackLimiter) {
    for key in 100..200 {
        assert!(succeeds(limiter, &daily(key, 99)).await);
    }
}

/// Draws on `key` until the shared limiter decides again.
pub(crate) async fn assert_shared_again(limiter: &FallbackLimiter, key: u8) {
    let began = Instant::now();
    loop {
        let before = limiter.fallbacks();
        assert!(succeeds(limiter, &daily(key, 1_000)).await);
        if limiter.fallbacks() == before {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(2));
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn while_redis_is_stopped_each_instance_counts_alone() {
    let mut server = Server::start().await;
    let [one, other] = [limiter(&server), limiter(&server)];
    assert!(succeeds(&one, &daily(1, 1)).await);
    assert!(!succeeds(&other, &daily(1, 1)).await);
    assert_eq!([one.fallbacks(), other.fallbacks()], [0, 0]);

    server.kill();

    for limiter in [&one, &other] {
        assert!(succeeds(limiter, &daily(1, 1)).await);
        assert!(!succeeds(limiter, &daily(1, 1)).await);
        limiter.give_back(&daily(1, 1)).await.unwrap();
        assert!(succeeds(limiter, &daily(1, 1)).await);
        assert_eq!(limiter.decided_alone(), 3);
    }

    server.resume().await;
    for limiter in [&one, &other] {
        assert_shared_again(limiter, 2).await;
    }
    assert!(succeeds(&one, &daily(3, 1)).await);
    assert!(!succeeds(&other, &daily(3, 1)).await);
}

#[tokio::test]
async fn while_redis_hangs_nobody_waits_after_the_first() {
    let server = Server::start().await;
    let limiter = limiter(&server);
    assert!(succeeds(&limiter, &daily(1, 2)).await);
    server.hang();
    let began = Instant::now();
    assert!(succeeds(&limiter, &daily(1, 2)).await);
    assert!(began.elapsed() < Duration::from_millis(950), "{:?}", began.elapsed());
    for _ in 0..5 {
        let began = Instant::now();
        draw_often(&limiter).await;
        assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
        sleep(Duration::from_millis(300)).await;
    }
    assert_eq!(limiter.fallbacks(), 501);
    server.go_on();
    assert_shared_again(&limiter, 2).await;
}

#[tokio::test]
async fn a_redis_that_only_reads_ends_no_outage() {
    let server = Server::start().await;
    let limiter = limiter(&server);
    let () = server.ask(&["REPLICAOF", "127.0.0.1", "1"]);
    let (_guard, log) = Log::capture();
    for _ in 0..4 {
        assert!(succeeds(&limiter, &daily(1, 9)).await);
        sleep(Duration::from_millis(300)).await;
    }
    assert_eq!(limiter.fallbacks(), 4);
    assert_eq!(log.lines(), 1, "{}", log.text());
}

#[tokio::test]
async fn an_outage_is_told_when_it_begins_and_when_it_ends() {
    let (_guard, log) = Log::capture();
    let mut server = Server::start().await;
    let limiter = limiter(&server);
    assert!(succeeds(&limiter, &daily(1, 9)).await);
    assert_eq!(log.lines(), 0, "{}", log.text());
    server.kill();
    draw_often(&limiter).await;
    assert_eq!(log.lines(), 1, "{}", log.text());
    assert!(log.text().contains("WARN") && log.text().contains("each instance alone"));
    assert!(log.text().contains("the connection to Redis failed"), "{}", log.text());
    server.resume().await;
    assert_shared_again(&limiter, 2).await;
    assert_eq!(log.lines(), 2, "{}", log.text());
    assert!(log.text().contains("INFO") && log.text().contains("shared by all instances again"));
}

#[tokio::test]
async fn what_was_drawn_in_an_outage_is_not_given_back_to_all() {
    let mut server = Server::start().await;
    let [one, other] = [limiter(&server), limiter(&server)];
    server.kill();
    assert!(succeeds(&one, &daily(1, 1)).await);
    server.resume().await;
    assert_shared_again(&one, 2).await;
    assert!(succeeds(&other, &daily(1, 1)).await);
    one.give_back(&daily(1, 1)).await.unwrap();
    assert!(!succeeds(&one, &daily(1, 1)).await, "the other instance has it");
    other.give_back(&daily(1, 1)).await.unwrap();
    assert!(succeeds(&one, &daily(1, 1)).await);
}

#[tokio::test]
async fn while_redis_hangs_nobody_waits_to_give_back() {
    let server = Server::start().await;
    let limiter = limiter(&server);
    for key in 1..=50 {
        assert!(succeeds(&limiter, &daily(key, 2)).await);
    }
    server.hang();
    assert!(succeeds(&limiter, &daily(100, 2)).await);
    let began = Instant::now();
    for key in (1..=50).chain([100]) {
        limiter.give_back(&daily(key, 2)).await.unwrap();
    }
    assert!(began.elapsed() < Duration::from_millis(400), "{:?}", began.elapsed());
    server.go_on();
}

/// Fails, or does not answer, and counts how often it was asked.
#[derive(Default)]
struct Broken {
    asked: AtomicUsize,
    is_malformed: bool,
}

#[async_trait]
impl Limiter for Broken {
    async fn draw(&self, _draw: &Draw) -> Result<Drawn, StoreError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.is_malformed {
            return Err(StoreError::Malformed { what: "limit", source: "broken".into() });
        }
        std::future::pending().await
    }

    async fn give_back(&self, draw: &Draw) -> Result<(), StoreError> {
        self.draw(draw).await.map(drop)
    }
}

#[tokio::test]
async fn in_an_outage_one_asks_and_nobody_else() {
    let broken = Arc::new(Broken::default());
    let limiter = FallbackLimiter::new(broken.clone(), MemoryLimiter::new());
    assert!(succeeds(&limiter, &daily(1, 9)).await);
    for _ in 0..10 {
        draw_often(&limiter).await;
        limiter.give_back(&daily(1, 9)).await.unwrap();
    }
    assert!(broken.asked.load(Ordering::Relaxed) <= 2);
}

#[tokio::test]
async fn one_malformed_key_is_decided_here_and_is_no_outage() {
    let broken = Arc::new(Broken { is_malformed: true, ..Broken::default() });
    let limiter = FallbackLimiter::new(broken.clone(), MemoryLimiter::new());
    assert!(succeeds(&limiter, &daily(1, 1)).await);
    assert!(!succeeds(&limiter, &daily(1, 1)).await);
    assert_eq!((broken.asked.load(Ordering::Relaxed), limiter.fallbacks()), (2, 2));
}

/// What was logged by this thread.
#[derive(Clone, Default)]
struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

impl Log {
    fn capture() -> (tracing::subscriber::DefaultGuard, Self) {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false);
        (tracing::subscriber::set_default(subscriber.finish()), log)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn lines(&self) -> usize {
        self.text().lines().count()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
