//! Connections that die without a word, as behind a firewall that forgets them.

use std::sync::Arc;
use std::time::Duration;

use contracts::{Probe, StoreError};
use ephemeral::{FallbackLimiter, MemoryLimiter, RedisConnection, RedisLimiter, RedisSettings};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::fallback::assert_shared_again;
use crate::fixtures::{connect, daily, succeeds};
use crate::server::Server;

/// Leads to a server, and forgets connections when it is told to.
struct Firewall {
    port: u16,
    forgets: Arc<Notify>,
}

impl Firewall {
    async fn before(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (forgets, target) = (Arc::new(Notify::new()), ("127.0.0.1", server.port));
        let forgetting = forgets.clone();
        tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let mut server = TcpStream::connect(target).await.unwrap();
                let forgets = forgetting.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        () = forgets.notified() => std::future::pending().await,
                    }
                });
            }
        });
        Self { port, forgets }
    }

    /// What is connected now hears nothing any more. New connections come through.
    fn forget(&self) {
        self.forgets.notify_waiters();
    }

    fn connection(&self) -> RedisConnection {
        let url = format!("redis://127.0.0.1:{}", self.port);
        connect(RedisSettings::new(url.into()))
    }
}

#[tokio::test]
async fn a_connection_that_died_in_silence_is_replaced() {
    let server = Server::start().await;
    let firewall = Firewall::before(&server).await;
    let connection = firewall.connection();
    for _ in 0..2 {
        connection.check().await.unwrap();
        firewall.forget();
        let began = Instant::now();
        let checked = connection.check().await;
        assert!(matches!(checked, Err(StoreError::Unavailable(_))), "{checked:?}");
        assert!(began.elapsed() < Duration::from_secs(2));
        connection.check().await.unwrap();
    }
}

#[tokio::test]
async fn limits_alone_notice_that_a_connection_died() {
    let server = Server::start().await;
    let firewall = Firewall::before(&server).await;
    let shared = Arc::new(RedisLimiter::new(firewall.connection()));
    let limiter = FallbackLimiter::new(shared, MemoryLimiter::new());
    assert!(succeeds(&limiter, &daily(1, 9)).await);
    firewall.forget();
    assert!(succeeds(&limiter, &daily(1, 9)).await);
    assert_eq!(limiter.fallbacks(), 1);
    // The connection is known to be dead after a second.
    sleep(Duration::from_secs(1)).await;
    assert_shared_again(&limiter, 2).await;
}
