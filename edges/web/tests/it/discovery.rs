use harness::reqwest::Method;
use harness::{EMAIL, PASSWORD, TestServer};
use serde_json::json;

const OPENID: &str = "/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";
const JWKS: &str = "/.well-known/jwks.json";

#[tokio::test]
async fn both_documents_say_what_verifiers_need_and_no_more() {
    let server = TestServer::start().await;
    let answer = server.get(OPENID).await;
    let body = answer.body.replace(&server.public_url, "ISSUER");
    insta::assert_snapshot!(
        harness::fold(&body),
        @r#"
        {"issuer":"ISSUER",
        "jwks_uri":"ISSUER/.well-known/jwks.json",
        "response_types_supported":[],
        "subject_types_supported":["public"],
        "id_token_signing_alg_values_supported":["ES256"]}
        "#
    );
    assert_eq!(server.get(OAUTH).await.body, answer.body);
}

#[tokio::test]
async fn public_documents_are_cacheable_and_readable_from_any_origin() {
    let server = TestServer::start().await;
    for path in [OPENID, OAUTH, JWKS, "/.well-known/revocations", "/openapi.json", "/docs"] {
        let answer = server.get(path).await;
        answer.assert_status(200);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
        let cache = answer.header("cache-control").unwrap();
        assert!(cache.starts_with("public, max-age="), "{path}");
        let etag = answer.header("etag").unwrap();

        let head = server.send(server.request(Method::HEAD, path)).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        for name in ["etag", "cache-control", "content-type", "access-control-allow-origin"] {
            assert_eq!(head.header(name), answer.header(name), "{path}");
        }
        let length = answer.body.len().to_string();
        assert_eq!(head.header("content-length"), Some(&*length), "{path}");

        for known in [etag.to_owned(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".into()] {
            let request = server.request(Method::GET, path).header("if-none-match", &known);
            let unchanged = server.send(request).await;
            assert_eq!((unchanged.status, unchanged.body.as_str()), (304, ""), "{path} {known}");
            assert_eq!(unchanged.header("etag"), Some(etag), "{path}");
            assert_eq!(unchanged.header("cache-control"), Some(cache), "{path}");
            assert_eq!(unchanged.header("access-control-allow-origin"), Some("*"), "{path}");
        }
        let request = server.request(Method::GET, path).header("if-none-match", "\"other\"");
        server.send(request).await.assert_status(200);
    }
}

#[tokio::test]
async fn documents_come_from_memory() {
    let server = TestServer::start().await;
    server.store.go_down();
    for path in [OPENID, OAUTH, JWKS, "/openapi.json", "/docs"] {
        server.get(path).await.assert_status(200);
    }
    assert!(server.store.take_calls().is_empty());
}

/// OpenID Connect Discovery §4 appends to the issuer; RFC 8414 §3.1 inserts before its path.
#[tokio::test]
async fn an_issuer_with_a_path_is_served_at_the_places_that_the_standards_name() {
    let server =
        TestServer::builder().settings(|settings| settings.public_url.push_str("/id")).start();
    let server = server.await;
    assert!(server.public_url.ends_with("/id"));
    let places = [
        "/id/.well-known/openid-configuration",
        "/.well-known/openid-configuration/id",
        "/.well-known/oauth-authorization-server/id",
        "/id/.well-known/oauth-authorization-server",
    ];
    for path in places {
        let answer = server.get(path).await;
        answer.assert_status(200);
        assert_eq!(answer.json()["issuer"], server.public_url, "{path}");
    }
    let jwks_uri = server.get(places[0]).await.json()["jwks_uri"].as_str().unwrap().to_owned();
    let path = jwks_uri.strip_prefix(&format!("http://{}", server.address)).unwrap();
    assert_eq!(server.get(path).await.json()["keys"].as_array().unwrap().len(), 1);
    server.get("/id/.well-known/revocations").await.assert_status(200);
    let tokens = server.ada().await;
    assert_eq!(tokens.claims()["iss"], server.public_url);
}

#[tokio::test]
async fn a_base_path_moves_the_calls_and_leaves_what_verifiers_and_balancers_look_for() {
    let server = TestServer::builder().settings(|settings| settings.base_path = "/v1".to_owned());
    let server = server.start().await;
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let made = server.post("/v1/auth/register", body.clone()).await;
    made.assert_status(201);
    let location = format!("{}/v1/auth/me", server.public_url);
    assert_eq!(made.header("location"), Some(location.as_str()));
    server.post("/v1/auth/login", body.clone()).await.assert_status(200);
    server.post("/auth/login", body).await.assert_problem(404, "not_found");
    for path in [OPENID, OAUTH, JWKS, "/.well-known/revocations", "/livez", "/readyz"] {
        server.get(path).await.assert_status(200);
        server.get(&format!("/v1{path}")).await.assert_problem(404, "not_found");
    }
    server.get("/v1/docs").await.assert_status(200);
    let contract = server.get("/v1/openapi.json").await.json();
    assert_eq!(contract["servers"][0]["url"], format!("{}/v1", server.public_url));
}
