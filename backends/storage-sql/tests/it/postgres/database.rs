//! Databases of one's own.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use futures_util::TryStreamExt as _;
use storage_sql::{PostgresSettings, SqlStorage};
use tokio_postgres::{Client, Config, NoTls};

/// Enough for callers to race, and few enough for tests to run side by side.
const POOL_MAX: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// An empty database, which goes when this does.
pub(crate) struct Database {
    server: Config,
    name: String,
}

impl Database {
    /// One that sorts text by its bytes.
    pub(crate) async fn create() -> Self {
        Self::create_with("").await
    }

    /// One with options of CREATE DATABASE.
    pub(crate) async fn create_with(options: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("doorward_{}_{number}", std::process::id());
        let server = server();
        let client = connect(&server).await;
        client
            .batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            .await
            .unwrap();
        client.batch_execute(&format!("CREATE DATABASE {name} {options}")).await.unwrap();
        Self { server, name }
    }

    /// Opens it as the service would.
    pub(crate) async fn open(&self) -> SqlStorage {
        SqlStorage::open_postgres(&self.settings()).await.unwrap()
    }

    pub(crate) fn settings(&self) -> PostgresSettings {
        self.settings_at(&host_and_port(&self.server))
    }

    /// Settings for the same database behind another host and port.
    pub(crate) fn settings_at(&self, place: &str) -> PostgresSettings {
        let user = self.server.get_user().unwrap_or("postgres");
        let password = self.server.get_password().map(String::from_utf8_lossy);
        let password = password.map(|password| format!(":{password}")).unwrap_or_default();
        let url = format!("postgres://{user}{password}@{place}/{}", self.name);
        PostgresSettings { pool_max: POOL_MAX, ..PostgresSettings::new(url.into()) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where the server is.
    pub(crate) fn place(&self) -> String {
        host_and_port(&self.server)
    }

    /// A connection of another program.
    pub(crate) async fn connect(&self) -> Client {
        connect(self.server.clone().dbname(&self.name)).await
    }

    /// What another program does.
    pub(crate) async fn execute(&self, sql: &str) {
        self.connect().await.batch_execute(sql).await.unwrap();
    }

    /// All rows of all tables, as the server sends them in binary.
    pub(crate) async fn rows(&self) -> Vec<u8> {
        let client = self.connect().await;
        let tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'";
        let mut rows = Vec::new();
        for table in client.query(tables, &[]).await.unwrap() {
            let copy = format!("COPY {} TO STDOUT (FORMAT binary)", table.get::<_, &str>(0));
            let copied = client.copy_out(&copy).await.unwrap();
            let chunks: Vec<bytes::Bytes> = copied.try_collect().await.unwrap();
            rows.extend(chunks.concat());
        }
        rows
    }

    /// Ends all connections of the service, as an administrator would.
    pub(crate) async fn end_connections(&self) {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = $1 AND application_name = 'doorward'";
        connect(&self.server).await.execute(end, &[&self.name]).await.unwrap();
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let drop_database = async move {
            let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            // What is left behind is overwritten by the next who has that number.
            let _ = connect(&server).await.batch_execute(&sql).await;
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // A runtime cannot wait within another.
        let _ = thread::spawn(move || runtime.block_on(drop_database)).join();
    }
}

fn server() -> Config {
    #[expect(clippy::disallowed_methods, reason = "tests are told where servers are")]
    let url = std::env::var("TEST_POSTGRES_URL");
    url.expect("TEST_POSTGRES_URL names a PostgreSQL server for tests").parse().unwrap()
}

fn host_and_port(server: &Config) -> String {
    let tokio_postgres::config::Host::Tcp(host) = &server.get_hosts()[0] else {
        panic!("TEST_POSTGRES_URL names a host");
    };
    format!("{host}:{}", server.get_ports().first().unwrap_or(&5432))
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
