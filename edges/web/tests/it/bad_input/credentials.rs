use super::{calls, start};

const NO_CREDENTIALS: &str = r#"Bearer realm="doorward""#;
const INVALID_TOKEN: &str = r#"Bearer realm="doorward", error="invalid_token""#;

#[tokio::test]
async fn a_call_without_credentials_is_told_which_are_wanted() {
    let (server, _) = start().await;
    server.store.take_calls();
    for call in calls(&server).await.iter().filter(|call| call.needs_bearer) {
        let answer = server.send(server.request(call.method.clone(), &call.path)).await;
        assert_eq!(answer.status, 401, "{}", call.shown());
        assert_eq!(answer.header("www-authenticate"), Some(NO_CREDENTIALS), "{}", call.shown());
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        insta::allow_duplicates! {
                insta::assert_snapshot!(
            answer.folded(),
            @r#"
        {"type":"urn:doorward:problem:invalid_token",
        "title":"The token is not valid",
        "status":401,
        "detail":"Sign in, or refresh, and send the new token.",
        "code":"invalid_token",
        "requestId":"req-1"}
        "#
        );
            }
    }
    assert!(server.store.take_calls().is_empty());
}

#[tokio::test]
async fn nonsense_credentials_are_an_invalid_token() {
    let (server, tokens) = start().await;
    let genuine = format!("Bearer {}", tokens.access);
    let nonsense: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b" ".to_vec(),
        b"Bearer".to_vec(),
        b"Bearer ".to_vec(),
        b"Bearer nonsense".to_vec(),
        b"Bearer a.b.c".to_vec(),
        b"Bearer ...".to_vec(),
        b"Bearer \xff\xfe".to_vec(),
        b"Bearer a b".to_vec(),
        b"Basic YWRhOmFkYQ==".to_vec(),
        b"Digest username=ada".to_vec(),
        format!("Token {}", tokens.access).into_bytes(),
        tokens.access.clone().into_bytes(),
        format!("Bearer\t{}", tokens.access).into_bytes(),
        format!("{genuine}, {genuine}").into_bytes(),
        format!("{genuine} {}", tokens.access).into_bytes(),
        format!("Bearer \"{}\"", tokens.access).into_bytes(),
        format!("Bearer {}", tokens.refresh).into_bytes(),
        format!("Bearer {}", "x".repeat(16 * 1024)).into_bytes(),
    ];
    for call in calls(&server).await.iter().filter(|call| call.needs_bearer) {
        for value in &nonsense {
            let request = server.request(call.method.clone(), &call.path);
            let header = harness::reqwest::header::HeaderValue::from_bytes(value).unwrap();
            let answer = server.send(request.header("authorization", header)).await;
            let shown = (call.shown(), String::from_utf8_lossy(value), answer.status);
            assert_eq!(answer.problem(), "invalid_token", "{shown:?}");
            assert_eq!(answer.status, 401, "{shown:?}");
            assert_eq!(answer.header("www-authenticate"), Some(INVALID_TOKEN), "{shown:?}");
        }
    }
}

#[tokio::test]
async fn doubled_credentials_are_refused_even_if_both_are_good() {
    let (server, tokens) = start().await;
    for call in calls(&server).await.iter().filter(|call| call.needs_bearer) {
        let request = server.request(call.method.clone(), &call.path);
        let request = request.bearer_auth(&tokens.access).bearer_auth(&tokens.access);
        let answer = server.send(request).await;
        answer.assert_problem(401, "invalid_token");
        assert_eq!(answer.header("www-authenticate"), Some(INVALID_TOKEN), "{}", call.shown());
    }
    server.get_as(&tokens.access, "/auth/me").await.assert_status(200);
}

/// RFC 9110 §11.1: the scheme is case-insensitive. RFC 6750 §2.3: a token in a query leaks.
#[tokio::test]
async fn a_token_counts_in_the_header_only_and_under_any_case_of_the_scheme() {
    let (server, tokens) = start().await;
    for scheme in ["bearer", "BEARER", "Bearer "] {
        let request = server.request(harness::reqwest::Method::GET, "/auth/me");
        let request = request.header("authorization", format!("{scheme} {}", tokens.access));
        server.send(request).await.assert_status(200);
    }
    let path = format!("/auth/me?access_token={}", tokens.access);
    server.get(&path).await.assert_problem(401, "invalid_token");
    let cookie = server.request(harness::reqwest::Method::GET, "/auth/me");
    let cookie = cookie.header("cookie", format!("access_token={}", tokens.access));
    server.send(cookie).await.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn no_answer_sets_a_cookie() {
    let (server, tokens) = start().await;
    let answer = server.try_sign_in(harness::EMAIL, harness::PASSWORD).await;
    assert_eq!(answer.header("set-cookie"), None);
    let answer = server.try_refresh(&tokens.refresh).await;
    assert_eq!(answer.header("set-cookie"), None);
}
