//! Limits: what counts, for whom, and what the refused are told.

mod addresses;
mod answers;
mod mails;
mod passwords;
mod refreshes;

use std::time::Duration;

use harness::reqwest::Method;
use harness::{Answer, TestServer};
use serde_json::{Value, json};

const QUARTER: Duration = Duration::from_mins(15);
const HOUR: Duration = Duration::from_hours(1);

/// A call from that address, as the one proxy in front says.
async fn post_from(server: &TestServer, address: &str, path: &str, body: &Value) -> Answer {
    let request = server.request(Method::POST, path).header("x-forwarded-for", address);
    server.send(request.json(body)).await
}

async fn sign_in_from(server: &TestServer, address: &str, name: &str, password: &str) -> Answer {
    let body = json!({ "identifier": name, "password": password });
    post_from(server, address, "/auth/login", &body).await
}
