//! A folder with a database of its own, and the settings that hold in it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;

use crate::client::Client;
use crate::discretion;
use crate::process::{Ended, Process};

/// The issuer of servers that are started again: a free port is another one each time.
pub(crate) const STABLE_ISSUER: &str = "http://127.0.0.1:8080";

/// Every setting of the section `limits`.
const LIMITS: [&str; 8] = [
    "LOGIN",
    "LOGIN_ADDRESS",
    "REGISTER",
    "REGISTER_ADDRESS",
    "FORGOT",
    "FORGOT_ADDRESS",
    "REFRESH",
    "MFA",
];

/// Everything of one deployment but its processes. Clones share the folder, which is gone with the
/// last of them.
#[derive(Clone)]
pub(crate) struct Deployment {
    folder: Arc<TempDir>,
    variables: Vec<(String, String)>,
}

impl Deployment {
    /// An empty folder. Nothing is set but that listeners take free ports.
    pub(crate) fn new() -> Self {
        Self { folder: Arc::new(tempfile::tempdir().unwrap()), variables: Vec::new() }
            .with("DOORWARD_SERVER__LISTEN", "127.0.0.1:0")
            .with("DOORWARD_SERVER__OPERATIONS_LISTEN", "127.0.0.1:0")
    }

    /// One whose tokens stay good when its server is started again.
    pub(crate) fn with_stable_issuer() -> Self {
        Self::new().with("DOORWARD_SERVER__PUBLIC_URL", STABLE_ISSUER)
    }

    /// Sets a variable from now on.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Lets everybody do everything as often as they like.
    pub(crate) fn without_limits(self) -> Self {
        LIMITS.iter().fold(self, |deployment, limit| {
            deployment.with(&format!("DOORWARD_LIMITS__{limit}"), "off")
        })
    }

    /// Has mails go to the relay on that port of this machine, without TLS.
    pub(crate) fn with_relay(self, port: u16) -> Self {
        self.with("DOORWARD_MAIL__TRANSPORT", "smtp")
            .with("DOORWARD_MAIL__FROM", "Example <no-reply@service.example>")
            .with("DOORWARD_MAIL__SMTP_URL", &format!("smtp://127.0.0.1:{port}?tls=none"))
    }

    /// The same with the addresses that the server took, for commands that talk to it.
    pub(crate) async fn beside(&self, server: &mut Server) -> Self {
        let operations = server.operations_address().await;
        self.clone()
            .with("DOORWARD_SERVER__LISTEN", server.address())
            .with("DOORWARD_SERVER__OPERATIONS_LISTEN", &operations)
    }

    /// A file of the folder.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the server and waits until it is ready.
    pub(crate) async fn serve(&self) -> Server {
        Server::of(self.start(&["serve"], "")).await
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, "").await
    }

    /// Runs a command to its end, with something to read.
    pub(crate) async fn run_with(&self, arguments: &[&str], input: &str) -> Ended {
        // A password, if anything.
        input.lines().for_each(discretion::remember);
        if !arguments.starts_with(&["key", "generate"]) {
            return self.start(arguments, input).end().await;
        }
        let ended = self.start(arguments, input).that_tells_secrets().end().await;
        discretion::remember_secrets_in(&ended.stdout);
        ended
    }

    /// Starts a command that knows only the settings of this deployment.
    pub(crate) fn start(&self, arguments: &[&str], input: &str) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        Process::start(&mut command, input)
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) url: String,
    pub(crate) client: Client,
}

impl Server {
    /// Waits until the process says that it serves.
    pub(crate) async fn of(mut process: Process) -> Self {
        let url = process.rest_of_line("Doorward listens on ").await;
        Self { process, client: Client::new(&url), url }
    }

    /// The address of the public listener.
    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// The address of the operations listener, which a server in development tells.
    pub(crate) async fn operations_address(&mut self) -> String {
        let rest = self.process.rest_of_line("Health and metrics on http://").await;
        rest.split(';').next().unwrap().to_owned()
    }

    /// What answers on the operations listener.
    pub(crate) async fn operations(&mut self) -> Client {
        Client::new(&format!("http://{}", self.operations_address().await))
    }

    /// Ends it as an operator does.
    pub(crate) async fn stop(self) {
        self.process.signal(rustix::process::Signal::TERM);
        let ended = self.process.end().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}
