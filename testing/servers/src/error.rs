use std::{fmt, io};

/// What the functions of this crate return.
pub type Result<T> = std::result::Result<T, ServerError>;

/// Why a server did not do what it was asked for, with the end of its log.
pub struct ServerError(String);

impl ServerError {
    /// An error that says this.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// As text: a failing test shows this one, and a log in one escaped line helps nobody.
impl fmt::Debug for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ServerError {}

impl From<io::Error> for ServerError {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}
