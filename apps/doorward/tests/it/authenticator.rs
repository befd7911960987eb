//! Authenticator apps that others wrote, on the clock of this machine.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::discretion;
use crate::process::Process;
use crate::python::python;
use crate::waiting::{PATIENCE, within};

/// How long a code is shown, in seconds.
const STEP_SECONDS: u64 = 30;

/// For how long at least the code of the step before must still be accepted.
const MARGIN_SECONDS: u64 = 15;

const PYOTP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/outside/show_with_pyotp.py");

/// What computes the codes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Program {
    Oathtool,
    Pyotp,
}

/// An app that has scanned a QR code. It shows each code once.
pub(crate) struct Authenticator {
    program: Program,
    uri: String,
    /// The step of the code that was shown last.
    last_step: u64,
}

impl Authenticator {
    /// What was scanned: an `otpauth` URI.
    pub(crate) fn scan(program: Program, uri: &str) -> Self {
        let app = Self { program, uri: uri.to_owned(), last_step: 0 };
        discretion::remember(app.secret());
        app
    }

    /// In base32, as a person types it.
    pub(crate) fn secret(&self) -> &str {
        let (_, rest) = self.uri.split_once("secret=").unwrap();
        rest.split('&').next().unwrap()
    }

    /// The oldest code that counts and was not shown before. There are three at any time, one step
    /// apart, so that nobody has to wait for the first two.
    pub(crate) async fn next_code(&mut self) -> String {
        let oldest = (seconds_now() + MARGIN_SECONDS) / STEP_SECONDS - 1;
        let step = oldest.max(self.last_step + 1);
        within(PATIENCE, "the next code counts", async || {
            (step <= seconds_now() / STEP_SECONDS + 1).then_some(())
        })
        .await;
        self.last_step = step;
        self.shown(step * STEP_SECONDS).await
    }

    /// A code that it does not show anywhere near now.
    pub(crate) async fn wrong_code(&self) -> String {
        let since = seconds_now() - 3 * STEP_SECONDS;
        let shown = oathtool(self.secret(), since, &["--window", "8"]).await;
        let mut codes = (0..).map(|number| format!("{number:06}"));
        codes.find(|code| !shown.lines().any(|line| line == code)).unwrap()
    }

    async fn shown(&self, at: u64) -> String {
        match self.program {
            Program::Oathtool => oathtool(self.secret(), at, &[]).await.trim_end().to_owned(),
            Program::Pyotp => pyotp(&self.uri, at).await["code"].as_str().unwrap().to_owned(),
        }
    }
}

/// What oathtool shows for that secret at that moment.
async fn oathtool(secret: &str, at: u64, more: &[&str]) -> String {
    let mut command = Command::new("oathtool");
    command.args(["--totp", "--base32", "--now", &format!("@{at}")]).args(more).arg("-");
    Process::start(&mut command, secret).end().await.is(0).stdout
}

/// What pyotp reads in that URI, and the code that it shows at that moment.
pub(crate) async fn pyotp(uri: &str, at: u64) -> Value {
    let mut command = python();
    command.args([PYOTP, &at.to_string()]);
    Process::start(&mut command, uri).end().await.is(0).json()
}

#[expect(clippy::disallowed_methods, reason = "apps show codes of the present")]
fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
