//! A real SMTP server, which takes mails or misbehaves: `testing/smtp/catcher.py`.

use std::process::ChildStdin;

use serde_json::Value;

use crate::mails::Mail;
use crate::process::Process;
use crate::python::python;
use crate::waiting::{PATIENCE, within};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testing/smtp/catcher.py");

/// A running catcher. It ends when dropped.
pub(crate) struct Catcher {
    pub(crate) port: u16,
    process: Process,
    _stdin: ChildStdin,
}

impl Catcher {
    /// Starts one with those arguments, and waits until it listens.
    pub(crate) async fn start<S: AsRef<str>>(arguments: &[S]) -> Self {
        let mut command = python();
        command.arg(SCRIPT).args(arguments.iter().map(AsRef::as_ref));
        let (process, stdin) = Process::start_listening(&mut command);
        // It prints the mails that it takes, with their links.
        let mut process = process.that_tells_secrets();
        let port = process.rest_of_line("").await.parse().unwrap();
        Self { port, process, _stdin: stdin }
    }

    /// One that takes every mail.
    pub(crate) async fn healthy() -> Self {
        Self::start::<&str>(&[]).await
    }

    /// Waits for a mail to that address.
    pub(crate) async fn mail(&self, to: &str) -> Mail {
        let taken = self.taken(to).await;
        let headers = taken["headers"].as_array().unwrap();
        let subject = headers.iter().find(|pair| pair[0] == "Subject").unwrap();
        Mail::read(subject[1].as_str().unwrap(), taken["text"].as_str().unwrap())
    }

    /// Waits for a mail to that address; what the catcher says of it.
    pub(crate) async fn taken(&self, to: &str) -> Value {
        within(PATIENCE, "the mail arrives", async || {
            self.all_taken().into_iter().find(|mail| mail["to"][0] == to)
        })
        .await
    }

    /// All mails that were taken so far.
    pub(crate) fn all_taken(&self) -> Vec<Value> {
        let lines = self.process.lines();
        lines.iter().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
