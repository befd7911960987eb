use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::Result;
use crate::figures;
use crate::http::{Connection, get};

/// A server in a process of its own, which ends with this.
pub(crate) struct Process {
    child: Child,
    /// Open, so that what it goes on to say does not fail.
    _stdout: BufReader<ChildStdout>,
    pub(crate) pid: u32,
    pub(crate) address: SocketAddr,
    /// When it was started.
    pub(crate) started: Instant,
}

/// Nothing that we start takes that long.
const START_TIME_MAX: Duration = Duration::from_secs(30);

impl Process {
    /// Starts a server that says on standard output where it listens: `http://<address>`.
    pub(crate) async fn start(mut command: Command, log: &Path) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(log)?);
        let started = Instant::now();
        let mut child = command.kill_on_drop(true).spawn()?;
        let pid = child.id().ok_or("the server has ended")?;
        let mut stdout = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let address = timeout(START_TIME_MAX, listening_address(&mut stdout))
            .await
            .map_err(|_| "the server does not say where it listens")?
            .map_err(|error| format!("{error}; see {}", log.display()))?;
        Ok(Self { child, _stdout: stdout, pid, address, started })
    }

    /// Waits for the first answer to `path`. Returns the time since the start.
    pub(crate) async fn first_answer(&self, path: &str) -> Result<Duration> {
        let mut connection = Connection::open(self.address).await?;
        let status = connection.exchange(&get(path, None)).await?.status;
        if status == 200 { Ok(self.started.elapsed()) } else { Err(format!("{status}").into()) }
    }

    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        figures::cpu_seconds(self.pid)
    }

    pub(crate) fn memory_mib(&self, name: &str) -> Result<f64> {
        figures::memory_mib(self.pid, name)
    }

    /// Asks it to end and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).ok_or("no such process")?;
        kill_process(pid, Signal::TERM)?;
        self.child.wait().await?;
        Ok(())
    }
}

async fn listening_address(stdout: &mut BufReader<ChildStdout>) -> Result<SocketAddr> {
    let mut line = String::new();
    while stdout.read_line(&mut line).await? > 0 {
        if let Some((_, rest)) = line.split_once("http://") {
            return Ok(rest.split_whitespace().next().unwrap_or_default().parse()?);
        }
        line.clear();
    }
    Err("the server ended".into())
}
