//! How an address is verified, and what keeps others from doing it.

mod discarding;
mod lifetimes;
mod policies;
mod proofs;

use harness::{EMAIL, ReceivedMail, TestServer};

pub(crate) const PATH: &str = "/auth/verify-email";

/// Ada has signed up, and her mail has come.
pub(crate) async fn start() -> (TestServer, ReceivedMail) {
    let server = TestServer::start().await;
    server.register(EMAIL).await;
    let mail = server.newest_mail_to(EMAIL).await;
    (server, mail)
}

async fn is_verified(server: &TestServer) -> bool {
    server.account(EMAIL).await.user.is_email_verified
}
