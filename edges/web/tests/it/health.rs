use harness::reqwest::Method;
use harness::{Answer, EMAIL, TestServer};

async fn both(server: &TestServer, path: &str) -> [Answer; 2] {
    [server.get(path).await, server.get_operations(path).await]
}

#[tokio::test]
async fn both_listeners_tell_of_health() {
    let server = TestServer::start().await;
    for answer in both(&server, "/livez").await {
        answer.assert_status(200);
        insta::allow_duplicates! {
                insta::assert_snapshot!(
            answer.folded(),
            @r#"
        {"status":"up",
        "dependencies":{}}
        "#
        );
            }
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    for answer in both(&server, "/readyz").await {
        answer.assert_status(200);
        insta::allow_duplicates! {
                insta::assert_snapshot!(
            answer.folded(),
            @r#"
        {"status":"up",
        "dependencies":{"storage":"up"}}
        "#
        );
            }
    }
}

#[tokio::test]
async fn a_broken_store_makes_it_unready_and_does_not_kill_it() {
    let server = TestServer::start().await;
    server.store.go_down();
    for answer in both(&server, "/livez").await {
        answer.assert_status(200);
    }
    for answer in both(&server, "/readyz").await {
        answer.assert_status(503);
        insta::allow_duplicates! {
                insta::assert_snapshot!(
            answer.folded(),
            @r#"
        {"status":"down",
        "dependencies":{"storage":"down"}}
        "#
        );
            }
    }
    server.store.come_up();
    server.get("/readyz").await.assert_status(200);
}

#[tokio::test]
async fn metrics_are_for_operators_only() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    server.try_sign_in(EMAIL, "not the password").await.assert_status(401);
    server.refresh(&tokens.refresh).await;
    server.get("/metrics").await.assert_problem(404, "not_found");

    let answer = server.get_operations("/metrics").await;
    answer.assert_status(200);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(answer.header("content-type"), Some(kind));
    for line in [
        "doorward_sign_ins_total{outcome=\"success\"} 1",
        "doorward_sign_ins_total{outcome=\"wrong_password\"} 1",
        "doorward_refreshes_total{outcome=\"rotated\"} 1",
        "doorward_http_requests_total{method=\"POST\",route=\"/auth/refresh\",status=\"200\"} 1",
        "doorward_hashing_queue 0",
    ] {
        assert!(answer.body.lines().any(|one| one == line), "{line} is not in {}", answer.body);
    }
    assert!(answer.body.ends_with("# EOF\n"));
}

#[tokio::test]
async fn callers_cannot_make_metrics_grow() {
    let server = TestServer::start().await;
    for number in 0..50 {
        let method = format!("BREW{number}").parse::<Method>().unwrap();
        let path = format!("/nowhere/{number}");
        server.send(server.request(method, &path)).await.assert_status(404);
        server.get(&format!("/auth/sessions/{number}")).await.assert_status(405);
    }
    let text = server.get_operations("/metrics").await.body;
    let lines = text.lines().filter(|line| line.starts_with("doorward_http_requests_total"));
    let lines: Vec<&str> = lines.collect();
    assert!(lines.len() <= 3, "{lines:?}");
    assert!(!text.contains("BREW") && !text.contains("nowhere"), "{text}");
}

#[tokio::test]
async fn the_operations_listener_serves_no_calls() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    for path in ["/auth/me", "/auth/login", "/.well-known/jwks.json", "/openapi.json", "/docs"] {
        let request = server.operations_request(Method::GET, path).bearer_auth(&tokens.access);
        server.send(request).await.assert_problem(404, "not_found");
    }
}
