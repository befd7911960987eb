//! Mails on their way: sent, tried again, given up, and looked after.

mod leases;
mod queue;
mod retries;

use contracts::OutboxMail;
use harness::{EMAIL, MailAnswer, ScriptedTransport, TestServer, Tokens};
use serde_json::json;

/// Asks for a new password, whose mail must go within ten minutes.
async fn forget(server: &TestServer, email: &str) {
    let answer = server.post("/auth/password/forgot", json!({ "email": email })).await;
    answer.assert_status(202);
}

/// A server where one mail waits, which may be sent for three days: Ada's address is verified and
/// her password was changed.
async fn with_notice() -> (TestServer, Tokens) {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let body = json!({ "currentPassword": harness::PASSWORD, "newPassword": "a much better one" });
    let path = "/auth/password/change";
    server.post_json_as(&tokens.access, path, body).await.assert_status(204);
    (server, tokens)
}

/// A server where one mail waits whose code expires after ten minutes.
async fn with_reset() -> TestServer {
    let server = TestServer::start().await;
    server.put_user(EMAIL, |user| user.is_email_verified = true).await;
    forget(&server, EMAIL).await;
    server
}

async fn outbox(server: &TestServer) -> Vec<OutboxMail> {
    server.service.list_mails(None, 100).await.unwrap()
}

/// The only mail in the outbox.
async fn only(server: &TestServer) -> OutboxMail {
    let mut mails = outbox(server).await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    mails.remove(0)
}

/// How often a transport is asked in one turn, and what it says.
async fn relay(server: &TestServer, transport: &ScriptedTransport, answer: MailAnswer) -> usize {
    let before = transport.tried().len();
    transport.say(answer);
    server.relay_mails(transport).await;
    transport.tried().len() - before
}
