//! The engine on a server: a pool of connections, and one round trip for each operation.
//!
//! Statements of one operation are sent together, between BEGIN and COMMIT, before any of them is
//! answered. A guard that changes no row fails on the server, which then refuses everything behind
//! it, COMMIT included; which guard it was shows by the first answer that is an error. Outside a
//! transaction of ours the server changes nothing: what follows a BEGIN that failed does nothing.
//!
//! What was handed over is done though its caller has gone, as it is on the other engine: an
//! operation runs in a task of its own, so that an aborted request leaves no connection that nobody
//! can use any more.

mod address;
mod connection;
mod encryption;
mod failure;
mod hosts;
mod passport;
mod pipeline;
mod server;
mod values;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use contracts::{CredentialSource, StoreError};
use deadpool::Runtime;
use deadpool::managed::{Object, Pool, PoolError, TimeoutType};
use secrecy::SecretString;
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, Row};

use crate::statement::{RowReader, Statement, Written};
use failure::Failure;
use server::{ConnectError, Server};
use values::PostgresRow;

/// How long an operation takes at most, everything included.
const OPERATION_TIME_MAX: Duration = Duration::from_millis(2_400);
/// How long it waits for a connection that somebody else uses.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// How long a new connection may take, credentials and settings included.
const CREATE_TIME_MAX: Duration = Duration::from_millis(2_200);
/// How often an operation is tried.
const TRIES_MAX: u32 = 4;

/// Where the server is, and how to use it.
#[derive(Clone)]
pub struct PostgresSettings {
    /// `postgres://user:password@host:port/database?…`, as libpq has it.
    ///
    /// - `sslmode`: `disable`; `prefer`, which encrypts if the server offers it and verifies
    ///   nothing; `require`, `verify-ca` and `verify-full`, all of which encrypt and verify both
    ///   certificate and host name. Without it `prefer`, or `verify-full` beside `sslrootcert`.
    /// - `sslrootcert`: the PEM file of those who vouch for the server; without it, or with
    ///   `system`, whomever this machine trusts.
    pub url: SecretString,
    /// Reads user name and password, which then stand in for those in the URL.
    pub credentials: Option<Arc<dyn CredentialSource>>,
    /// The most connections that are open at once.
    pub pool_max: NonZeroUsize,
}

impl PostgresSettings {
    /// As many connections as suffice for most: an operation keeps one for a round trip.
    pub const POOL_MAX: NonZeroUsize = NonZeroUsize::new(16).expect("it is not zero");

    /// Settings for a server whose URL says all.
    pub const fn new(url: SecretString) -> Self {
        Self { url, credentials: None, pool_max: Self::POOL_MAX }
    }
}

/// A server's database, open for use.
#[derive(Clone)]
pub(crate) struct Postgres {
    pool: Pool<Server>,
}

/// A server whose database may still lack steps of the schema.
pub(crate) struct Unopened {
    server: Server,
    pool_max: usize,
}

impl Unopened {
    pub(crate) fn new(settings: &PostgresSettings) -> Result<Self, StoreError> {
        Ok(Self { server: Server::new(settings)?, pool_max: settings.pool_max.get() })
    }

    /// A connection on its own, without any limit to how long a statement takes.
    pub(crate) async fn connect(&self) -> Result<Client, StoreError> {
        Ok(Box::pin(self.server.connect()).await.map(|(client, _)| client)?)
    }

    /// Takes over a migrated database.
    pub(crate) fn start(self) -> Result<Postgres, StoreError> {
        let pool = Pool::builder(self.server)
            .max_size(self.pool_max)
            .wait_timeout(Some(WAIT_MAX))
            .create_timeout(Some(CREATE_TIME_MAX))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| StoreError::Unavailable(error.into()))?;
        Ok(Postgres { pool })
    }
}

impl Postgres {
    /// Runs statements as one operation, durable when this returns.
    pub(crate) async fn write(&self, statements: Vec<Statement>) -> Result<Written, StoreError> {
        let postgres = self.clone();
        self.carried_out(async move {
            let mut tries = Tries::of(Failure::is_undone);
            loop {
                let mut connection = postgres.connection().await?;
                let outcome = connection.write(&statements).await;
                if let Some(written) = postgres.settle(connection, outcome, &mut tries).await? {
                    return Ok(written);
                }
            }
        })
        .await
    }

    /// Runs one statement that changes rows and returns them.
    pub(crate) async fn write_returning<T: Send + 'static>(
        &self,
        statement: Statement,
        to_item: fn(&mut RowReader<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let to_items = move |rows: Vec<Row>| {
            rows.iter().map(|row| to_item(&mut RowReader::new(&PostgresRow(row)))).collect()
        };
        let postgres = self.clone();
        self.carried_out(async move {
            let mut tries = Tries::of(Failure::is_undone);
            loop {
                let mut connection = postgres.connection().await?;
                let outcome = connection.write_returning(&statement, to_items).await;
                if let Some(items) = postgres.settle(connection, outcome, &mut tries).await? {
                    return items;
                }
            }
        })
        .await
    }

    /// Runs one statement that deletes rows, and counts them.
    pub(crate) async fn delete(&self, statement: Statement) -> Result<usize, StoreError> {
        let postgres = self.clone();
        self.carried_out(async move {
            let mut tries = Tries::of(Failure::is_undone);
            loop {
                let mut connection = postgres.connection().await?;
                let outcome = connection.execute(&statement).await;
                if let Some(deleted) = postgres.settle(connection, outcome, &mut tries).await? {
                    return Ok(usize::try_from(deleted).unwrap_or(usize::MAX));
                }
            }
        })
        .await
    }

    /// Folds the rows of one statement, which sees one consistent state.
    pub(crate) async fn read<T>(
        &self,
        statement: Statement,
        mut folded: T,
        mut fold: impl FnMut(&mut T, &mut RowReader<'_>) -> Result<(), StoreError>,
    ) -> Result<T, StoreError> {
        let postgres = self.clone();
        let reading = self.carried_out(async move {
            // To read twice does no harm.
            let mut tries = Tries::of(|failure| !matches!(failure, Failure::Refused(_)));
            loop {
                let mut connection = postgres.connection().await?;
                let outcome = connection.read(&statement).await;
                if let Some(rows) = postgres.settle(connection, outcome, &mut tries).await? {
                    return Ok(rows);
                }
            }
        });
        for row in &reading.await? {
            fold(&mut folded, &mut RowReader::new(&PostgresRow(row)))?;
        }
        Ok(folded)
    }

    async fn connection(&self) -> Result<Object<Server>, StoreError> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => error.into(),
            PoolError::Timeout(TimeoutType::Wait) => {
                StoreError::Unavailable("all connections to the database are in use".into())
            }
            PoolError::Timeout(_) => ConnectError::Silent.into(),
            other => StoreError::Unavailable(other.into()),
        })
    }

    /// Gives the connection back, if it is any good, and what came of the try: `None` if the
    /// operation is to be tried again.
    async fn settle<T>(
        &self,
        connection: Object<Server>,
        outcome: Result<T, Failure>,
        tries: &mut Tries,
    ) -> Result<Option<T>, StoreError> {
        let failure = match outcome {
            Ok(outcome) => return Ok(Some(outcome)),
            Err(failure) => failure,
        };
        if failure.spares_connections() {
            drop(connection);
        } else {
            drop(Object::take(connection));
            self.forget_idle();
        }
        tries.again_after(failure).await?;
        Ok(None)
    }

    /// Carries an operation through, whoever waits for it, and ends it if it takes too long. Its
    /// connection is then between two statements, and nobody gets it any more.
    async fn carried_out<T: Send + 'static>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let postgres = self.clone();
        let task = tokio::spawn(async move {
            if let Ok(outcome) = timeout(OPERATION_TIME_MAX, operation).await {
                return outcome;
            }
            postgres.forget_idle();
            Err(StoreError::Unavailable("the database did not answer in time".into()))
        });
        // The runtime is stopping, or the operation panicked.
        task.await.unwrap_or_else(|error| Err(StoreError::Unavailable(error.into())))
    }

    /// Closes all connections that lie idle: what broke one has most likely broken them all, and
    /// each would cost somebody else an operation.
    fn forget_idle(&self) {
        self.pool.retain(|_, _| false);
    }
}

/// How often an operation was tried, and after which failures it may be tried again.
struct Tries {
    left: u32,
    may_follow: fn(&Failure) -> bool,
}

impl Tries {
    fn of(may_follow: fn(&Failure) -> bool) -> Self {
        Self { left: TRIES_MAX - 1, may_follow }
    }

    /// Waits for the next try, if there is to be one.
    async fn again_after(&mut self, failure: Failure) -> Result<(), StoreError> {
        if self.left == 0 || !(self.may_follow)(&failure) {
            return Err(failure.into());
        }
        self.left -= 1;
        if matches!(failure, Failure::Crossed(_)) {
            sleep(pause()).await;
        }
        Ok(())
    }
}

/// A few milliseconds, other ones each time, so that two who crossed do not meet again.
fn pause() -> Duration {
    Duration::from_micros(u64::from(turn() >> 16) / 4 + 1_000)
}

/// Another number each time. Nothing secret hangs on it: multiples of the golden ratio lie far
/// apart.
fn turn() -> u32 {
    static TURN: AtomicU32 = AtomicU32::new(0);
    TURN.fetch_add(0x9e37_79b9, Ordering::Relaxed) ^ std::process::id()
}
