//! `cargo xtask test`: every test there is, and what they need.

use std::env;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::Result;
use crate::cargo::{cargo, debug_binary, prefer_programs_of, succeed};
use crate::services::server::{Server, http_address};
use crate::services::shared::Shared;
use crate::services::{self, Cache, python_program};
use crate::steps::Steps;
use crate::told_secrets::Watch;

const CHECKS: &str = "xtask/schemathesis";

/// What the service under the contract check may see of this machine. Settings of ours, and the
/// names that we borrow (`DATABASE_URL`, `JWT_SECRET`, `AWS_REGION`, …), must not reach it.
const INHERITED: [&str; 6] = ["PATH", "HOME", "TMPDIR", "LANG", "SSL_CERT_FILE", "SYSTEMROOT"];

/// What the service under the contract check is told.
const SETTINGS: [(&str, &str); 11] = [
    ("DOORWARD_SERVER__LISTEN", "127.0.0.1:0"),
    ("DOORWARD_SERVER__OPERATIONS_LISTEN", "127.0.0.1:0"),
    ("DOORWARD_LOG__LEVEL", "info"),
    // All requests come from one address, and thousands of them.
    ("DOORWARD_LIMITS__LOGIN", "off"),
    ("DOORWARD_LIMITS__LOGIN_ADDRESS", "off"),
    ("DOORWARD_LIMITS__REGISTER", "off"),
    ("DOORWARD_LIMITS__REGISTER_ADDRESS", "off"),
    ("DOORWARD_LIMITS__FORGOT", "off"),
    ("DOORWARD_LIMITS__FORGOT_ADDRESS", "off"),
    ("DOORWARD_LIMITS__REFRESH", "off"),
    ("DOORWARD_LIMITS__MFA", "off"),
];

/// Runs everything and says what became of each step; `nextest` are more arguments for it.
pub(crate) fn run(root: &Path, cache: &Cache, nextest: &[String]) -> Result<()> {
    let mut steps = Steps::default();
    steps.run("tools", &[], || services::install(cache, services::FOR_TESTS));
    steps.run("programs", &[], || {
        let packages = ["--package", "doorward", "--package", "chatbot"];
        succeed(cargo(root).arg("build").args(packages))
    });
    let mut shared = None;
    steps.run("servers", &["tools", "programs"], || {
        shared = Some(Shared::start(&python_program(cache, "python"))?);
        Ok(())
    });
    let mut watch = None;
    steps.run("tests", &["servers"], || {
        let mut tests = cargo(root);
        tests.args(["nextest", "run", "--workspace"]).args(nextest);
        tests.envs(services::test_variables(cache));
        tests.envs(shared.iter().flat_map(Shared::variables));
        without_settings(&mut tests);
        watch.insert(Watch::begin(root)?).tell(&mut tests);
        succeed(prefer_programs_of(&mut tests, &cache.programs()))
    });
    drop(shared);
    steps.run("no test told a secret", &["tests"], || watch.take().map_or(Ok(()), Watch::end));
    drop(watch);
    steps.run("examples in the documentation", &[], || {
        let packages = ["--package", "doorward-claims", "--package", "doorward-verify"];
        succeed(cargo(root).args(["test", "--quiet", "--doc"]).args(packages))
    });
    steps.run("contract", &["tools", "programs"], || contract(root, cache));
    steps.finish()
}

/// Starts the service on its own folder and compares what it does with what its contract says.
fn contract(root: &Path, cache: &Cache) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("doorward-").tempdir()?;
    let folder = folder.path();
    let mut serve = Command::new(debug_binary("doorward")?);
    with_settings(serve.arg("serve").current_dir(folder), folder);
    let log = folder.join("server.log");
    let patience = Duration::from_mins(1);
    let server = Server::start(&mut serve, &log, http_address, patience);
    let mut server = server.map_err(|error| with_log(&error.to_string(), &log))?;
    eprintln!("the service answers at {}", server.address);

    let mut check = Command::new(python_program(cache, "schemathesis"));
    check.arg("--config-file").arg(root.join(CHECKS).join("schemathesis.toml"));
    check.args(["run", &format!("{}/openapi.json", server.address), "--checks", "all"]);
    check.args(["--phases", "examples,coverage,fuzzing,stateful"]);
    // What it keeps of a run goes to the working folder, and away with it.
    check.env("SCHEMATHESIS_HOOKS", root.join(CHECKS).join("hooks.py"));
    check.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(folder);
    succeed(&mut check).map_err(|error| with_log(&error.to_string(), &log))?;
    if server.is_running() {
        return Ok(());
    }
    Err(with_log("the service ended during the check", &log).into())
}

/// Takes away what a service started by a test would read as a setting; `XTASK_CACHE` is none,
/// and would be a mistake.
fn without_settings(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("DOORWARD_") {
            command.env_remove(name);
        }
    }
}

/// Gives the command our settings and nothing else that a person may have set.
fn with_settings(command: &mut Command, folder: &Path) {
    command.env_clear();
    command.envs(INHERITED.iter().filter_map(|name| Some((name, env::var_os(name)?))));
    command.envs(SETTINGS);
    let database = format!("sqlite://{}", folder.join("doorward.db").display());
    command.env("DOORWARD_STORAGE__URL", database);
}

/// The message with the end of the server's log, which nobody can read later.
fn with_log(message: &str, log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(30)..];
    format!("{message}\nthe last that the service said:\n{}", last.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_told_our_settings_and_sees_none_of_the_machines() {
        let mut command = Command::new("sh");
        command.args(["-c", "env"]).env("JWT_SECRET", "x").env("DOORWARD_LOG__FORMAT", "x");
        with_settings(&mut command, Path::new("folder"));
        let seen = crate::cargo::output_of(&mut command).unwrap();
        assert!(seen.contains("DOORWARD_STORAGE__URL=sqlite://folder/doorward.db\n"), "{seen}");
        assert!(seen.contains("DOORWARD_SERVER__LISTEN=127.0.0.1:0\n"), "{seen}");
        assert!(!seen.contains("JWT_SECRET"), "{seen}");
        assert!(!seen.contains("DOORWARD_LOG__FORMAT"), "{seen}");
        // Set for every test by cargo.
        assert!(!seen.contains("CARGO_MANIFEST_DIR"), "{seen}");
    }

    #[test]
    fn a_failure_shows_the_end_of_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let lines: Vec<_> = (1..=100).map(|number| format!("line {number}")).collect();
        std::fs::write(&log, lines.join("\n")).unwrap();
        let message = with_log("it ended", &log);
        assert!(message.starts_with("it ended\n"), "{message}");
        assert!(message.ends_with("line 99\nline 100"), "{message}");
        assert!(!message.contains("line 70\n"), "{message}");
    }
}
