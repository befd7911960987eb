//! Access tokens that Doorward did not make as they are.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use doorward_claims::Algorithm;
use harness::crypto::SigningKey;
use harness::{EMAIL, TestServer, Tokens};
use serde_json::{Value, json};

const SECRET: &[u8; 32] = b"0123456789abcdef0123456789abcdef";
const CHALLENGE: &str = r#"Bearer realm="doorward", error="invalid_token""#;

/// A server whose secret a service shares, and may misuse.
async fn sharing_its_secret() -> TestServer {
    let builder = TestServer::builder().policy(|policy| {
        policy.keys.algorithm = Algorithm::HS256;
        policy.keys.shared_secrets = vec![SECRET.to_vec().into()];
    });
    builder.start().await
}

/// A genuine signature over the token's claims as `change` would have them.
fn resigned(tokens: &Tokens, typ: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut claims = tokens.claims();
    change(&mut claims);
    SigningKey::from_shared_secret(SECRET).unwrap().sign(typ, &claims).unwrap()
}

async fn assert_refused(server: &TestServer, token: &str) {
    for path in ["/auth/me", "/auth/verify", "/auth/sessions"] {
        let answer = server.get_as(token, path).await;
        answer.assert_problem(401, "invalid_token");
        assert_eq!(answer.header("www-authenticate"), Some(CHALLENGE));
    }
    server.post_as(token, "/auth/logout").await.assert_problem(401, "invalid_token");
    server.post_as(token, "/auth/logout-all").await.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn whoever_shares_the_secret_cannot_make_themselves_an_administrator() {
    let server = sharing_its_secret().await;
    let tokens = server.ada().await;
    let forged = resigned(&tokens, "at+jwt", |claims| {
        claims["role"] = json!("ADMIN");
        claims["roles"] = json!(["ADMIN"]);
        claims["permissions"] = json!(["users:write"]);
        claims["scope"] = json!("users:write");
        claims["email"] = json!("root@example.com");
        claims["email_verified"] = json!(true);
        claims["session_epoch"] = json!(99);
    });
    let me = server.get_as(&forged, "/auth/me").await;
    assert_eq!(me.json(), tokens.body["user"]);
    let verify = server.get_as(&forged, "/auth/verify").await;
    assert_eq!(verify.header("x-auth-roles"), Some("USER"));
    assert_eq!(verify.header("x-auth-scope"), Some("profile:read"));
    assert_eq!(verify.header("x-auth-email"), None);

    server.post_as(&tokens.access, "/auth/logout-all").await.assert_status(204);
    server.get_as(&forged, "/auth/me").await.assert_problem(401, "session_revoked");
}

#[tokio::test]
async fn whoever_shares_the_secret_cannot_become_another_user() {
    let server = sharing_its_secret().await;
    let ada = server.ada().await;
    server.register("eve@example.com").await;
    let eve = server.sign_in("eve@example.com").await;
    let forged = resigned(&eve, "at+jwt", |claims| claims["sub"] = json!(ada.user().as_str()));
    server.get_as(&forged, "/auth/me").await.assert_problem(401, "session_revoked");
    server.post_as(&forged, "/auth/logout-all").await.assert_problem(401, "session_revoked");
    server.get_as(&ada.access, "/auth/me").await.assert_status(200);
}

#[tokio::test]
async fn a_token_for_somebody_else_or_of_another_kind_is_refused() {
    let server = sharing_its_secret().await;
    let tokens = server.ada().await;
    let changes: [(&str, Value); 9] = [
        ("iss", json!("https://elsewhere.example.com")),
        ("iss", json!(format!("{}/", server.public_url))),
        ("aud", json!("chat")),
        ("aud", json!([])),
        ("type", json!("refresh")),
        ("sub", json!("")),
        ("sid", json!("nonsense")),
        ("iat", json!(harness::START.unix_seconds() + 3600)),
        ("exp", json!("soon")),
    ];
    for (name, value) in changes {
        let forged = resigned(&tokens, "at+jwt", |claims| claims[name] = value);
        assert_refused(&server, &forged).await;
    }
    for typ in ["JWT", "revocations+jwt", "rt+jwt", ""] {
        assert_refused(&server, &resigned(&tokens, typ, |_| ())).await;
    }
}

#[tokio::test]
async fn an_expired_token_is_refused_as_expired() {
    let server = sharing_its_secret().await;
    let tokens = server.ada().await;
    let past = harness::START.unix_seconds() - 60;
    let forged = resigned(&tokens, "at+jwt", |claims| claims["exp"] = json!(past));
    let answer = server.get_as(&forged, "/auth/me").await;
    answer.assert_problem(401, "token_expired");
    assert_eq!(answer.header("www-authenticate"), Some(CHALLENGE));
}

/// RFC 8725 §2.1: no signature, and a public key taken for a secret.
#[tokio::test]
async fn an_algorithm_is_not_for_the_caller_to_choose() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let payload = tokens.access.split('.').nth(1).unwrap();
    let kid = tokens.header()["kid"].clone();
    let segment = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    for algorithm in ["none", "None", "HS256", "ES384", ""] {
        let header = segment(json!({ "alg": algorithm, "kid": kid, "typ": "at+jwt" }));
        assert_refused(&server, &format!("{header}.{payload}.")).await;
        assert_refused(&server, &format!("{header}.{payload}.AAAA")).await;
    }
    let keys = server.get("/.well-known/jwks.json").await.json();
    let x = BASE64_URL_SAFE_NO_PAD.decode(keys["keys"][0]["x"].as_str().unwrap()).unwrap();
    let confused = SigningKey::from_shared_secret(&x).unwrap();
    assert_refused(&server, &confused.sign("at+jwt", &tokens.claims()).unwrap()).await;
}

#[tokio::test]
async fn a_token_of_another_deployment_is_refused() {
    let (server, elsewhere) = (TestServer::start().await, TestServer::start().await);
    server.ada().await;
    assert_refused(&server, &elsewhere.ada().await.access).await;
}

#[tokio::test]
async fn a_token_with_any_character_replaced_is_refused() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    for index in 0..tokens.access.len() {
        let mut forged = tokens.access.clone().into_bytes();
        forged[index] = if forged[index] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        server.get_as(&forged, "/auth/me").await.assert_problem(401, "invalid_token");
    }
}

#[tokio::test]
async fn a_refresh_token_and_the_list_of_revocations_are_no_access_tokens() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    assert_refused(&server, &tokens.refresh).await;
    assert_refused(&server, &server.get("/.well-known/revocations").await.body).await;
    server.sign_in(EMAIL).await;
}
