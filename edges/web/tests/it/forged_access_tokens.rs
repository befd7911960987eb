//! Access tokens that Doorward did not make as they are. The rows are those of `forgeries`, which
//! `doorward-verify` runs too.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use doorward_claims::Algorithm;
use forgeries::{ISSUER_SECRETS, Key, Scene, forgeries, genuine, trusted_keys};
use harness::contracts::{RecordStore as _, Replaced};
use harness::crypto::{DataKey, DataKeys, SigningKey};
use harness::doorward_verify::VerifyError;
use harness::reqwest::header::HeaderValue;
use harness::{EMAIL, START, TestServer, Tokens};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use service::AuthenticateError;

const CHALLENGE: &str = r#"Bearer realm="doorward", error="invalid_token""#;

static TRUSTED: LazyLock<Vec<Key>> = LazyLock::new(trusted_keys);

/// A server whose tokens anybody here can make, since its key ring is of our keys: two for each
/// algorithm, secrets that it shares too.
async fn trusting_ours() -> TestServer {
    let first = TestServer::start().await;
    let store = first.store.inner();
    let version = store.find_record("key_ring").await.unwrap().unwrap().version;
    // As the harness seals, and the service names, what it keeps.
    let sealed = DataKeys::new(&[DataKey::new([7; 32])]).unwrap();
    let sealed = sealed.seal("record/key_ring", ring().to_string().as_bytes(), [9; 12]);
    let replaced = store.replace_record("key_ring", version, &sealed, &[]).await.unwrap();
    assert_eq!(replaced, Replaced::Yes);
    first.beside().start().await
}

/// All keys verify; one for ES256, with which a test server signs, began last and goes on.
fn ring() -> Value {
    let mut keys: Vec<&Key> = TRUSTED.iter().collect();
    keys.sort_by_key(|key| key.algorithm == Algorithm::ES256);
    let minute = |number: usize| START.unix_ms() - 60_000 * i64::try_from(number).unwrap();
    let count = keys.len();
    let kept = keys.into_iter().enumerate().map(|(place, key)| {
        let is_last = place + 1 == count;
        let material = if key.algorithm.is_symmetric() { "secret" } else { "pkcs8" };
        json!({
            "kid": key.kid,
            "algorithm": key.algorithm,
            material: BASE64_STANDARD.encode(key.private.expose_secret()),
            "sign_from_ms": minute(count - place),
            "retire_at_ms": (!is_last).then(|| minute(count - place - 1)),
            "remove_at_ms": (!is_last).then(|| START.unix_ms() + 86_400_000),
        })
    });
    kept.collect()
}

/// A genuine signature over the token's claims as `change` would have them, by one who shares the
/// secret and may misuse it.
fn resigned(tokens: &Tokens, change: impl FnOnce(&mut Value)) -> String {
    let key = Key::from_secret(ISSUER_SECRETS[0]);
    let mut claims = tokens.claims();
    change(&mut claims);
    key.compact(key.header().to_string(), claims.to_string())
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

/// Spaces around a token belong to HTTP, and what is no text of HTTP cannot be sent.
fn can_be_sent(token: &str) -> bool {
    token.trim() == token && HeaderValue::from_str(token).is_ok()
}

async fn every_forgery_is_refused_as_what_it_is(algorithm: Algorithm) {
    let server = trusting_ours().await;
    let tokens = server.ada().await;
    let scene = Scene::new(tokens.claims(), START.unix_seconds(), &TRUSTED, algorithm);
    for token in genuine(&scene) {
        let answer = server.get_as(&token.token, "/auth/me").await;
        assert_eq!(answer.status, 200, "{algorithm} {}: {answer:?}", token.name);
    }
    for forgery in forgeries(&scene) {
        let name = format!("{algorithm} {}", forgery.name);
        let code = match server.service.authenticate(&forgery.token).await.unwrap_err() {
            AuthenticateError::InvalidToken(Some(why)) => {
                assert_eq!(why, forgery.refusal, "{name}");
                "invalid_token"
            }
            AuthenticateError::Expired => {
                assert_eq!(forgery.refusal, VerifyError::Expired, "{name}");
                "token_expired"
            }
            other => panic!("{name}: {other:?}"),
        };
        if can_be_sent(&forgery.token) {
            let answer = server.get_as(&forgery.token, "/auth/me").await;
            assert_eq!((answer.status, answer.problem().as_str()), (401, code), "{name}");
            assert_eq!(answer.header("www-authenticate"), Some(CHALLENGE), "{name}");
        }
    }
}

#[tokio::test]
async fn every_forgery_of_an_rs256_token_is_refused() {
    every_forgery_is_refused_as_what_it_is(Algorithm::RS256).await;
}

#[tokio::test]
async fn every_forgery_of_an_es256_token_is_refused() {
    every_forgery_is_refused_as_what_it_is(Algorithm::ES256).await;
}

#[tokio::test]
async fn every_forgery_of_an_eddsa_token_is_refused() {
    every_forgery_is_refused_as_what_it_is(Algorithm::EdDsa).await;
}

#[tokio::test]
async fn every_forgery_of_an_hs256_token_is_refused() {
    every_forgery_is_refused_as_what_it_is(Algorithm::HS256).await;
}

#[tokio::test]
async fn a_forged_token_opens_no_other_door_either() {
    let server = trusting_ours().await;
    let tokens = server.ada().await;
    for (claim, value) in [
        ("iss", json!("https://elsewhere.example.com")),
        ("aud", json!("elsewhere")),
        ("type", json!("refresh")),
        ("sub", json!("")),
        ("sid", json!("nonsense")),
    ] {
        assert_refused(&server, &resigned(&tokens, |claims| claims[claim] = value)).await;
    }
    let nameless = json!({ "alg": "none", "typ": "at+jwt" }).to_string();
    let payload = tokens.access.split('.').nth(1).unwrap();
    let header = BASE64_URL_SAFE_NO_PAD.encode(nameless);
    assert_refused(&server, &format!("{header}.{payload}.")).await;
}

/// Where no secret is shared, none is tried (RFC 8725 §2.1).
#[tokio::test]
async fn a_published_key_is_no_shared_secret() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let published = server.get("/.well-known/jwks.json").await;
    let x = published.json()["keys"][0]["x"].as_str().unwrap().to_owned();
    let x = BASE64_URL_SAFE_NO_PAD.decode(x).unwrap();
    for secret in [&x, published.body.as_bytes()] {
        let confused = SigningKey::from_shared_secret(secret).unwrap();
        assert_refused(&server, &confused.sign("at+jwt", &tokens.claims()).unwrap()).await;
    }
}

#[tokio::test]
async fn whoever_shares_the_secret_cannot_make_themselves_an_administrator() {
    let server = trusting_ours().await;
    let tokens = server.ada().await;
    let forged = resigned(&tokens, |claims| {
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
    let server = trusting_ours().await;
    let ada = server.ada().await;
    server.register("eve@example.com").await;
    let eve = server.sign_in("eve@example.com").await;
    let forged = resigned(&eve, |claims| claims["sub"] = json!(ada.user().as_str()));
    server.get_as(&forged, "/auth/me").await.assert_problem(401, "session_revoked");
    server.post_as(&forged, "/auth/logout-all").await.assert_problem(401, "session_revoked");
    server.get_as(&ada.access, "/auth/me").await.assert_status(200);
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
