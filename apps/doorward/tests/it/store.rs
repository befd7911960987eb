//! The stores that a deployment can choose: each test gets an empty one, on a server that all tests
//! of a run share.

use std::env;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::deployment::Deployment;
use crate::process::Process;

/// What AWS's own library reads, for a server that asks for nothing of it.
pub(crate) const AWS: [(&str, &str); 3] =
    [("AWS_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];

/// Which store a deployment keeps its records in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Sqlite,
    Postgres,
    Mongodb,
    Dynamodb,
}

impl Store {
    /// A deployment with an empty store of that kind, ready to serve.
    pub(crate) async fn deployment(self) -> Deployment {
        let deployment = Deployment::new();
        match self {
            Self::Sqlite => deployment,
            Self::Postgres => deployment.with(URL, &postgres_database().await),
            Self::Mongodb => deployment.with(URL, &mongodb_database()),
            Self::Dynamodb => {
                let endpoint = variable("TEST_DYNAMODB_ENDPOINT");
                let deployment = on_dynamodb(deployment, &endpoint, &unique_name());
                deployment.run(&["migrate"]).await.is(0);
                deployment
            }
        }
    }
}

/// The setting that names the store.
pub(crate) const URL: &str = "DOORWARD_STORAGE__URL";

/// Keeps the records in that table.
pub(crate) fn on_dynamodb(deployment: Deployment, endpoint: &str, table: &str) -> Deployment {
    let deployment = deployment.with(URL, &format!("dynamodb://{table}"));
    let deployment = deployment.with("AWS_ENDPOINT_URL", endpoint);
    AWS.iter().fold(deployment, |deployment, (name, value)| deployment.with(name, value))
}

/// The URL of a new, empty database.
async fn postgres_database() -> String {
    let (server, name) = (variable("TEST_POSTGRES_URL"), unique_name());
    let mut psql = Command::new("psql");
    psql.args(["--quiet", "--no-psqlrc", "--dbname", &server]);
    psql.args(["--command", &format!("CREATE DATABASE {name}")]);
    Process::start(&mut psql, "").end().await.is(0);
    let (server, _) = server.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}

/// The URI of a database that nobody has used.
fn mongodb_database() -> String {
    let database = format!("/{}?authSource=admin&", unique_name());
    variable("TEST_MONGODB_URI").replacen("/?", &database, 1)
}

/// A name that no other test has.
#[expect(clippy::disallowed_methods, reason = "two runs on one server must not meet")]
pub(crate) fn unique_name() -> String {
    static NAMES: AtomicU32 = AtomicU32::new(0);
    let number = NAMES.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    format!("test_{}_{now}_{number}", std::process::id())
}

/// What `cargo xtask test` tells of the servers that it has started.
#[expect(clippy::disallowed_methods, reason = "a test finds its server there")]
pub(crate) fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run `cargo xtask services run -- cargo nextest run`")
    })
}

/// Expands to a module for each store, in which each case is a test. A case is an async function
/// that takes the store.
macro_rules! on_every_store {
    ($($case:ident),+ $(,)?) => {
        $crate::store::on_store!(sqlite, Sqlite, $($case),+);
        $crate::store::on_store!(postgres, Postgres, $($case),+);
        $crate::store::on_store!(mongodb, Mongodb, $($case),+);
        $crate::store::on_store!(dynamodb, Dynamodb, $($case),+);
    };
}

macro_rules! on_store {
    ($module:ident, $store:ident, $($case:ident),+) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case($crate::store::Store::$store).await;
                }
            )+
        }
    };
}

pub(crate) use {on_every_store, on_store};
