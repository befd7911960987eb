//! A new password by mail.

mod again;
mod completing;
mod failing;
mod lifetimes;

use harness::{EMAIL, ReceivedMail, TestServer, Tokens};

const PATH: &str = "/auth/password/reset";

/// Ada is signed in, and has asked for a new password.
async fn start() -> (TestServer, Tokens, ReceivedMail) {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let mail = server.forgot_mail(EMAIL).await;
    (server, tokens, mail)
}
