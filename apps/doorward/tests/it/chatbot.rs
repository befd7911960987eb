//! The example service, which knows nothing of the server but its URL.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::client::{Answer, Client};
use crate::process::Process;
use crate::waiting::within;

/// How soon every service knows that a session has ended.
const REVOCATION_TIME_MAX: Duration = Duration::from_secs(10);

/// A running chatbot.
pub(crate) struct Chatbot {
    pub(crate) process: Process,
    pub(crate) url: String,
    client: Client,
}

impl Chatbot {
    /// Starts it and waits until it is ready; the issuer need not be.
    pub(crate) async fn start(issuer: &str) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_doorward")).with_file_name("chatbot");
        assert!(program.exists(), "{}: run `cargo build -p chatbot`", program.display());
        let mut command = Command::new(program);
        command.env_clear().env("DOORWARD_ISSUER", issuer).env("CHATBOT_LISTEN", "127.0.0.1:0");
        let mut process = Process::start(&mut command, "");
        let url = process.rest_of_line("chatbot listens on ").await;
        Self { process, client: Client::new(&url), url }
    }

    /// Says "hi" as the bearer of `token`.
    pub(crate) async fn greet(&self, token: &str) -> Answer {
        self.client.post_as("/api/chat", token, json!({ "message": "hi" })).await
    }

    /// Waits until it refuses a token that has not expired.
    pub(crate) async fn forgets(&self, token: &str) {
        within(REVOCATION_TIME_MAX, "the service refuses the token", async || {
            let answer = self.greet(token).await;
            if answer.status == 200 {
                return None;
            }
            assert_eq!(answer.is(401).code(), "session_revoked");
            Some(())
        })
        .await;
    }

    /// Says "hi" as nobody.
    pub(crate) async fn greet_as_stranger(&self) -> Answer {
        self.client.post("/api/chat", json!({ "message": "hi" })).await
    }
}
