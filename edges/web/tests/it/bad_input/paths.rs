use harness::reqwest::Method;

use super::{calls, start};

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let (server, tokens) = start().await;
    let paths = [
        "/",
        "/auth",
        "/auth/",
        "/auth/me/",
        "/auth//me",
        "/AUTH/ME",
        "/auth/me%2f",
        "/auth/sessions/",
        "/auth/sessions/a/b",
        "/v1/auth/me",
        "/admin/users",
        "/auth/passkeys",
        "/oauth/token",
        "/.well-known/",
        "/.well-known/jwks",
        "/metrics",
        "/index.html",
        "/favicon.ico",
        "/%00",
        "/%ff",
        "/%zz",
        "/auth/me;x=y",
    ];
    for path in paths {
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
            let request = server.request(method.clone(), path).bearer_auth(&tokens.access);
            let answer = server.send(request).await;
            assert_eq!(answer.status, 404, "{method} {path}");
            insta::allow_duplicates! {
                        insta::assert_snapshot!(
                answer.folded(),
                @r#"
        {"type":"urn:doorward:problem:not_found",
        "title":"There is nothing here",
        "status":404,
        "detail":"Check the path and the id.",
        "code":"not_found",
        "requestId":"req-1"}
        "#
            );
                    }
        }
    }
}

#[tokio::test]
async fn an_id_that_cannot_be_one_is_not_found() {
    let (server, tokens) = start().await;
    let long = "x".repeat(5_000);
    for id in
        ["%ff", "%00", "%zz", "%2f", "..%2f..", "a%20b", "sess_", "SESS_1", "%F0%9F%98%80", &long]
    {
        let answer = server.delete_as(&tokens.access, &format!("/auth/sessions/{id}")).await;
        assert_eq!(answer.status, 404, "{id} {answer:?}");
        answer.assert_problem(404, "not_found");
    }
}

#[tokio::test]
async fn another_method_is_refused_and_the_right_ones_named() {
    let (server, tokens) = start().await;
    let calls = calls(&server).await;
    let all = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "BREW"];
    for call in &calls {
        let mut allowed: Vec<&str> = calls
            .iter()
            .filter(|other| other.path == call.path)
            .map(|other| other.method.as_str())
            .collect();
        if allowed.contains(&"GET") {
            allowed.push("HEAD");
        }
        allowed.sort_unstable();
        for method in all.iter().filter(|method| !allowed.contains(method)) {
            let request = server.request(method.parse().unwrap(), &call.path);
            let answer = server.send(request.bearer_auth(&tokens.access)).await;
            let shown = format!("{method} {} {answer:?}", call.path);
            assert_eq!(answer.status, 405, "{shown}");
            let mut named: Vec<&str> = answer.header("allow").expect(&shown).split(',').collect();
            named.sort_unstable();
            assert_eq!(named, allowed, "{shown}");
            if *method != "HEAD" {
                answer.assert_problem(405, "method_not_allowed");
            }
        }
    }
}

/// Who may not call learns nothing of methods, and a refused method is no way round the gate.
#[tokio::test]
async fn head_is_get_without_the_body_and_needs_the_same_credentials() {
    let (server, tokens) = start().await;
    for call in calls(&server).await.iter().filter(|call| call.method == Method::GET) {
        let get = server.send(call.request(&server, &tokens)).await;
        let request = server.request(Method::HEAD, &call.path);
        let bare = server.send(request.try_clone().unwrap()).await;
        let head = server.send(request.bearer_auth(&tokens.access)).await;
        assert_eq!((head.status, head.body.as_str()), (get.status, ""), "{}", call.shown());
        assert_eq!(head.header("content-type"), get.header("content-type"), "{}", call.shown());
        assert_eq!(bare.status, if call.needs_bearer { 401 } else { 200 }, "{}", call.shown());
    }
}

#[tokio::test]
async fn a_query_that_nobody_reads_is_ignored() {
    let (server, tokens) = start().await;
    for call in calls(&server).await.iter().filter(|call| call.method == Method::GET) {
        for query in ["?", "?x=1&x=2", "?%ff=%zz", "?=&&=", "?a[]=1"] {
            let path = format!("{}{query}", call.path);
            let request = server.request(Method::GET, &path).bearer_auth(&tokens.access);
            server.send(request).await.assert_status(200);
        }
    }
}
