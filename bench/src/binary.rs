//! The release binary, built by cargo so that it is that of the sources.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;

/// The folder of the checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Builds `doorward` as it is released, unless that is done, and returns its path.
pub(crate) fn build() -> Result<PathBuf> {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--release", "--package", "doorward"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("the release binary could not be built".into());
    }
    let named = String::from_utf8(output.stdout)?
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "doorward")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    Ok(named.ok_or("cargo names no binary")?)
}
