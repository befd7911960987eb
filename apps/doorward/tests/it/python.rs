//! Programs in Python that others wrote.

use std::path::Path;
use std::process::Command;

/// A Python that has `PyJWT`, cryptography, pyotp and `aiosmtpd`, and sees none of our environment.
pub(crate) fn python() -> Command {
    let python = std::env::var_os("TEST_PYTHON").expect(
        "TEST_PYTHON names no Python with PyJWT, cryptography, pyotp and aiosmtpd: \
         run `cargo xtask test`, or set it as `cargo xtask services status` says",
    );
    assert!(Path::new(&python).exists(), "{}: run `cargo xtask services`", python.display());
    let mut command = Command::new(python);
    command.env_clear().env("PYTHONDONTWRITEBYTECODE", "1");
    command
}
