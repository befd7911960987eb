//! Several steps that happen together, or not at all.
//!
//! A transaction that nobody ends keeps its locks for a minute, and with them everybody from the
//! same documents. So it runs in a task of its own, which goes on when its caller has stopped
//! waiting and always ends it: by a commit that the server has answered, or by an abort. The driver
//! alone does not: it takes a transaction for begun only when its first statement was answered, and
//! for committed before the commit is sent. What is left is a process that ends, or a server out of
//! reach for half a minute: there the limit of the server applies.

use std::sync::Arc;
use std::time::Duration;

use contracts::StoreError;
use mongodb::ClientSession;
use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind, UNKNOWN_TRANSACTION_COMMIT_RESULT};
use mongodb::options::{ReadConcern, TransactionOptions};
use tokio::time::{Instant, timeout, timeout_at};

use crate::attempts::{
    Attempt, CommitFailed, code, is_worth_another_try, pause, retrying, unavailable,
};
use crate::collections::COUNTERS;
use crate::connection::{Connected, Connection, Turn};
use crate::operation::{Operation, Step, Written};

/// How long a statement may take, or the answer to a commit before it is sent again. What is given
/// up within an attempt is not in the way of the next.
const ANSWER_MAX: Duration = Duration::from_secs(1);

/// How long all statements may take: longer than an attempt, whose successor finds what a slow
/// server has done.
const STEPS_MAX: Duration = Duration::from_secs(2);

/// For how long a transaction is tried to be ended.
const ENDING_MAX: Duration = Duration::from_secs(30);

/// The server cannot change several documents together.
#[derive(Debug, thiserror::Error)]
#[error(
    "the server has no transactions: it stands alone, or is an elastic cluster; use a replica set, \
     be it of one member, or an instance-based cluster"
)]
struct NoTransactions;

/// Refuses a server that has no transactions: one that belongs to no set says so, and any other is
/// asked for one that changes nothing.
pub(crate) async fn require_transactions(connection: &Connection) -> Result<(), StoreError> {
    let tried = retrying(connection, |Attempt { connected, turn, .. }| async move {
        match has_transactions(&connected, turn).await {
            Err(error) if means_no_transactions(&error) => Ok(false),
            ended => ended,
        }
    });
    if tried.await? { Ok(()) } else { Err(unavailable(NoTransactions)) }
}

async fn has_transactions(connected: &Arc<Connected>, turn: Turn) -> Result<bool, Error> {
    let hello = connected.database.run_command(doc! { "hello": 1 }).await?;
    // A router of a sharded cluster has no name of a set, but a message.
    if !hello.contains_key("setName") && !hello.contains_key("msg") {
        return Ok(false);
    }
    let mut nothing = Operation::traced(COUNTERS, "");
    nothing.push(Step::Update {
        of: COUNTERS,
        filter: doc! { "_id": "" },
        change: doc! { "$set": { "value": 0_i64 } },
        guard: None,
    });
    transact(connected, &Arc::new(nothing), turn).await.map(|_| true)
}

/// The driver says so of a server that stands alone; codes are those of servers: 20 "illegal
/// operation", 263 "not supported in a transaction", 303 "feature not supported".
fn means_no_transactions(error: &Error) -> bool {
    matches!(error.kind.as_ref(), ErrorKind::Transaction { .. })
        || code(error).is_some_and(|code| [20, 263, 303].contains(&code))
}

/// Takes the steps of an operation together. Whoever stops waiting learns nothing of its end; it
/// ends all the same.
pub(crate) async fn transact(
    connected: &Arc<Connected>,
    operation: &Arc<Operation>,
    turn: Turn,
) -> Result<Written, Error> {
    let (connected, operation) = (Arc::clone(connected), Arc::clone(operation));
    let task = tokio::spawn(async move { run(&connected, operation.steps(), turn).await });
    match task.await {
        Ok(ended) => ended,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down, and with it the caller.
            Err(_) => Err(ErrorKind::Shutdown.into()),
        },
    }
}

async fn run(connected: &Connected, steps: &[Step], turn: Turn) -> Result<Written, Error> {
    let until = Instant::now() + STEPS_MAX;
    let Ok(session) = timeout(ANSWER_MAX, begin(connected)).await else { return Err(too_slow()) };
    let mut session = session?;
    for step in steps {
        let taken = step.run(&connected.database, Some(&mut session));
        let taken = timeout_at(until.min(Instant::now() + ANSWER_MAX), taken).await;
        match taken.unwrap_or_else(|_| Err(too_slow())) {
            Ok(Written::Done) => {}
            Err(error) if code(&error).is_none() => {
                abort(connected, &mut session, turn).await;
                return Err(error);
            }
            answered => {
                let _ = timeout(ANSWER_MAX, session.abort_transaction()).await;
                return answered;
            }
        }
    }
    commit(&mut session, turn).await.map(|()| Written::Done)
}

async fn begin(connected: &Connected) -> Result<ClientSession, Error> {
    let mut session = connected.client.start_session().await?;
    let options = TransactionOptions::builder().read_concern(ReadConcern::snapshot()).build();
    session.start_transaction().with_options(options).await?;
    Ok(session)
}

/// To the rest of the crate, the same as a connection that broke.
fn too_slow() -> Error {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

/// Aborts what may have begun at the server without its answer. A statement that changes nothing
/// goes first, as often as it takes: when it is answered, the driver takes the transaction for
/// begun, and the server can be reached. The driver sends an abort once.
async fn abort(connected: &Connected, session: &mut ClientSession, turn: Turn) {
    let until = Instant::now() + ENDING_MAX;
    let counters = connected.database.collection::<Document>(COUNTERS);
    let (mut turn, mut looks) = (Some(turn), 0);
    while Instant::now() < until {
        let look = counters.find_one(doc! { "_id": "" }).session(&mut *session);
        match timeout(ANSWER_MAX, look).await {
            Ok(Err(error)) if code(&error).is_none() => {}
            Ok(_) => break,
            Err(_) => {}
        }
        // While the server is out of reach, others need not wait for this.
        drop(turn.take());
        tokio::time::sleep(pause(looks)).await;
        looks += 1;
    }
    let _ = timeout(ANSWER_MAX, session.abort_transaction()).await;
    drop(turn);
}

/// Commits, and does so again until there is an answer. What was sent once may have been carried
/// out, whatever is answered the next time.
async fn commit(session: &mut ClientSession, turn: Turn) -> Result<(), Error> {
    let until = Instant::now() + ENDING_MAX;
    let (mut turn, mut commits) = (Some(turn), 0);
    loop {
        let failed = match timeout(ANSWER_MAX, session.commit_transaction()).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error,
            Err(_) => too_slow(),
        };
        let is_open = failed.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT)
            || (code(&failed).is_none() && is_worth_another_try(&failed));
        if !is_open || Instant::now() >= until {
            return Err(Error::custom(CommitFailed::of(&failed)));
        }
        drop(turn.take());
        tokio::time::sleep(pause(commits)).await;
        commits += 1;
    }
}
