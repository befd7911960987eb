//! A real SMTP server: `testing/smtp/catcher.py`.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testing/smtp/catcher.py");

pub(crate) struct Catcher {
    pub(crate) port: u16,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Catcher {
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let python = std::env::var_os("TEST_PYTHON").expect(
            "TEST_PYTHON names no Python with aiosmtpd: \
             run `cargo xtask test`, or set it as `cargo xtask services status` says",
        );
        assert!(Path::new(&python).exists(), "{}: run `cargo xtask services`", python.display());
        let mut child = Command::new(python)
            .arg(SCRIPT)
            .args(arguments)
            .env_clear()
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.next_line().await.unwrap().expect("the catcher has started");
        Self { port: port.parse().unwrap(), child, lines }
    }

    /// The next mail that was taken.
    pub(crate) async fn mail(&mut self) -> Caught {
        self.next().await.expect("a mail was taken")
    }

    /// Ends the server; the mails that nobody asked for yet.
    pub(crate) async fn end(mut self) -> Vec<Caught> {
        drop(self.child.stdin.take());
        let mut rest = Vec::new();
        while let Some(mail) = self.next().await {
            rest.push(mail);
        }
        rest
    }

    async fn next(&mut self) -> Option<Caught> {
        let line = self.lines.next_line().await.unwrap()?;
        Some(Caught(serde_json::from_str(&line).unwrap()))
    }
}

/// A mail that was taken.
#[derive(Debug)]
pub(crate) struct Caught(Value);

impl Caught {
    pub(crate) fn text_of(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap()
    }

    pub(crate) fn connection(&self) -> u64 {
        self.0["connection"].as_u64().unwrap()
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.0["tls"].as_bool().unwrap()
    }

    pub(crate) fn user(&self) -> Option<&str> {
        self.0["user"].as_str()
    }

    pub(crate) fn recipients(&self) -> Vec<&str> {
        self.0["to"].as_array().unwrap().iter().map(|to| to.as_str().unwrap()).collect()
    }

    /// `Name: value`, one after the other, decoded.
    pub(crate) fn headers(&self) -> Vec<String> {
        let pairs = self.0["headers"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        pairs.map(|pair| format!("{}: {}", text(&pair[0]), text(&pair[1]))).collect()
    }
}
