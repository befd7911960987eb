//! A database on the shared PostgreSQL, in the hands of somebody else: `psql`.

use std::process::Command;

use crate::deployment::Deployment;
use crate::process::{Ended, Process};
use crate::store::{URL, unique_name, variable};

/// An empty database, which is gone with its value.
pub(super) struct Database {
    name: String,
    pub(super) url: String,
}

impl Database {
    pub(super) async fn create() -> Self {
        let (server, name) = (variable("TEST_POSTGRES_URL"), unique_name());
        run_sql(&server, &format!("CREATE DATABASE {name}")).await;
        let (host, _) = server.rsplit_once('/').unwrap();
        Self { url: format!("{host}/{name}"), name }
    }

    /// A deployment that keeps its records there.
    pub(super) fn deployment(&self) -> Deployment {
        Deployment::with_stable_issuer().with(URL, &self.url)
    }

    /// Runs statements; returns the values that they answer with, a row a line, columns parted by
    /// `|`.
    pub(super) async fn sql(&self, statements: &str) -> String {
        run_sql(&self.url, statements).await.stdout.trim_end().to_owned()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        // What is left does nobody any harm.
        let _ = psql(&variable("TEST_POSTGRES_URL"), &statement).output();
    }
}

async fn run_sql(url: &str, statements: &str) -> Ended {
    Process::start(&mut psql(url, statements), "").end().await.is(0)
}

fn psql(url: &str, statements: &str) -> Command {
    let mut psql = Command::new("psql");
    psql.args(["--quiet", "--no-psqlrc", "--no-align", "--tuples-only"]);
    psql.args(["--set", "ON_ERROR_STOP=1", "--dbname", url, "--command", statements]);
    psql
}
