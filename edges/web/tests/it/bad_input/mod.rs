//! What every call answers to bad input. The calls are those of the contract, so none is missed.

mod bodies;
mod credentials;
mod paths;
mod raw_requests;
mod values;

use harness::reqwest::{Method, RequestBuilder};
use harness::{Answer, TestServer, Tokens};
use serde_json::{Value, json};

/// A call of the contract.
struct Call {
    method: Method,
    /// With an id that names nothing where the contract has a parameter.
    path: String,
    needs_bearer: bool,
    /// What the body may have; none where there is no body.
    members: Option<Vec<Member>>,
    is_body_required: bool,
}

/// A member of a body.
struct Member {
    name: String,
    is_required: bool,
    /// Of the type that the contract names, and no good as anything but that.
    sample: Value,
}

impl Call {
    fn has_body(&self) -> bool {
        self.members.is_some()
    }

    fn members(&self) -> &[Member] {
        self.members.as_deref().unwrap()
    }

    fn shown(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The request with credentials where they are needed, and as yet without a body.
    fn request(&self, server: &TestServer, tokens: &Tokens) -> RequestBuilder {
        let request = server.request(self.method.clone(), &self.path);
        if self.needs_bearer { request.bearer_auth(&tokens.access) } else { request }
    }

    /// The answer to a body of JSON bytes.
    async fn send(&self, server: &TestServer, tokens: &Tokens, body: impl Into<Vec<u8>>) -> Answer {
        let request = self
            .request(server, tokens)
            .header("content-type", "application/json")
            .body(body.into());
        server.send(request).await
    }
}

/// All calls of the contract.
async fn calls(server: &TestServer) -> Vec<Call> {
    let contract = server.get("/openapi.json").await.json();
    let mut calls = Vec::new();
    for (path, item) in contract["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let body = &operation["requestBody"];
            calls.push(Call {
                method: method.to_uppercase().parse().unwrap(),
                path: path.replace("{id}", "sess_00000000000000000000000000"),
                needs_bearer: needs_bearer(operation),
                members: (!body.is_null()).then(|| members(&contract, body)),
                is_body_required: body["required"] == true,
            });
        }
    }
    assert!(calls.len() >= 25, "{}", calls.len());
    calls
}

/// Whether there is no way without a bearer: an empty alternative is one (OpenAPI 3.1, §4.8.30).
pub(crate) fn needs_bearer(operation: &Value) -> bool {
    let ways = operation["security"].as_array();
    ways.is_some_and(|ways| ways.iter().all(|way| way.get("bearer").is_some()))
}

fn members(contract: &Value, body: &Value) -> Vec<Member> {
    let schema = &body["content"]["application/json"]["schema"];
    let pointer = schema["$ref"].as_str().unwrap().trim_start_matches('#');
    let schema = contract.pointer(pointer).unwrap();
    let required: Vec<&Value> =
        schema["required"].as_array().map(|names| names.iter().collect()).unwrap_or_default();
    let members = schema["properties"].as_object().unwrap().iter();
    let members = members.map(|(name, about)| Member {
        name: name.clone(),
        is_required: required.iter().any(|one| *one == name),
        sample: sample(&about["type"]),
    });
    members.collect()
}

/// A value of a type, or of the first of several.
fn sample(kind: &Value) -> Value {
    let kind = kind.as_str().or_else(|| kind[0].as_str());
    match kind {
        Some("string") => json!("x"),
        Some("boolean") => json!(false),
        other => panic!("no body of ours has a member of type {other:?}"),
    }
}

/// The calls with a body.
async fn calls_with_body(server: &TestServer) -> Vec<Call> {
    let calls: Vec<Call> = calls(server).await.into_iter().filter(Call::has_body).collect();
    assert!(calls.len() >= 11, "{}", calls.len());
    calls
}

/// A server where somebody is signed in.
async fn start() -> (TestServer, Tokens) {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    (server, tokens)
}
