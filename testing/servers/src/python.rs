//! The Python environment of the tests, which has some of the servers.

use std::env;
use std::path::{Path, PathBuf};

use crate::{Result, ServerError};

/// Its interpreter, as `cargo xtask` tells the tests.
pub(crate) fn interpreter() -> Result<PathBuf> {
    let python = env::var_os("TEST_PYTHON").filter(|python| !python.is_empty());
    python.map(PathBuf::from).ok_or_else(|| {
        ServerError::new("TEST_PYTHON is not set; mend: `cargo xtask services run -- COMMAND`")
    })
}

/// Another program of the environment.
pub(crate) fn program(interpreter: &Path, name: &str) -> Result<PathBuf> {
    let program = interpreter.with_file_name(name);
    if program.is_file() {
        return Ok(program);
    }
    Err(ServerError::new(format!(
        "{} is missing; mend: `cargo xtask services install`",
        program.display()
    )))
}
