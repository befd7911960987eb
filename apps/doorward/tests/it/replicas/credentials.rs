//! Passwords of databases that are changed while a server runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use servers::{Mongo, Postgres, Redis};
use tokio::time::Instant;

use crate::client::{Client, Tokens};
use crate::deployment::Deployment;
use crate::keys::aws::Aws;
use crate::process::Process;
use crate::python::python;
use crate::replicas::database::Database;
use crate::store::{URL, unique_name};
use crate::waiting::{PATIENCE, within};

const EMAIL: &str = "ada@example.com";
const USER: &str = "doorward";
const CHANGE_PASSWORD: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/replicas/change_password.py");
/// How soon the service works again once the server and the file have the same password.
const RECOVERY_TIME_MAX: Duration = Duration::from_secs(2);
/// The same where it waits for the emulator of MongoDB: one process in Python, which on a busy
/// machine takes more than a second to let somebody in.
const EMULATOR_TIME_MAX: Duration = Duration::from_secs(5);

/// Who signs in to a database, and where that is kept.
enum Credentials {
    File(PathBuf),
    SecretsManager { aws: Aws, name: String },
}

impl Credentials {
    fn in_file(deployment: &Deployment, password: &str) -> Self {
        let path = deployment.path("credentials.json");
        write_over(&path, &text(password));
        Self::File(path)
    }

    async fn in_secrets_manager(aws: Aws, password: &str) -> Self {
        let name = unique_name();
        aws.create_secret(&name, &text(password)).await;
        Self::SecretsManager { aws, name }
    }

    fn setting(&self) -> String {
        match self {
            Self::File(path) => format!("file:{}", path.display()),
            Self::SecretsManager { name, .. } => format!("aws-sm:{name}"),
        }
    }

    /// Changes the password.
    async fn write(&self, password: &str) {
        match self {
            Self::File(path) => write_over(path, &text(password)),
            Self::SecretsManager { aws, name } => aws.put_secret(name, &text(password)).await,
        }
    }
}

fn text(password: &str) -> String {
    json!({ "username": USER, "password": password }).to_string()
}

/// Changes a file as those do who keep secrets in files: at once.
fn write_over(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}

/// Waits until every request is answered as if nothing had happened.
async fn works_again(client: &Client, tokens: &mut Tokens, patience: Duration) {
    let changed_at = Instant::now();
    within(patience, "the next token is handed out", async || {
        let answer = client.refresh(&tokens.refresh).await;
        assert!(matches!(answer.status, 200 | 503), "{answer:?}");
        (answer.status == 200).then(|| *tokens = answer.tokens())
    })
    .await;
    client.get("/readyz").await.is(200);
    client.get_as("/auth/me", &tokens.access).await.is(200);
    assert!(changed_at.elapsed() < patience);
    for _ in 0..20 {
        *tokens = client.refresh(&tokens.refresh).await.tokens();
    }
}

/// Waits until the service has found that its password is not good any more.
async fn is_refused(client: &Client) {
    within(PATIENCE, "it is not ready", async || {
        (client.get("/readyz").await.status == 503).then_some(())
    })
    .await;
}

async fn sign_up_and_in(client: &Client) -> Tokens {
    client.register(EMAIL).await;
    client.log_in(EMAIL).await
}

#[tokio::test]
async fn a_new_password_of_postgresql_is_taken_up_without_a_restart() {
    let deployment = Deployment::new();
    let credentials = Credentials::in_file(&deployment, "first");
    postgresql_gets_new_passwords(deployment, credentials).await;
}

#[tokio::test]
async fn a_new_password_in_secrets_manager_is_taken_up_although_the_last_one_is_kept_for_minutes() {
    let aws = Aws::new();
    let deployment = aws.known_to(Deployment::new());
    let credentials = Credentials::in_secrets_manager(aws, "first").await;
    postgresql_gets_new_passwords(deployment, credentials).await;
}

/// Has the password changed while a server runs, which works again as soon as it can.
async fn postgresql_gets_new_passwords(deployment: Deployment, credentials: Credentials) {
    let postgres = Postgres::start().unwrap();
    postgres.create_user_with_password(USER, "first").unwrap();
    let url = format!("postgres://{}/postgres", postgres.address());
    let deployment = deployment
        .without_limits()
        .with(URL, &url)
        .with("DOORWARD_STORAGE__CREDENTIALS", &credentials.setting());
    let server = deployment.serve().await;
    let mut tokens = sign_up_and_in(&server.client).await;

    // First where it is kept, then in the server; then in the server, and much later where it is
    // kept.
    credentials.write("second").await;
    change_password(&postgres, "second");
    works_again(&server.client, &mut tokens, RECOVERY_TIME_MAX).await;

    change_password(&postgres, "third");
    is_refused(&server.client).await;
    server.client.refresh(&tokens.refresh).await.is(503);
    credentials.write("third").await;
    works_again(&server.client, &mut tokens, RECOVERY_TIME_MAX).await;
    server.client.log_in(EMAIL).await;
    assert!(!server.process.said().contains("third"));
}

/// Changes the password, and ends all that was signed in with the old one.
fn change_password(postgres: &Postgres, password: &str) {
    let statements = [
        format!("ALTER ROLE {USER} PASSWORD '{password}'"),
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{USER}'"),
    ];
    for statement in statements {
        postgres.sql(&statement).unwrap();
    }
}

#[tokio::test]
async fn a_new_password_of_redis_is_taken_up_without_a_restart() {
    let redis = Redis::start().unwrap();
    command(&redis, &["ACL", "SETUSER", USER, "on", ">first", "~*", "&*", "+@all"]).await;
    let database = Database::create().await;
    // With sessions, the service depends on Redis, and does not only count there.
    let deployment = database
        .deployment()
        .without_limits()
        .with("DOORWARD_EPHEMERAL__URL", &redis.url())
        .with("DOORWARD_EPHEMERAL__SESSIONS", "true");
    let credentials = Credentials::in_file(&deployment, "first");
    let deployment = deployment.with("DOORWARD_EPHEMERAL__CREDENTIALS", &credentials.setting());
    let server = deployment.serve().await;
    let mut tokens = sign_up_and_in(&server.client).await;
    tokens = server.client.refresh(&tokens.refresh).await.tokens();
    assert_ne!(command(&redis, &["DBSIZE"]).await, "0", "sessions are there");

    credentials.write("second").await;
    change_acl(&redis, "second").await;
    works_again(&server.client, &mut tokens, RECOVERY_TIME_MAX).await;

    change_acl(&redis, "third").await;
    is_refused(&server.client).await;
    credentials.write("third").await;
    works_again(&server.client, &mut tokens, RECOVERY_TIME_MAX).await;
    server.client.log_in(EMAIL).await;
    assert!(!server.process.said().contains("third"));
}

/// Changes the password, and ends all that was signed in with the old one.
async fn change_acl(redis: &Redis, password: &str) {
    command(redis, &["ACL", "SETUSER", USER, "resetpass", &format!(">{password}")]).await;
    command(redis, &["CLIENT", "KILL", "USER", USER]).await;
}

/// Has Redis do something, and returns what it says.
async fn command(redis: &Redis, arguments: &[&str]) -> String {
    let mut client = Command::new("redis-cli");
    client.args(["-e", "-p", &redis.port().to_string()]).args(arguments);
    Process::start(&mut client, "").end().await.is(0).stdout.trim_end().to_owned()
}

#[tokio::test]
async fn a_new_password_of_mongodb_is_taken_up_without_a_restart() {
    let mongo = Mongo::start().unwrap();
    // The password of the user that it comes with.
    let uri = mongo.uri();
    let (user, place) = uri.strip_prefix("mongodb://").unwrap().split_once('@').unwrap();
    let first = user.split_once(':').unwrap().1.replace("%40", "@").replace("%2F", "/");
    let place = format!("mongodb://{place}");
    let deployment = Deployment::new().without_limits().with(URL, &place);
    let credentials = Credentials::in_file(&deployment, &first);
    let deployment = deployment.with("DOORWARD_STORAGE__CREDENTIALS", &credentials.setting());
    let server = deployment.serve().await;
    let mut tokens = sign_up_and_in(&server.client).await;

    credentials.write("second").await;
    change_password_of_mongodb(&mongo, &uri, "second").await;
    works_again(&server.client, &mut tokens, EMULATOR_TIME_MAX).await;

    let uri = place.replace("//", &format!("//{USER}:second@"));
    change_password_of_mongodb(&mongo, &uri, "third").await;
    is_refused(&server.client).await;
    credentials.write("third").await;
    works_again(&server.client, &mut tokens, EMULATOR_TIME_MAX).await;
    server.client.log_in(EMAIL).await;
    assert!(!server.process.said().contains("third"));
}

/// Changes the password, and ends all that was signed in with the old one, for which the emulator
/// has to be started again.
async fn change_password_of_mongodb(mongo: &Mongo, uri: &str, password: &str) {
    let mut change = python();
    change.arg(CHANGE_PASSWORD).arg(uri).arg(&mongo.certificates().authority);
    change.args([USER, password]);
    Process::start(&mut change, "").end().await.is(0);
    mongo.kill();
    mongo.start_again().unwrap();
}
