use contracts::StoreError;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// Why an operation was not done, or is not known to be.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection broke.
    Lost {
        cause: Error,
        /// Whether the server may have done the operation none the less.
        may_be_done: bool,
    },
    /// Nothing was done because of others who were at it at the same moment.
    Crossed(Error),
    /// Nothing was done, and this connection is no good for it any more; another may be.
    Outdated(Error),
    /// The server refused, for a reason that will stand.
    Refused(Error),
}

impl Failure {
    /// What it means that a request of an operation failed, after which nothing of it remains if
    /// the server says so.
    pub(super) fn of_request(cause: Error) -> Self {
        match cause.code() {
            Some(&(SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED)) => {
                Self::Crossed(cause)
            }
            // A server that was demoted, a plan that is older than the schema, a statement that
            // somebody between us and the server has forgotten.
            Some(
                &(SqlState::READ_ONLY_SQL_TRANSACTION
                | SqlState::FEATURE_NOT_SUPPORTED
                | SqlState::INVALID_SQL_STATEMENT_NAME),
            ) => Self::Outdated(cause),
            Some(
                &(SqlState::ADMIN_SHUTDOWN
                | SqlState::CRASH_SHUTDOWN
                | SqlState::CANNOT_CONNECT_NOW
                | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT),
            )
            | None => Self::Lost { cause, may_be_done: true },
            Some(_) => Self::Refused(cause),
        }
    }

    /// What it means that a statement could not be prepared: nothing was done in any case.
    pub(super) fn of_preparation(cause: Error) -> Self {
        match Self::of_request(cause) {
            Self::Lost { cause, .. } => Self::Lost { cause, may_be_done: false },
            other => other,
        }
    }

    /// Whether the same connections can go on being used.
    pub(super) const fn spares_connections(&self) -> bool {
        matches!(self, Self::Crossed(_) | Self::Refused(_))
    }

    /// Whether to do it again does it at most once.
    pub(super) const fn is_undone(&self) -> bool {
        !matches!(self, Self::Refused(_) | Self::Lost { may_be_done: true, .. })
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Lost { cause, .. }
            | Failure::Crossed(cause)
            | Failure::Outdated(cause)
            | Failure::Refused(cause) => Self::Unavailable(cause.into()),
        }
    }
}
