//! How often an operation is tried, and for how long.
//!
//! The driver retries nothing: DocumentDB before 8.0.2 cannot tell a retried write from a new one,
//! and the driver knows no deadline. So we do, within one deadline for the whole operation:
//!
//! - **The server was not reached, is no primary (any more), or does not answer within a second**:
//!   up to three attempts. Whether the lost attempt was carried out is then unknown, so a write
//!   looks for its own trace before it is tried again, and once more if it then finds its condition
//!   unmet. The trace is the field `operation` of one document, an id that we make for each call of
//!   a contract method: see [`Operation`](crate::operation::Operation). So nobody is told "stale",
//!   "taken" or "already" of what they did themselves, unless somebody else has written to that
//!   very document in the second between: then "stale" is true by now, and they read again.
//!   - What only reads is tried again as it is. So is a deletion, whose count may then miss what
//!     the lost attempt removed; it is a number for logs.
//!   - A claim of events or mails names its operation in each of them, and gives whatever bears
//!     it: an attempt that was lost is found, not repeated.
//!   - A draw on a quota may count twice, and what is given back may be lost, but not be given
//!     twice. Both err to the side of refusing, by one.
//!   - What is taken is marked first, with its operation in it, and then removed: nobody finds what
//!     is marked, and a removal that is lost leaves something to the sweep, not to anybody.
//! - **A write conflict** (112, or a transaction that the server ended), or no connection: nothing
//!   was written. It is tried again with growing pauses until the deadline.
//! - **A commit that fails**, in whatever way: an earlier sending of it may have arrived, so the
//!   rule for servers that were not reached applies to the whole transaction, trace first. Who
//!   repeats the commit, and when, is said in `transaction.rs`.
//! - **Credentials that are refused** are read again, once in an operation.
//!
//! An attempt begins when there is a connection for it: to wait for one is not to be lost.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use contracts::{BoxError, StoreError};
use mongodb::bson::oid::ObjectId;
use mongodb::error::{Error, ErrorKind, TRANSIENT_TRANSACTION_ERROR, WriteFailure};
use tokio::time::Instant;

use crate::connection::{Connected, Connection, Turn};

/// An operation answers by then: a little less than the contracts allow.
const DEADLINE: Duration = Duration::from_millis(2_300);

/// A connection may be dead without anybody having been told: then there is time for another.
const ATTEMPT_MAX: Duration = Duration::from_millis(1_100);

/// How often an operation is tried where the server is not reached.
const ATTEMPTS_MAX: u32 = 3;

pub(crate) const WRITE_CONFLICT: i32 = 112;
pub(crate) const DUPLICATE_KEY: i32 = 11_000;
const AUTHENTICATION_FAILED: i32 = 18;

/// Not primary: 10107, 13435, 10058. Shutting down or recovering: 11600, 11602, 13436, 189, 91.
const NOT_PRIMARY: [i32; 8] = [10_107, 13_435, 10_058, 11_600, 11_602, 13_436, 189, 91];

/// What an attempt is given.
pub(crate) struct Attempt {
    /// What to use.
    pub(crate) connected: Arc<Connected>,
    /// Whether an earlier attempt may have been carried out without our knowing.
    pub(crate) may_be_done: bool,
    /// For what outlives the attempt.
    pub(crate) turn: Turn,
}

/// A commit failed, and whether it was carried out is not known.
#[derive(Debug)]
pub(crate) struct CommitFailed {
    code: Option<i32>,
    is_conflict: bool,
}

impl CommitFailed {
    /// What is left to know of a failure.
    pub(crate) fn of(error: &Error) -> Self {
        let is_conflict = matches!(Trouble::of(error), Trouble::Again { .. });
        Self { code: code(error), is_conflict }
    }
}

/// Tries until it succeeds, the failure is final, or the deadline has passed.
pub(crate) async fn retrying<T, F, A>(connection: &Connection, attempt: F) -> Result<T, StoreError>
where
    F: Fn(Attempt) -> A + Send + Sync,
    A: Future<Output = Result<T, Error>> + Send,
    T: Send,
{
    in_time(async {
        let (mut lost, mut pauses) = (0, 0);
        let (mut may_be_done, mut has_renewed) = (false, false);
        loop {
            let connected = connection.current();
            let turn = connected.turn().await?;
            let given =
                Attempt { connected: Arc::clone(&connected), may_be_done, turn: Arc::clone(&turn) };
            let trial = attempt(given);
            let (trouble, failure) = match tokio::time::timeout(ATTEMPT_MAX, trial).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => (Trouble::of(&error), failure(&error)),
                Err(_) => (Trouble::Unreached, unavailable("the server did not answer")),
            };
            drop(turn);
            may_be_done |= !matches!(trouble, Trouble::Again { is_certain: true });
            match trouble {
                Trouble::Again { .. } => {}
                Trouble::Unreached if lost + 1 < ATTEMPTS_MAX => lost += 1,
                Trouble::Credentials if !has_renewed && connection.renew(&connected).await? => {
                    has_renewed = true;
                }
                _ => return Err(failure),
            }
            tokio::time::sleep(pause(pauses)).await;
            pauses += 1;
        }
    })
    .await
}

/// Gives up at the deadline. An operation of several commands is wrapped as a whole.
pub(crate) fn in_time<T>(
    work: impl Future<Output = Result<T, StoreError>> + Send,
) -> impl Future<Output = Result<T, StoreError>> + Send {
    in_time_since(Instant::now(), work)
}

/// Gives up at the deadline of what began then: for what an operation does after its outcome is
/// certain, and may leave undone.
pub(crate) async fn in_time_since<T>(
    began: Instant,
    work: impl Future<Output = Result<T, StoreError>> + Send,
) -> Result<T, StoreError> {
    tokio::time::timeout_at(began + DEADLINE, work)
        .await
        .unwrap_or_else(|_| Err(unavailable("the store did not answer in time")))
}

/// What kind of failure an attempt met.
enum Trouble {
    /// Others were there first, or there was no connection. It is certain that nothing was written
    /// where the server says so itself.
    Again {
        is_certain: bool,
    },
    Unreached,
    Credentials,
    Final,
}

impl Trouble {
    fn of(error: &Error) -> Self {
        if let Some(failed) = error.get_custom::<CommitFailed>() {
            let again = Self::Again { is_certain: false };
            return if failed.is_conflict { again } else { Self::Unreached };
        }
        let code = code(error);
        match error.kind.as_ref() {
            _ if code == Some(WRITE_CONFLICT) => Self::Again { is_certain: true },
            _ if code == Some(AUTHENTICATION_FAILED) => Self::Credentials,
            ErrorKind::Authentication { .. } => Self::Credentials,
            _ if code.is_some_and(|code| NOT_PRIMARY.contains(&code)) => Self::Unreached,
            ErrorKind::Io(_)
            | ErrorKind::ServerSelection { .. }
            // Written by this server, and perhaps lost with it.
            | ErrorKind::Write(WriteFailure::WriteConcernError(_)) => Self::Unreached,
            // Somebody else's connection failed, for their reason: perhaps refused credentials.
            ErrorKind::ConnectionPoolCleared { .. } => Self::Again { is_certain: false },
            _ if error.contains_label(TRANSIENT_TRANSACTION_ERROR) => {
                Self::Again { is_certain: false }
            }
            _ => Self::Final,
        }
    }
}

/// Whether the server was not reached, or was busy with others.
pub(crate) fn is_worth_another_try(error: &Error) -> bool {
    matches!(Trouble::of(error), Trouble::Unreached | Trouble::Again { .. })
}

/// The server's code, where it gave one.
pub(crate) fn code(error: &Error) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(refused) => Some(refused.code),
        ErrorKind::Write(WriteFailure::WriteError(refused)) => Some(refused.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(refused)) => Some(refused.code),
        ErrorKind::InsertMany(many) => {
            let first = many.write_errors.iter().flatten().next().map(|refused| refused.code);
            first.or(many.write_concern_error.as_ref().map(|refused| refused.code))
        }
        _ => error.get_custom::<CommitFailed>().and_then(|failed| failed.code),
    }
}

/// A refusal of the server, by its code: its words may quote the command, and with it addresses and
/// digests.
#[derive(Debug, thiserror::Error)]
#[error("the server refused with code {0}")]
struct ServerRefusal(i32);

/// What a failure looks like to callers.
pub(crate) fn failure(error: &Error) -> StoreError {
    match (code(error), error.kind.as_ref()) {
        (Some(code), _) => unavailable(ServerRefusal(code)),
        (None, ErrorKind::ConnectionPoolCleared { .. }) => {
            unavailable("the connections to the server broke")
        }
        (None, ErrorKind::Authentication { .. }) => {
            unavailable("the server refused user name or password: authentication failed")
        }
        (None, ErrorKind::Custom(_)) => unavailable("the server did not answer to a commit"),
        (None, other) => unavailable(other.to_string()),
    }
}

/// A failure of the backend.
pub(crate) fn unavailable(source: impl Into<BoxError>) -> StoreError {
    StoreError::Unavailable(source.into())
}

/// How long to wait before trying again: longer each time, and never as long as the neighbour.
pub(crate) fn pause(pauses: u32) -> Duration {
    let longest = 8_000_u64 << pauses.min(4);
    Duration::from_micros(longest / 4 + spread() % longest)
}

/// A number that differs from call to call and between instances. Nobody need be unable to guess
/// it: it keeps callers out of each other's way.
pub(crate) fn spread() -> u64 {
    let mut hasher = DefaultHasher::new();
    ObjectId::new().bytes().hash(&mut hasher);
    hasher.finish()
}
