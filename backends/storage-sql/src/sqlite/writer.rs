//! Group commit: whatever waits while one transaction is being made durable goes into the next.
//! `performance.md` shows why: 33,400 rotations a second instead of 6,900, and more where a sync is
//! slow.

use std::thread;

use contracts::StoreError;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};

use super::connection::{SqliteRow, bind};
use super::unavailable;
use crate::statement::{RowReader, Statement, Written};

/// Operations that may wait; beyond it the store is unavailable rather than slower and slower.
const QUEUE_MAX: usize = 4096;
/// Operations in one transaction: bounds how long the first of them waits for the last.
const BATCH_MAX: usize = 256;

/// Runs an operation inside the open transaction, if one could be opened, then hands out what to do
/// once it is durable.
type Job = Box<dyn FnOnce(Option<&Connection>) -> Settle + Send>;
/// Tells the caller how the commit went.
type Settle = Box<dyn FnOnce(&Result<(), NotCommitted>)>;

/// Hands operations to the writing thread, which ends when this is dropped.
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel(QUEUE_MAX);
        thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || commit_together(&connection, queue))
            .map_err(|error| StoreError::Unavailable(error.into()))?;
        Ok(Self { jobs })
    }

    pub(super) async fn write(&self, statements: Vec<Statement>) -> Result<Written, StoreError> {
        self.submit(move |connection| run_operation(connection, &statements)).await
    }

    pub(super) async fn write_returning<T: Send + 'static>(
        &self,
        statement: Statement,
        to_item: fn(&mut RowReader<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.submit(move |connection| run_returning(connection, &statement, to_item)).await
    }

    async fn submit<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |transaction| {
            let outcome = transaction.map(operation);
            Box::new(move |committed| {
                let answer = match (outcome, committed) {
                    (Some(outcome), Ok(())) => outcome,
                    (_, Err(error)) => Err(StoreError::Unavailable(Box::new(error.clone()))),
                    (None, Ok(())) => Err(StoreError::Unavailable("nothing was run".into())),
                };
                // The caller may have gone away; what was committed stays committed.
                let _ = reply.send(answer);
            })
        });
        self.jobs
            .try_send(job)
            .map_err(|_| StoreError::Unavailable("the write queue is full".into()))?;
        answer.await.map_err(|_| StoreError::Unavailable("the writing thread has ended".into()))?
    }
}

/// Why a whole batch was not committed; each of its callers is told.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the transaction was not committed: {0}")]
struct NotCommitted(String);

impl From<rusqlite::Error> for NotCommitted {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string())
    }
}

fn commit_together(connection: &Connection, mut queue: mpsc::Receiver<Job>) {
    let mut batch = Vec::new();
    while queue.blocking_recv_many(&mut batch, BATCH_MAX) > 0 {
        // Without a transaction each statement would commit by itself, so none may run.
        let begun = execute(connection, "BEGIN IMMEDIATE").map_err(NotCommitted::from);
        let settle: Vec<Settle> = batch
            .drain(..)
            .map(|job| job((!connection.is_autocommit()).then_some(connection)))
            .collect();
        let committed = begun.and_then(|()| Ok(execute(connection, "COMMIT")?));
        if committed.is_err() && !connection.is_autocommit() {
            // If even this fails, the next BEGIN does too, and its callers hear of it.
            let _ = execute(connection, "ROLLBACK");
        }
        for tell in settle {
            tell(&committed);
        }
    }
}

fn run_operation(connection: &Connection, statements: &[Statement]) -> Result<Written, StoreError> {
    if let [only] = statements {
        // One statement is atomic by itself.
        return run_statement(connection, only);
    }
    execute(connection, "SAVEPOINT operation").map_err(unavailable)?;
    let outcome = run_statements(connection, statements);
    if !matches!(outcome, Ok(Written::Done)) {
        execute(connection, "ROLLBACK TO operation").map_err(unavailable)?;
    }
    execute(connection, "RELEASE operation").map_err(unavailable)?;
    outcome
}

fn run_statements(
    connection: &Connection,
    statements: &[Statement],
) -> Result<Written, StoreError> {
    for statement in statements {
        match run_statement(connection, statement)? {
            Written::Done => {}
            refused => return Ok(refused),
        }
    }
    Ok(Written::Done)
}

fn run_statement(connection: &Connection, statement: &Statement) -> Result<Written, StoreError> {
    let mut prepared = connection.prepare_cached(statement.sql).map_err(unavailable)?;
    bind(&mut prepared, &statement.parameters)?;
    match prepared.raw_execute() {
        Ok(0) if statement.is_guard => Ok(Written::Unmet),
        Ok(_) => Ok(Written::Done),
        Err(error) => uniqueness_conflict(error).map(Written::Conflict).map_err(unavailable),
    }
}

/// What `SQLite` says of the columns that had to be unique, such as `users.email_key`.
fn uniqueness_conflict(error: rusqlite::Error) -> Result<String, rusqlite::Error> {
    match &error {
        rusqlite::Error::SqliteFailure(cause, Some(message))
            if cause.code == ErrorCode::ConstraintViolation =>
        {
            match message.strip_prefix("UNIQUE constraint failed: ") {
                Some(columns) => Ok(columns.to_owned()),
                None => Err(error),
            }
        }
        _ => Err(error),
    }
}

fn run_returning<T>(
    connection: &Connection,
    statement: &Statement,
    to_item: fn(&mut RowReader<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut prepared = connection.prepare_cached(statement.sql).map_err(unavailable)?;
    bind(&mut prepared, &statement.parameters)?;
    let mut rows = prepared.raw_query();
    let mut items = Vec::new();
    while let Some(row) = rows.next().map_err(unavailable)? {
        items.push(to_item(&mut RowReader::new(&SqliteRow(row)))?);
    }
    Ok(items)
}

fn execute(connection: &Connection, sql: &str) -> Result<(), rusqlite::Error> {
    connection.prepare_cached(sql)?.execute([]).map(|_| ())
}
