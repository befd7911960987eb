use harness::reqwest::Method;
use harness::{Answer, TestServer};
use serde_json::json;

const OURS: &str = "https://app.example.com";
const FOREIGN: &str = "https://evil.example.com";
const ALLOWED: &str = "access-control-allow-origin";

async fn allowing_ours() -> TestServer {
    TestServer::builder()
        .settings(|settings| settings.cors_origins = vec![OURS.into()])
        .start()
        .await
}

async fn from_origin(server: &TestServer, method: Method, path: &str, origin: &str) -> Answer {
    let request = server.request(method, path).header("origin", origin);
    server.send(request.json(&json!({ "email": "a@example.com", "password": "x" }))).await
}

#[tokio::test]
async fn scripts_of_an_allowed_origin_can_read_answers_and_problems() {
    let server = allowing_ours().await;
    let tokens = server.ada().await;
    let request = server.request(Method::GET, "/auth/me").bearer_auth(&tokens.access);
    let answer = server.send(request.header("origin", OURS)).await;
    answer.assert_status(200);
    assert_eq!(answer.header(ALLOWED), Some(OURS));

    let wrong = from_origin(&server, Method::POST, "/auth/login", OURS).await;
    wrong.assert_problem(401, "invalid_credentials");
    assert_eq!(wrong.header(ALLOWED), Some(OURS), "a script must see why it was refused");
    let refused = from_origin(&server, Method::GET, "/auth/me", OURS).await;
    refused.assert_problem(401, "invalid_token");
    assert_eq!(refused.header(ALLOWED), Some(OURS));
    assert!(refused.header("vary").unwrap().contains("origin"));
    let refused = from_origin(&server, Method::PUT, "/auth/me", OURS).await;
    refused.assert_problem(405, "method_not_allowed");
    assert_eq!(refused.header(ALLOWED), Some(OURS));
    server.store.go_down();
    let failed = from_origin(&server, Method::POST, "/auth/login", OURS).await;
    failed.assert_problem(503, "dependency_unavailable");
    assert_eq!(failed.header(ALLOWED), Some(OURS));
}

#[tokio::test]
async fn an_allowed_origin_may_ask_before_it_calls() {
    let server = allowing_ours().await;
    for (method, path) in [("POST", "/auth/login"), ("GET", "/auth/me")] {
        let request = server
            .request(Method::OPTIONS, path)
            .header("origin", OURS)
            .header("access-control-request-method", method)
            .header("access-control-request-headers", "authorization,content-type");
        let answer = server.send(request).await;
        answer.assert_status(200);
        assert_eq!(answer.header(ALLOWED), Some(OURS));
        assert!(answer.header("access-control-allow-methods").unwrap().contains(method));
        let headers = answer.header("access-control-allow-headers").unwrap();
        assert!(headers.contains("authorization") && headers.contains("content-type"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
}

#[tokio::test]
async fn no_other_origin_is_let_in_and_credentials_never_are() {
    let server = allowing_ours().await;
    let none_configured = TestServer::start().await;
    for server in [&server, &none_configured] {
        for origin in [FOREIGN, "null", "https://app.example.com.evil.example.com"] {
            let answer = from_origin(server, Method::POST, "/auth/login", origin).await;
            assert_eq!(answer.header(ALLOWED), None, "{origin}");
            let request = server
                .request(Method::OPTIONS, "/auth/login")
                .header("origin", origin)
                .header("access-control-request-method", "POST");
            let answer = server.send(request).await;
            assert_eq!(answer.header(ALLOWED), None, "{origin}");
            assert_eq!(answer.header("access-control-allow-credentials"), None);
        }
    }
}

#[tokio::test]
async fn public_documents_stay_readable_from_any_origin() {
    for server in [allowing_ours().await, TestServer::start().await] {
        for origin in [OURS, FOREIGN] {
            let path = "/.well-known/jwks.json";
            let request = server.request(Method::GET, path).header("origin", origin);
            let answer = server.send(request).await;
            assert_eq!(answer.header(ALLOWED), Some("*"), "{origin}");
        }
    }
}
