use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use contracts::StoreError;
use redis::{ErrorKind, RedisError};

/// Why Redis did not do what it was asked. Of what it says only the code remains: it may repeat
/// what it was sent.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum RedisFailure {
    #[error("Redis took longer than {0:?}")]
    TimedOut(Duration),
    #[error("Redis answered {0}")]
    Answered(String),
    /// The server that we are connected to is a replica, as it is after a failover.
    #[error("Redis is read-only")]
    ReadOnly,
    #[error("Redis refused the credentials with {0}")]
    NotAuthenticated(String),
    #[error("the connection to Redis failed: {0}")]
    Broken(String),
    #[error("the credentials of Redis could not be read")]
    Credentials(#[source] Arc<dyn Error + Send + Sync>),
}

impl RedisFailure {
    /// Whether another connection may do better.
    pub(crate) fn is_of_connection(&self) -> bool {
        match self {
            Self::Broken(_) | Self::NotAuthenticated(_) | Self::ReadOnly => true,
            Self::TimedOut(_) | Self::Answered(_) | Self::Credentials(_) => false,
        }
    }

    pub(crate) fn broken(error: &impl ToString) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<RedisError> for RedisFailure {
    fn from(error: RedisError) -> Self {
        let code = error.code().unwrap_or("an error").to_owned();
        match error.kind() {
            ErrorKind::Io => Self::broken(&error),
            ErrorKind::AuthenticationFailed => Self::NotAuthenticated("an error".to_owned()),
            _ if matches!(code.as_str(), "NOAUTH" | "WRONGPASS") => Self::NotAuthenticated(code),
            // Servers before 7.0 wrap what a script ran into.
            _ if code == "READONLY" || is_about(&error, "READONLY") => Self::ReadOnly,
            _ if is_about(&error, "WRONGTYPE") => Self::Answered(WRONG_TYPE.to_owned()),
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => {
                Self::Answered("what the command does not answer".to_owned())
            }
            _ => Self::Answered(code),
        }
    }
}

const WRONG_TYPE: &str = "WRONGTYPE";

fn is_about(error: &RedisError, code: &str) -> bool {
    error.detail().is_some_and(|detail| detail.contains(code))
}

impl From<RedisFailure> for StoreError {
    fn from(failure: RedisFailure) -> Self {
        match &failure {
            RedisFailure::Answered(code) if code == WRONG_TYPE => {
                Self::Malformed { what: "key in Redis", source: failure.into() }
            }
            _ => Self::Unavailable(failure.into()),
        }
    }
}
