//! Tokens of services that have never heard of us, made by the library that most of them use.

use doorward_verify::{SharedSecretClaims, Verifier, VerifyError};
use serde_json::{Value, json};

use super::node::signed_by_jsonwebtoken;
use super::{SECRET, ada_signs_in};
use crate::deployment::Deployment;

const ISSUER: &str = "https://old-auth.example.com";

fn verifier() -> Verifier<SharedSecretClaims> {
    verifier_of(ISSUER)
}

fn verifier_of(issuer: &str) -> Verifier<SharedSecretClaims> {
    Verifier::shared_secret_profile(issuer).shared_secret(SECRET).audience("api").build().unwrap()
}

/// The token that the script calls so.
fn named<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap()
}

#[tokio::test]
async fn the_shared_secret_profile_trusts_tokens_as_other_services_make_them() {
    let tokens = signed_by_jsonwebtoken(&Deployment::new(), SECRET, &json!({})).await;
    let plain = verifier().verify(named(&tokens, "plain")).await.unwrap();
    assert_eq!((plain.sub.as_str(), plain.role.as_deref()), ("user_1", Some("USER")));
    assert_eq!(plain.name.as_deref(), Some("Ada Lovelace"));
    assert_eq!(plain.exp - plain.iat.unwrap(), 900);
    let typed = verifier().verify(named(&tokens, "typed")).await.unwrap();
    assert_eq!((typed.sub.as_str(), typed.kind.as_deref()), ("user_1", Some("access")));
    assert_eq!(typed.username.as_deref(), Some("ada"));
    assert_eq!(typed.email.as_deref(), Some("ada@example.com"));
    assert_eq!(typed.role.as_deref(), Some("USER"));
}

#[tokio::test]
async fn the_shared_secret_profile_refuses_what_is_no_access_token_of_theirs() {
    let deployment = Deployment::new();
    let tokens = signed_by_jsonwebtoken(&deployment, SECRET, &json!({})).await;
    for (name, why) in [("refresh", VerifyError::WrongType), ("expired", VerifyError::Expired)] {
        assert_eq!(verifier().verify(named(&tokens, name)).await, Err(why), "{name}");
    }
    let endless = verifier().verify(named(&tokens, "endless")).await;
    assert!(matches!(endless, Err(VerifyError::Malformed { .. })), "{endless:?}");
    // Our own verifier wants to know more of a token.
    let ordinary = Verifier::builder(ISSUER).audience("api").shared_secret(SECRET);
    let ordinary = ordinary.build().unwrap();
    for name in ["plain", "typed", "refresh", "expired", "endless"] {
        assert!(ordinary.verify(named(&tokens, name)).await.is_err(), "{name}");
    }
}

#[tokio::test]
async fn the_shared_secret_profile_checks_what_a_token_says_of_issuer_and_audience() {
    for (more, expected) in [
        (json!({ "iss": ISSUER, "aud": "api" }), Ok(())),
        (json!({ "iss": ISSUER, "aud": ["web", "api"] }), Ok(())),
        (json!({ "iss": "https://other.example.com" }), Err(VerifyError::WrongIssuer)),
        (json!({ "aud": "web" }), Err(VerifyError::WrongAudience)),
    ] {
        let tokens = signed_by_jsonwebtoken(&Deployment::new(), SECRET, &more).await;
        for name in ["plain", "typed"] {
            let outcome = verifier().verify(named(&tokens, name)).await;
            assert_eq!(outcome.map(drop), expected, "{name} {more}");
        }
    }
}

#[tokio::test]
async fn the_shared_secret_profile_trusts_our_tokens_as_well_and_no_other_secret() {
    let server = Deployment::new().with("JWT_SECRET", SECRET).serve().await;
    let tokens = ada_signs_in(&server).await;
    let claims = verifier_of(&server.url).verify(&tokens.access).await.unwrap();
    assert_eq!(claims.name.as_deref(), Some("Ada Lovelace"));
    assert!(verifier_of(&server.url).verify(&tokens.refresh).await.is_err());

    let theirs = "another secret, of more than 32 bytes too";
    let theirs = signed_by_jsonwebtoken(&Deployment::new(), theirs, &json!({})).await;
    assert_eq!(verifier().verify(named(&theirs, "plain")).await, Err(VerifyError::BadSignature));
}
