use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::folder::Folder;
use crate::process::Process;
use crate::{Port, Result, ServerError};

/// How long a server may take to answer, on a machine that is busy with other things.
const STARTING: Duration = Duration::from_mins(1);

/// How long a server may take to stop by itself.
const STOPPING: Duration = Duration::from_secs(10);

/// How often a server is started again that did not get its port or its files.
const ATTEMPTS: u32 = 8;

/// What a server says that will find its port, or its files, free a little later or elsewhere.
const BUSY: [&str; 3] = ["in use", "resource busy", "could not bind"];

/// A server in a temporary folder of its own. It ends, and the folder goes, when it is dropped.
pub struct Server {
    recipe: Recipe,
    process: Mutex<Option<Process>>,
    port: Port,
    // Last, so that it is removed when the process is gone.
    folder: Folder,
}

/// What starts a server with this folder and port.
type Launcher = Box<dyn Fn(&Path, u16) -> Result<Command> + Send + Sync>;

/// What differs from one kind of server to another.
pub(crate) struct Recipe {
    pub(crate) name: &'static str,
    pub(crate) command: Launcher,
    /// Whether the server at this address answers. It must not take long.
    pub(crate) is_ready: fn(SocketAddr) -> bool,
    /// What asks it to write down what it holds and to end.
    pub(crate) stop: Signal,
    /// What it gets when nobody needs its data any more, and the time in which it must obey.
    pub(crate) leave: (Signal, Duration),
}

enum Failure {
    /// What it needs is taken: it may do better in a moment, or on another port.
    Busy(ServerError),
    Broken(ServerError),
}

impl Server {
    pub(crate) fn start(recipe: Recipe, folder: Folder) -> Result<Self> {
        let (port, process) = retry(|| {
            let port = Port::reserve().map_err(Failure::Broken)?;
            let process = launch(&recipe, folder.path(), &port)?;
            Ok((port, process))
        })?;
        Ok(Self { recipe, process: Mutex::new(Some(process)), port, folder })
    }

    /// Where it listens; the same as long as the value lives.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// The port on which it listens.
    pub fn port(&self) -> u16 {
        self.port.number
    }

    /// The folder in which all of its files lie.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// All that it has said since its first start.
    pub fn log(&self) -> String {
        log_of(self.folder.path())
    }

    /// Whether its process is there, paused or not.
    pub fn is_running(&self) -> bool {
        self.process().as_mut().is_some_and(Process::is_running)
    }

    /// Asks it to end, and waits until it has; kills it if that takes too long.
    pub fn stop(&self) {
        if let Some(process) = self.process().take() {
            process.end(self.recipe.stop, STOPPING);
        }
    }

    /// Kills it as a crash does: it gets to do nothing more.
    pub fn kill(&self) {
        if let Some(process) = self.process().take() {
            process.kill();
        }
    }

    /// Starts it on the same port and the same files, after [`Self::stop`] or [`Self::kill`], and
    /// waits until it answers. Does nothing if it runs.
    pub fn start_again(&self) -> Result<()> {
        let mut process = self.process();
        if process.as_mut().is_some_and(Process::is_running) {
            return Ok(());
        }
        if let Some(ended) = process.take() {
            ended.kill();
        }
        *process = Some(retry(|| launch(&self.recipe, self.folder.path(), &self.port))?);
        Ok(())
    }

    /// Lets it hang: its connections stay, and nothing is answered until [`Self::resume`].
    pub fn pause(&self) {
        if let Some(process) = self.process().as_ref() {
            process.pause();
        }
    }

    /// Lets it go on after [`Self::pause`].
    pub fn resume(&self) {
        if let Some(process) = self.process().as_ref() {
            process.resume();
        }
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = self.process().take() {
            let (signal, patience) = self.recipe.leave;
            process.end(signal, patience);
        }
    }
}

fn retry<T>(mut attempt: impl FnMut() -> std::result::Result<T, Failure>) -> Result<T> {
    let mut attempts = 1;
    loop {
        match attempt() {
            Ok(done) => return Ok(done),
            Err(Failure::Busy(_)) if attempts < ATTEMPTS => attempts += 1,
            Err(Failure::Busy(error) | Failure::Broken(error)) => return Err(error),
        }
        thread::sleep(Duration::from_millis(250));
    }
}

/// Starts it, and waits until it answers.
fn launch(recipe: &Recipe, folder: &Path, port: &Port) -> std::result::Result<Process, Failure> {
    let broken = |error: ServerError| {
        Failure::Broken(ServerError::new(format!("{} did not start: {error}", recipe.name)))
    };
    let said_before = log_of(folder).len();
    let mut command = (recipe.command)(folder, port.number).map_err(broken)?;
    write_to_log(&mut command, folder).map_err(broken)?;
    let mut process = Process::start(command).map_err(broken)?;
    let deadline = Instant::now() + STARTING;
    let mut pause = Duration::from_millis(5);
    loop {
        // In this order: a server that has ended did not answer, whoever did.
        let is_ready = (recipe.is_ready)(port.address());
        let is_running = process.is_running();
        if is_ready && is_running {
            return Ok(process);
        }
        if !is_running || Instant::now() > deadline {
            process.kill();
            let log = log_of(folder);
            let said = log.get(said_before..).unwrap_or(&log);
            let what = if is_running { "did not answer in time" } else { "ended at once" };
            let error = ServerError::new(format!("{} {what}; {}", recipe.name, end_of(said)));
            let is_busy = !is_running && BUSY.iter().any(|word| said.to_lowercase().contains(word));
            return Err(if is_busy { Failure::Busy(error) } else { Failure::Broken(error) });
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

fn write_to_log(command: &mut Command, folder: &Path) -> Result<()> {
    let log = File::options().create(true).append(true).open(folder.join("log"))?;
    command.current_dir(folder).stdin(Stdio::null());
    command.stdout(log.try_clone()?).stderr(log);
    Ok(())
}

fn log_of(folder: &Path) -> String {
    let bytes = fs::read(folder.join("log")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The last lines of a log, for a message.
pub(crate) fn end_of(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    let last = &lines[lines.len().saturating_sub(30)..];
    format!("the last that it said:\n{}", last.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(script: &'static str, is_ready: fn(SocketAddr) -> bool) -> Recipe {
        let command = move |_: &Path, port: u16| {
            let mut command = crate::launch::mortal(Path::new("sh"), None);
            command.args(["-c", script, "sh", &port.to_string()]);
            Ok(command)
        };
        let leave = (Signal::KILL, Duration::ZERO);
        Recipe { name: "it", command: Box::new(command), is_ready, stop: Signal::TERM, leave }
    }

    fn start(script: &'static str, is_ready: fn(SocketAddr) -> bool) -> Result<Server> {
        Server::start(recipe(script, is_ready), Folder::create("test")?)
    }

    #[test]
    fn a_server_that_ends_at_once_is_an_error_with_the_end_of_its_log() {
        let script = "for i in $(seq 50); do echo line $i; done; exit 1";
        let error = start(script, |_| false).err().unwrap().to_string();
        assert!(
            error.starts_with("it ended at once; the last that it said:\nline 21\n"),
            "{error}"
        );
        assert!(error.ends_with("\nline 50"), "{error}");
    }

    #[test]
    fn a_program_that_is_missing_is_named() {
        let mut recipe = recipe("", |_| false);
        recipe.command = Box::new(|_, _| Ok(Command::new("no-such-program-here")));
        let error = Server::start(recipe, Folder::create("test").unwrap()).err().unwrap();
        assert!(error.to_string().contains("no-such-program-here"), "{error}");
    }

    #[test]
    fn a_server_whose_port_was_taken_gets_another_one() {
        let script = "echo port $1; test -e again && exec sleep 60; touch again; \
                      echo Address already in use; exit 1";
        let server = start(script, |_| true).unwrap();
        let log = server.log();
        let ports: Vec<_> = log.lines().filter_map(|line| line.strip_prefix("port ")).collect();
        assert!(ports.len() < 2 || ports[0] != ports[1], "{log}");
        assert!(server.is_running());
    }

    #[test]
    fn a_server_that_was_stopped_starts_again_on_its_port() {
        let server = start("echo port $1; exec sleep 60", |_| true).unwrap();
        let port = server.port();
        server.stop();
        assert!(!server.is_running());
        server.start_again().unwrap();
        server.start_again().unwrap();
        server.kill();
        server.start_again().unwrap();
        assert_eq!(server.port(), port);
        assert!(server.is_running());
    }
}
