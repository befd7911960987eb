//! Doorward and the reference server, started for one measurement.

use std::env;
use std::fs;

use tokio::process::Command;

use crate::process::Process;
use crate::{Bench, Result};

/// Settings as environment variables.
pub(crate) type Settings<'a> = &'a [(&'a str, &'a str)];

/// How tokens are signed: the setting's name and the algorithm.
pub(crate) const fn signing(algorithm: &str) -> (&'static str, &str) {
    ("DOORWARD_KEYS__ALGORITHM", algorithm)
}

/// All load comes from one address, and much of it is for one account.
const LIMITS: [&str; 7] = [
    "LOGIN",
    "LOGIN_ADDRESS",
    "REGISTER",
    "REGISTER_ADDRESS",
    "FORGOT",
    "FORGOT_ADDRESS",
    "REFRESH",
];

impl Bench {
    /// Starts Doorward with its data in a folder of that name, which may exist.
    pub(crate) async fn doorward(&self, name: &str, settings: Settings<'_>) -> Result<Process> {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder)?;
        let mut command = Command::new(&self.binary);
        command
            .arg("serve")
            .current_dir(&folder)
            .env_clear()
            .env("DOORWARD_SERVER__LISTEN", "127.0.0.1:0")
            .env("DOORWARD_SERVER__OPERATIONS_LISTEN", "127.0.0.1:0")
            .envs(LIMITS.map(|name| (format!("DOORWARD_LIMITS__{name}"), "off")))
            .envs(settings.iter().copied());
        Process::start(command, &folder.join("log")).await
    }

    /// Starts the reference: an axum server that says hello, and with a key verifies bearers.
    pub(crate) async fn hello(&self, key: Option<&str>) -> Result<Process> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("hello");
        if let Some(key) = key {
            command.args(["--key", key]);
        }
        Process::start(command, &self.folder.join("hello.log")).await
    }
}
