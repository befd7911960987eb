use std::time::Duration;

use domain::{RoleName, UserStatus};
use doorward_claims::{AccessClaims, Algorithm};
use harness::doorward_verify::{
    KeySet, Policy, VerifyingKey, jwk_thumbprint, shared_secret_kid, verify_access_token,
};
use harness::{EMAIL, START, TestSecrets, TestServer, TestServerBuilder, Tokens};
use serde_json::{Value, json};

const JWKS: &str = "/.well-known/jwks.json";
const SECRET: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

fn signing_with(algorithm: Algorithm) -> TestServerBuilder {
    let builder = TestServer::builder();
    if algorithm.is_symmetric() {
        builder.shared_secrets(&TestSecrets::of(&[SECRET]))
    } else {
        builder.algorithm(algorithm)
    }
}

/// What a service does that knows nothing of us but the URL.
fn verified(server: &TestServer, keys: &KeySet, tokens: &Tokens) -> AccessClaims {
    let policy = Policy::new(&server.public_url, ["api"]);
    verify_access_token(&tokens.access, keys, &policy, START.unix_seconds()).unwrap()
}

async fn published_keys(server: &TestServer) -> Value {
    let answer = server.get(JWKS).await;
    answer.assert_status(200);
    answer.json()
}

#[tokio::test]
async fn a_service_verifies_what_each_public_key_algorithm_signs() {
    for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDsa] {
        let server = signing_with(algorithm).start().await;
        let tokens = server.ada().await;
        let published = published_keys(&server).await;
        let jwk = &published["keys"][0];
        let thumbprint = jwk_thumbprint(&serde_json::from_value(jwk.clone()).unwrap()).unwrap();
        assert_eq!(published["keys"].as_array().unwrap().len(), 1);
        assert_eq!((&jwk["kid"], &jwk["use"]), (&json!(thumbprint), &json!("sig")));
        assert_eq!(jwk["alg"], algorithm.name());
        let header = json!({ "alg": algorithm.name(), "kid": thumbprint, "typ": "at+jwt" });
        assert_eq!(tokens.header(), header);

        let keys = KeySet::parse(published.to_string().as_bytes()).unwrap();
        assert_eq!(verified(&server, &keys, &tokens).sub, tokens.user().as_str());
        server.get_as(&tokens.access, "/auth/me").await.assert_status(200);
    }
}

#[tokio::test]
async fn keys_are_published_without_their_private_parts() {
    for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDsa] {
        let server = signing_with(algorithm).start().await;
        let published = published_keys(&server).await;
        let members: Vec<&String> = published["keys"][0].as_object().unwrap().keys().collect();
        let public = ["kty", "use", "alg", "kid", "n", "e", "crv", "x", "y"];
        assert!(members.iter().all(|name| public.contains(&name.as_str())), "{members:?}");
    }
}

#[tokio::test]
async fn a_shared_secret_signs_and_is_not_published() {
    let server = signing_with(Algorithm::HS256).start().await;
    let tokens = server.ada().await;
    assert_eq!(server.get(JWKS).await.body, r#"{"keys":[]}"#);
    let header = json!({ "alg": "HS256", "kid": shared_secret_kid(SECRET), "typ": "at+jwt" });
    assert_eq!(tokens.header(), header);
    let keys: KeySet = [VerifyingKey::from_shared_secret(SECRET).unwrap()].into_iter().collect();
    assert_eq!(verified(&server, &keys, &tokens).sub, tokens.user().as_str());
    server.get_as(&tokens.access, "/auth/me").await.assert_status(200);
}

#[tokio::test]
async fn the_claims_are_those_of_the_contract() {
    let server = TestServer::start().await;
    let body = json!({
        "email": EMAIL, "password": harness::PASSWORD, "username": "ada", "name": "Ada L",
    });
    server.post("/auth/register", body).await.assert_status(201);
    let tokens = server.sign_in(EMAIL).await;
    let claims = tokens.masked_claims().replace(&server.public_url, "ISSUER");
    insta::assert_snapshot!(
        harness::fold(&claims),
        @r#"
        {"iss":"ISSUER",
        "sub":"USER",
        "aud":"api",
        "client_id":"first-party",
        "iat":1731333100,
        "exp":1731334000,
        "jti":"TOKEN",
        "sid":"SESSION",
        "session_epoch":0,
        "type":"access",
        "email_verified":false,
        "username":"ada",
        "name":"Ada L",
        "role":"USER",
        "roles":["USER"],
        "permissions":["profile:read"],
        "scope":"profile:read",
        "auth_time":1731333100,
        "amr":["pwd"]}
        "#
    );
}

#[tokio::test]
async fn a_verified_address_is_a_claim_and_a_missing_value_is_none() {
    let server = TestServer::start().await;
    let change = |user: &mut domain::User| {
        user.is_email_verified = true;
        user.status = UserStatus::Active;
        user.roles.clear();
    };
    server.put_user(EMAIL, change).await;
    let tokens = server.sign_in(EMAIL).await;
    let claims = tokens.masked_claims().replace(&server.public_url, "ISSUER");
    insta::assert_snapshot!(
        harness::fold(&claims),
        @r#"
        {"iss":"ISSUER",
        "sub":"USER",
        "aud":"api",
        "client_id":"first-party",
        "iat":1731333100,
        "exp":1731334000,
        "jti":"TOKEN",
        "sid":"SESSION",
        "session_epoch":0,
        "type":"access",
        "email":"ada@example.com",
        "email_verified":true,
        "roles":[],
        "permissions":[],
        "auth_time":1731333100,
        "amr":["pwd"]}
        "#
    );
}

#[tokio::test]
async fn several_audiences_are_an_array() {
    let two = || vec!["api".to_owned(), "chat".to_owned()];
    let server = TestServer::builder().policy(move |policy| policy.audiences = two()).start();
    let server = server.await;
    let tokens = server.ada().await;
    assert_eq!(tokens.claims()["aud"], json!(["api", "chat"]));
    server.get_as(&tokens.access, "/auth/me").await.assert_status(200);
}

#[tokio::test]
async fn the_foremost_role_goes_by_the_configured_order_and_then_by_name() {
    let roles = |names: &[&str]| -> Vec<RoleName> {
        names.iter().map(|name| RoleName::parse(name).unwrap()).collect()
    };
    for (order, held, foremost) in [
        (&["ADMIN", "SUPERVISOR", "USER"][..], ["USER", "SUPERVISOR"], "SUPERVISOR"),
        (&["USER", "SUPERVISOR"], ["USER", "SUPERVISOR"], "USER"),
        (&["supervisor"], ["USER", "SUPERVISOR"], "SUPERVISOR"),
        (&[], ["USER", "ADMIN"], "ADMIN"),
    ] {
        let (order, held) = (roles(order), roles(&held));
        let server = TestServer::builder().policy(move |policy| policy.role_order = order);
        let server = server.start().await;
        server.put_user(EMAIL, move |user| user.roles = held.into_iter().collect()).await;
        let tokens = server.sign_in(EMAIL).await;
        assert_eq!(tokens.claims()["role"], foremost);
        assert_eq!(tokens.body["user"]["role"], foremost);
    }
}

#[tokio::test]
async fn a_token_lives_as_long_as_it_is_set_to() {
    let server = TestServer::builder()
        .policy(|policy| policy.access_ttl = Duration::from_mins(1))
        .start()
        .await;
    let tokens = server.ada().await;
    assert_eq!(tokens.body["expiresIn"], 60);
    // Our own instances' clocks may differ by ten seconds.
    server.clock.advance(Duration::from_secs(69));
    server.get_as(&tokens.access, "/auth/me").await.assert_status(200);
    server.clock.advance(Duration::from_secs(1));
    let answer = server.get_as(&tokens.access, "/auth/me").await;
    answer.assert_problem(401, "token_expired");
    assert_eq!(
        answer.header("www-authenticate"),
        Some(r#"Bearer realm="doorward", error="invalid_token""#)
    );
}
