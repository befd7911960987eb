//! A program as a process of its own, watched from outside.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal, kill_process};

use crate::waiting::{PATIENCE, within};

/// A process that is killed when dropped. If its test fails, it shows what it said.
pub(crate) struct Process {
    child: Child,
    stdout: Captured,
    stderr: Captured,
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
        (Self { child, stdout, stderr }, stdin)
    }

    /// Waits for a line on standard output that begins with `start`, and returns the rest of it.
    pub(crate) async fn rest_of_line(&mut self, start: &str) -> String {
        within(PATIENCE, start, async || {
            let lines = self.lines();
            let rest = lines.iter().find_map(|line| line.strip_prefix(start));
            if rest.is_none() {
                assert!(self.status().is_none(), "it ended before it said {start:?}");
            }
            rest.map(|rest| rest.trim_end().to_owned())
        })
        .await
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
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- process {} said:\n{}---", self.child.id(), self.said());
        }
    }
}

/// What came out of a pipe, read to the end, so that the process is never stopped by a full one.
struct Captured {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Captured {
    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&buffer[..length]);
            }
        });
        Self { bytes, reader: Some(reader) }
    }

    fn text(&self) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits for the rest, once the process has ended.
    fn finish(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
    }
}
