use std::collections::BTreeSet;

use harness::TestServer;
use serde_json::Value;

async fn contract(server: &TestServer) -> Value {
    let answer = server.get("/openapi.json").await;
    answer.assert_status(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json()
}

#[tokio::test]
async fn the_contract_is_the_one_that_the_command_prints_but_for_the_server() {
    let server = TestServer::start().await;
    let mut public = contract(&server).await;
    let mut printed: Value = serde_json::from_str(&web::openapi_json()).unwrap();
    assert_eq!(public["openapi"], "3.1.0");
    assert_eq!(public["servers"][0]["url"], server.public_url);
    public["servers"].take();
    printed["servers"].take();
    assert_eq!(public, printed);
}

#[tokio::test]
async fn calls_have_the_names_that_generated_clients_use() {
    let server = TestServer::start().await;
    let contract = contract(&server).await;
    let named: BTreeSet<(String, &str)> = contract["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, operation)| {
                (format!("{method} {path}"), operation["operationId"].as_str().unwrap())
            })
        })
        .collect();
    let wanted = [
        ("post /auth/register", "registerUser"),
        ("post /auth/login", "loginUser"),
        ("post /auth/refresh", "refreshToken"),
        ("post /auth/logout", "logoutUser"),
        ("post /auth/logout-all", "logoutEverywhere"),
        ("get /auth/me", "getCurrentUser"),
        ("get /auth/sessions", "listSessions"),
        ("delete /auth/sessions/{id}", "endSession"),
        ("get /auth/verify", "verifyToken"),
    ];
    for (call, name) in wanted {
        assert!(named.contains(&(call.to_owned(), name)), "{call} is not {name}: {named:?}");
    }
    assert!(!named.iter().any(|(call, _)| call.contains("metrics")), "{named:?}");
}

#[tokio::test]
async fn every_call_of_the_contract_says_which_problems_it_can_have() {
    let server = TestServer::start().await;
    let contract = contract(&server).await;
    for (path, item) in contract["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            let needs_bearer = !operation["security"].is_null();
            assert_eq!(
                responses.contains_key("401"),
                needs_bearer || method == "post" && path != "/auth/register",
                "{method} {path}"
            );
            let has_body = !operation["requestBody"].is_null();
            for status in ["400", "413", "415"] {
                let is_named = responses.contains_key(status);
                assert!(is_named || !has_body, "{method} {path} {status}");
            }
            for (status, response) in
                responses.iter().filter(|(status, _)| *status > &"400".to_owned())
            {
                let media = response["content"].as_object().unwrap();
                let is_problem = media.contains_key("application/problem+json");
                assert!(is_problem || path == "/readyz", "{method} {path} {status}");
            }
        }
    }
}

#[tokio::test]
async fn the_contract_is_readable_by_people() {
    let server = TestServer::start().await;
    let answer = server.get("/docs").await;
    answer.assert_status(200);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    assert_eq!(answer.header("content-security-policy"), Some(policy));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    for text in ["/auth/refresh", "loginUser", "problem"] {
        assert!(answer.body.contains(text), "{text}");
    }
    assert!(!answer.body.contains("<script"), "nothing here needs one");
}
