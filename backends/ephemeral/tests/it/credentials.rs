//! Users and passwords.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use contracts::{BoxError, CredentialSource, Credentials, Probe, StoreError};
use ephemeral::{RedisConnection, RedisSettings};
use tokio::sync::Mutex;

use crate::fixtures::connect;
use crate::server::Server;

const FIRST: &str = "a first password";
const SECOND: &str = "a second password";

/// A place where a password is kept, and may be changed.
struct Kept {
    password: Mutex<Option<&'static str>>,
    reads: AtomicUsize,
}

impl Kept {
    fn new(password: &'static str) -> Arc<Self> {
        Arc::new(Self { password: Mutex::new(Some(password)), reads: AtomicUsize::new(0) })
    }

    async fn change(&self, password: Option<&'static str>) {
        *self.password.lock().await = password;
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl CredentialSource for Kept {
    async fn read_credentials(&self) -> Result<Credentials, BoxError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let password = (*self.password.lock().await).ok_or("the safe is locked")?;
        Ok(Credentials { username: "doorward".to_owned(), password: password.into() })
    }
}

/// A server that lets in nobody but `doorward`, and only to what we need.
async fn start() -> Server {
    let server = Server::start_with(&["--requirepass", "for the test itself"]).await;
    set_password(&server, FIRST);
    server
}

fn ask(server: &Server, words: &[&str]) {
    let url = format!("redis://:for%20the%20test%20itself@127.0.0.1:{}", server.port);
    let client = redis::Client::open(url).unwrap();
    let (name, arguments) = words.split_first().unwrap();
    redis::cmd(name).arg(arguments).exec(&mut client.get_connection().unwrap()).unwrap();
}

fn set_password(server: &Server, password: &str) {
    let password = format!(">{password}");
    ask(server, &["ACL", "SETUSER", "doorward", "on", "resetpass", &password, "~*", "+ping"]);
}

/// All that we need, and what the documentation tells operators to allow.
const ALLOWED: &str = "-@all +ping +select +evalsha +script|load +time +get +set +del +mget \
                       +exists +setrange +zadd +zrange +zrevrange +zrem +zremrangebyscore \
                       +pexpireat";

fn connection(server: &Server, credentials: &Arc<Kept>) -> RedisConnection {
    connect(RedisSettings {
        credentials: Some(credentials.clone()),
        ..RedisSettings::new(server.url().into())
    })
}

async fn refusal(connection: &RedisConnection) -> String {
    match connection.check().await {
        Err(error @ StoreError::Unavailable(_)) => contracts::chain(&error),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_user_signs_in_with_what_is_kept() {
    let server = start().await;
    let kept = Kept::new(FIRST);
    let connection = connection(&server, &kept);
    assert_eq!(kept.reads(), 0, "not before they are needed");
    connection.check().await.unwrap();
    connection.check().await.unwrap();
    assert_eq!(kept.reads(), 1);
}

#[tokio::test]
async fn a_changed_password_is_read_when_the_old_one_is_refused() {
    let server = start().await;
    let kept = Kept::new(FIRST);
    let connection = connection(&server, &kept);
    connection.check().await.unwrap();

    set_password(&server, SECOND);
    kept.change(Some(SECOND)).await;
    ask(&server, &["CLIENT", "KILL", "USER", "doorward"]);

    connection.check().await.unwrap();
    assert_eq!(kept.reads(), 2);
}

#[tokio::test]
async fn a_wrong_password_is_not_told_and_not_tried_all_the_time() {
    let server = start().await;
    let kept = Kept::new(SECOND);
    let connection = connection(&server, &kept);
    for _ in 0..50 {
        let text = refusal(&connection).await;
        assert!(text.contains("refused the credentials"), "{text}");
        assert!(!text.contains("password") && !text.contains("doorward"), "{text}");
    }
    assert!(kept.reads() <= 2, "{}", kept.reads());

    kept.change(Some(FIRST)).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    connection.check().await.unwrap();
}

#[tokio::test]
async fn credentials_that_cannot_be_read_are_the_reason() {
    let server = start().await;
    let kept = Kept::new(FIRST);
    kept.change(None).await;
    let connection = connection(&server, &kept);
    let text = refusal(&connection).await;
    assert!(text.ends_with("could not be read: the safe is locked"), "{text}");
}

#[tokio::test]
async fn a_server_that_wants_a_password_refuses_whoever_has_none() {
    let server = start().await;
    let text = refusal(&server.connection()).await;
    assert!(text.ends_with("Redis refused the credentials with NOAUTH"), "{text}");
}

#[tokio::test]
async fn user_and_password_may_stand_in_the_url() {
    let server = start().await;
    let url = format!("redis://doorward:a%20first%20password@127.0.0.1:{}", server.port);
    connect(RedisSettings::new(url.into())).check().await.unwrap();
    let url = format!("redis://doorward:wrong@127.0.0.1:{}", server.port);
    let text = refusal(&connect(RedisSettings::new(url.into()))).await;
    assert!(text.contains("refused the credentials") && !text.contains("wrong"), "{text}");
}

#[tokio::test]
async fn what_a_user_may_not_do_is_told_by_its_code() {
    let server = start().await;
    let kept = Kept::new(FIRST);
    let limiter = ephemeral::RedisLimiter::new(connection(&server, &kept));
    let drawn = contracts::Limiter::draw(&limiter, &crate::fixtures::daily(1, 1)).await;
    let Err(error) = drawn else { panic!("{drawn:?}") };
    assert_eq!(contracts::chain(&error), "the store is unavailable: Redis answered NOPERM");
}

#[tokio::test]
async fn a_user_needs_no_more_than_is_documented() {
    let server = start().await;
    let mut words = vec!["ACL", "SETUSER", "doorward", "resetkeys", "~shop:*"];
    words.extend(ALLOWED.split_whitespace());
    ask(&server, &words);
    let kept = Kept::new(FIRST);
    let connection = connect(RedisSettings {
        key_prefix: "shop:".to_owned(),
        credentials: Some(kept),
        ..RedisSettings::new(format!("{}/0", server.url()).into())
    });
    crate::sessions::live_through(connection).await;
}
