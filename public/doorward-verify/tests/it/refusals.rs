//! Every way to forge, bend or misuse a token that we know of, and what it is called. The rows are
//! those of `forgeries`, which the service runs too; here is what only a verifier can be asked.

use std::sync::LazyLock;

use axum::routing::get;
use axum::{Json, Router};
use doorward_verify::{
    AccessClaims, Algorithm, Audience, JwkSet, KeySet, Policy, Verifier, VerifyError, VerifyingKey,
    verify_access_token, verify_revocations,
};
use forgeries::{ISSUER_SECRETS, Key, Scene, forgeries, genuine, trusted_keys};
use serde_json::json;

use crate::signing::{ISSUER, NOW, SECRET, SigningKey, claims};

static TRUSTED: LazyLock<Vec<Key>> = LazyLock::new(trusted_keys);

fn scene(algorithm: Algorithm) -> Scene<'static> {
    Scene::new(json!(claims()), NOW, &TRUSTED, algorithm)
}

fn verify(token: &str, keys: &KeySet) -> Result<AccessClaims, VerifyError> {
    verify_access_token(token, keys, &Policy::new(ISSUER, ["api", "admin"]), NOW)
}

/// What becomes of a well-signed token whose claims have been changed.
fn with_claims(change: impl FnOnce(&mut AccessClaims)) -> Result<AccessClaims, VerifyError> {
    let key = SigningKey::ed25519();
    let mut claims = claims();
    change(&mut claims);
    verify(&key.token(&claims), &key.key_set())
}

fn every_forgery_is_refused_as_what_it_is(algorithm: Algorithm) {
    let scene = scene(algorithm);
    let keys: KeySet = TRUSTED.iter().map(Key::verifying_key).collect();
    for token in genuine(&scene) {
        let verified = verify(&token.token, &keys);
        assert!(verified.is_ok(), "{algorithm} {}: {verified:?}", token.name);
    }
    for forgery in forgeries(&scene) {
        let refused = verify(&forgery.token, &keys);
        assert_eq!(refused, Err(forgery.refusal), "{algorithm} {}", forgery.name);
    }
}

#[test]
fn every_forgery_of_an_rs256_token_is_refused() {
    every_forgery_is_refused_as_what_it_is(Algorithm::RS256);
}

#[test]
fn every_forgery_of_an_es256_token_is_refused() {
    every_forgery_is_refused_as_what_it_is(Algorithm::ES256);
}

#[test]
fn every_forgery_of_an_eddsa_token_is_refused() {
    every_forgery_is_refused_as_what_it_is(Algorithm::EdDsa);
}

#[test]
fn every_forgery_of_an_hs256_token_is_refused() {
    every_forgery_is_refused_as_what_it_is(Algorithm::HS256);
}

/// A verifier that fetches the public keys, shares the secrets, and accepts both.
async fn verifier() -> Verifier {
    let published = JwkSet { keys: TRUSTED.iter().filter_map(|key| key.jwk.clone()).collect() };
    let keys = Router::new().route("/keys", get(move || async move { Json(published) }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, keys).await });
    let builder = Verifier::builder(ISSUER).audience("api").jwks_url(url).clock(|| NOW);
    let [first, second] = ISSUER_SECRETS;
    let builder = builder.without_background_task().shared_secret(first).shared_secret(second);
    builder.build().unwrap()
}

#[tokio::test]
async fn a_verifier_refuses_every_forgery_as_what_it_is() {
    let verifier = verifier().await;
    for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDsa, Algorithm::HS256] {
        let scene = scene(algorithm);
        for token in genuine(&scene) {
            let accepted = verifier.verify(&token.token).await;
            assert!(accepted.is_ok(), "{algorithm} {}: {accepted:?}", token.name);
        }
        for forgery in forgeries(&scene) {
            let refused = verifier.verify(&forgery.token).await;
            assert_eq!(refused, Err(forgery.refusal), "{algorithm} {}", forgery.name);
        }
    }
}

/// Without a secret there is none to try, whatever a token calls it.
#[test]
fn no_public_key_of_a_set_without_secrets_is_one() {
    for key in TRUSTED.iter().filter(|key| !key.algorithm.is_symmetric()) {
        let keys: KeySet = [key.verifying_key()].into_iter().collect();
        let jwk = serde_json::to_string(&key.jwk).unwrap();
        for secret in [jwk.as_bytes(), key.kid.as_bytes(), SECRET] {
            let forger = Key::from_secret(secret);
            for header in [
                json!({ "alg": "HS256", "typ": "at+jwt" }),
                json!({ "alg": "HS256", "kid": key.kid, "typ": "at+jwt" }),
                forger.header(),
            ] {
                let token = forger.compact(header.to_string(), json!(claims()).to_string());
                assert_eq!(verify(&token, &keys), Err(VerifyError::WrongAlgorithm), "{header}");
            }
        }
    }
}

#[test]
fn an_access_token_is_no_list_of_revocations() {
    let key = SigningKey::ed25519();
    let policy = Policy::new(ISSUER, ["api"]);
    let refused = verify_revocations(&key.token(&claims()), &key.key_set(), &policy, NOW);
    assert_eq!(refused, Err(VerifyError::WrongType));
}

#[test]
fn a_token_is_good_from_its_beginning_to_its_end_and_for_the_leeway_around() {
    assert!(with_claims(|claims| claims.exp = NOW - 29).is_ok());
    assert_eq!(with_claims(|claims| claims.exp = NOW - 30), Err(VerifyError::Expired));
    assert!(with_claims(|claims| claims.iat = NOW + 30).is_ok());
    assert_eq!(with_claims(|claims| claims.iat = NOW + 31), Err(VerifyError::NotYetValid));
    assert!(with_claims(|claims| claims.nbf = Some(NOW + 30)).is_ok());
    assert_eq!(with_claims(|claims| claims.nbf = Some(NOW + 31)), Err(VerifyError::NotYetValid));
    assert!(with_claims(|claims| claims.exp = i64::MAX).is_ok());
}

#[test]
fn a_token_is_for_one_of_our_audiences() {
    let many = |names: &[&str]| Audience::Many(names.iter().map(|&name| name.into()).collect());
    assert!(with_claims(|claims| claims.aud = Audience::One("admin".into())).is_ok());
    assert!(with_claims(|claims| claims.aud = many(&["other", "admin"])).is_ok());
    let key = SigningKey::ed25519();
    let nobody = Policy::new(ISSUER, [] as [&str; 0]);
    let refused = verify_access_token(&key.token(&claims()), &key.key_set(), &nobody, NOW);
    assert_eq!(refused, Err(VerifyError::WrongAudience));
}

#[test]
fn a_token_that_is_cut_anywhere_is_refused() {
    let key = SigningKey::ed25519();
    let token = key.token(&claims());
    for length in 0..token.len() {
        assert!(verify(&token[..length], &key.key_set()).is_err(), "cut after {length} bytes");
    }
}

#[test]
fn a_token_that_is_too_long_is_not_read() {
    let key = SigningKey::ed25519();
    let malformed =
        |token: &str| matches!(verify(token, &key.key_set()), Err(VerifyError::Malformed { .. }));
    let mut claims = claims();
    claims.name = Some("n".repeat(11_000));
    assert!(verify(&key.token(&claims), &key.key_set()).is_ok(), "beyond the stack, within bounds");
    claims.name = Some("n".repeat(13_000));
    assert!(malformed(&key.token(&claims)));

    let mut header = key.header();
    header["x"] = json!("x".repeat(2_000));
    let payload = serde_json::to_string(&crate::signing::claims()).unwrap();
    assert!(malformed(&key.compact(&header.to_string(), &payload)));
}

#[test]
fn an_empty_set_accepts_nothing() {
    let secret = VerifyingKey::from_shared_secret(SECRET).unwrap();
    let token = SigningKey::secret(SECRET).token(&claims());
    assert_eq!(verify(&token, &KeySet::new()), Err(VerifyError::WrongAlgorithm));
    assert!(verify(&token, &[secret].into_iter().collect()).is_ok());
}
