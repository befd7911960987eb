//! `DELETE /auth/me`, and what is left afterwards.

mod remains;
mod request;

use harness::{Answer, TestServer, Tokens};

const PATH: &str = "/auth/me";

async fn erase(server: &TestServer, tokens: &Tokens) -> Answer {
    server.delete_as(&tokens.access, PATH).await
}
