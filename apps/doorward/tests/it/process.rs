//! A program as a process of its own, watched from outside.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::discretion;
use crate::waiting::{PATIENCE, within};

/// How long what a dropped process has said is waited for: it may have left children who keep the
/// pipe open.
const REST_TIME_MAX: Duration = Duration::from_secs(1);

/// A process that is killed when dropped. If its test fails, it shows what it said.
///
/// The test fails if it has said what the test uses as a secret.
pub(crate) struct Process {
    child: Child,
    stdout: Captured,
    stderr: Captured,
    arguments: Vec<String>,
    /// Where it may have made a data key.
    folder: Option<PathBuf>,
    may_tell: bool,
    was_checked: bool,
}

/// How a process ended, and all that it said.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None`: killed by a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Process {
    /// Starts `command` and gives it `input` to read.
    pub(crate) fn start(command: &mut Command, input: &str) -> Self {
        let (process, mut stdin) = Self::start_listening(command);
        // It may end without reading; what it then says is what counts.
        let _ = stdin.write_all(input.as_bytes());
        process
    }

    /// Starts `command`, which may end when its standard input does.
    pub(crate) fn start_listening(command: &mut Command) -> (Self, ChildStdin) {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("{command:?} did not start: {error}"));
        let stdin = child.stdin.take().unwrap();
        let stdout = Captured::of(child.stdout.take().unwrap());
        let stderr = Captured::of(child.stderr.take().unwrap());
        discretion::remember_settings_of(command);
        let folder = command.get_current_dir().map(ToOwned::to_owned);
        let arguments = command.get_args().map(|one| one.to_string_lossy().into_owned()).collect();
        let process =
            Self { child, arguments, stdout, stderr, folder, may_tell: false, was_checked: false };
        (process, stdin)
    }

    /// The same of a program that is there to print secrets.
    pub(crate) const fn that_tells_secrets(mut self) -> Self {
        self.may_tell = true;
        self
    }

    /// Waits for a line on standard output that begins with `start`, and returns the rest of it.
    pub(crate) async fn rest_of_line(&mut self, start: &str) -> String {
        let rest = within(PATIENCE, start, async || {
            let lines = self.lines();
            let rest = lines.iter().find_map(|line| line.strip_prefix(start));
            if rest.is_none() {
                assert!(self.status().is_none(), "it ended before it said {start:?}");
            }
            rest.map(|rest| rest.trim_end().to_owned())
        })
        .await;
        // The folder may be gone before the process.
        self.remember_data_key();
        rest
    }

    /// Waits until it has said `text` on standard error.
    pub(crate) async fn logs(&self, text: &str) {
        within(PATIENCE, text, async || self.stderr.text().contains(text).then_some(())).await;
    }

    /// The whole lines that it has written to standard output so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        let text = self.stdout.text();
        let whole = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        whole.map(str::to_owned).collect()
    }

    /// All that it has said so far.
    pub(crate) fn said(&self) -> String {
        self.stdout.text() + &self.stderr.text()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until it has ended by itself or by a signal that it was sent.
    pub(crate) async fn end(mut self) -> Ended {
        let status = within(PATIENCE, "the process has not ended", async || self.status()).await;
        self.stdout.finish();
        self.stderr.finish();
        self.was_checked = true;
        if let Some(secret) = self.told_secret() {
            panic!("it told {secret:?}:\n{}", self.said());
        }
        Ended { code: status.code(), stdout: self.stdout.text(), stderr: self.stderr.text() }
    }

    /// Kills it as a crash does: it gets to do nothing more.
    pub(crate) async fn kill(self) -> Ended {
        self.signal(Signal::KILL);
        self.end().await
    }

    fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    fn remember_data_key(&self) {
        if let Some(folder) = &self.folder {
            discretion::remember_data_key_in(folder);
        }
    }

    /// A secret of the test that it told where it may not.
    fn told_secret(&self) -> Option<String> {
        self.remember_data_key();
        let logged = discretion::secret_told_in(&self.stderr.text(), &self.arguments);
        let printed = || discretion::secret_told_in(&self.stdout.text(), &self.arguments);
        logged.or_else(|| if self.may_tell { None } else { printed() })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.stdout.finish_soon();
        self.stderr.finish_soon();
        if thread::panicking() {
            eprintln!("--- process {} said:\n{}---", self.child.id(), self.said());
        } else if !self.was_checked
            && let Some(secret) = self.told_secret()
        {
            panic!("process {} told {secret:?}:\n{}", self.child.id(), self.said());
        }
    }
}

/// What came out of a pipe, read to the end, so that the process is never stopped by a full one.
struct Captured {
    bytes: Arc<Mutex<Vec<u8>>>,
    /// Closed at the end of the pipe. Never locked; so a process may be lent to tasks.
    ended: Mutex<Receiver<()>>,
}

impl Captured {
    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bytes);
        let (reading, ended) = mpsc::channel();
        thread::spawn(move || {
            let _reading = reading;
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&buffer[..length]);
            }
        });
        Self { bytes, ended: Mutex::new(ended) }
    }

    fn text(&self) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits for the rest, once the process has ended.
    fn finish(&mut self) {
        // That it is closed is what is waited for.
        let _ = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner).recv();
    }

    /// The same where nobody depends on the last word.
    fn finish_soon(&mut self) {
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(REST_TIME_MAX);
    }
}
