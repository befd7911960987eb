//! Keys over time: found, cached, rotated, removed, and the issuer gone.

use std::sync::Arc;

use axum::http::StatusCode;
use doorward_verify::{BuildVerifierError, ParseKeyError, Verifier, VerifyError};
use tokio::task::JoinSet;

use crate::issuer::{DISCOVERY, Issuer, JWKS, Outage};
use crate::signing::{SECRET, SigningKey};

fn key() -> Arc<SigningKey> {
    Arc::new(SigningKey::ed25519())
}

fn unknown(key: &SigningKey) -> Result<(), VerifyError> {
    Err(VerifyError::UnknownKey { kid: key.kid.clone() })
}

async fn verify(verifier: &Verifier, token: &str) -> Result<(), VerifyError> {
    verifier.verify(token).await.map(drop)
}

#[tokio::test]
async fn the_keys_are_found_through_discovery_and_then_kept() {
    let key = Arc::new(SigningKey::rsa());
    let issuer = Issuer::start(&key).await;
    let verifier = issuer.verifier().build().unwrap();
    for _ in 0..3 {
        assert_eq!(verifier.verify(&issuer.token(&key)).await, Ok(issuer.claims()));
    }
    assert_eq!((issuer.count(DISCOVERY), issuer.count(JWKS)), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_with_a_new_key_cause_one_fetch() {
    let (old, new) = (key(), key());
    let issuer = Issuer::start(&old).await;
    let verifier = issuer.verifier().build().unwrap();
    verify(&verifier, &issuer.token(&old)).await.unwrap();

    issuer.publish_keys(&[&new, &old]);
    issuer.close_gate();
    let token: Arc<str> = issuer.token(&new).into();
    let mut requests = JoinSet::new();
    for _ in 0..64 {
        let (verifier, token) = (verifier.clone(), Arc::clone(&token));
        requests.spawn(async move { verifier.verify(&token).await });
    }
    // Discovery and keys of before, and the one fetch that is held at the gate for all.
    issuer.arrivals(3).await;
    issuer.open_gate();
    assert!(requests.join_all().await.iter().all(Result::is_ok));
    assert_eq!(issuer.count(JWKS), 2);
}

#[tokio::test]
async fn unknown_keys_cause_a_fetch_at_most_every_ten_seconds() {
    let ours = key();
    let issuer = Issuer::start(&ours).await;
    let verifier = issuer.verifier().build().unwrap();
    verify(&verifier, &issuer.token(&ours)).await.unwrap();

    let (first, second) = (key(), key());
    assert_eq!(verify(&verifier, &issuer.token(&first)).await, unknown(&first));
    assert_eq!(issuer.count(JWKS), 2);

    issuer.publish_keys(&[&ours, &second]);
    issuer.clock.advance(9);
    assert_eq!(verify(&verifier, &issuer.token(&second)).await, unknown(&second));
    assert_eq!(issuer.count(JWKS), 2, "the pause is not over");

    issuer.clock.advance(1);
    assert_eq!(verify(&verifier, &issuer.token(&second)).await, Ok(()));
    assert_eq!(issuer.count(JWKS), 3);
}

#[tokio::test]
async fn forged_tokens_without_a_good_shape_cause_no_fetch() {
    let ours = key();
    let issuer = Issuer::start(&ours).await;
    let verifier = issuer.verifier().build().unwrap();
    let forged = SigningKey::secret(SECRET).token(&issuer.claims());
    assert_eq!(verify(&verifier, &forged).await, Err(VerifyError::WrongAlgorithm));
    assert!(verify(&verifier, "no token").await.is_err());
    assert_eq!(issuer.count(DISCOVERY), 0);
}

#[tokio::test]
async fn the_last_keys_serve_on_while_the_issuer_is_down() {
    let old = key();
    let issuer = Issuer::start(&old).await;
    let verifier = issuer.verifier().build().unwrap();
    verify(&verifier, &issuer.token(&old)).await.unwrap();

    for outage in [
        Outage::Status(StatusCode::INTERNAL_SERVER_ERROR),
        Outage::Status(StatusCode::NO_CONTENT),
        Outage::Redirect,
        Outage::Flood,
        Outage::Nonsense,
    ] {
        issuer.fail_with(outage);
        issuer.clock.advance(300);
        let before = issuer.count(JWKS) + issuer.count(DISCOVERY);
        verifier.refresh().await;
        assert_eq!(issuer.count(JWKS) + issuer.count(DISCOVERY), before + 1, "one try");
        assert_eq!(verify(&verifier, &issuer.token(&old)).await, Ok(()));
    }

    // Once it is back, a key that it has removed is gone.
    let new = key();
    issuer.recover();
    issuer.publish_keys(&[&new]);
    verifier.refresh().await;
    assert_eq!(verify(&verifier, &issuer.token(&new)).await, Ok(()));
    assert_eq!(verify(&verifier, &issuer.token(&old)).await, unknown(&old));
}

#[tokio::test]
async fn a_key_that_cannot_be_looked_for_is_no_refusal() {
    let (old, new) = (key(), key());
    let issuer = Issuer::start(&old).await;
    let verifier = issuer.verifier().build().unwrap();
    verify(&verifier, &issuer.token(&old)).await.unwrap();

    issuer.publish_keys(&[&new]);
    issuer.fail_with(Outage::Status(StatusCode::BAD_GATEWAY));
    let outcome = verify(&verifier, &issuer.token(&new)).await;
    assert_eq!(outcome, Err(VerifyError::KeysUnavailable));
    assert!(outcome.unwrap_err().is_unavailable());

    issuer.recover();
    issuer.clock.advance(10);
    assert_eq!(verify(&verifier, &issuer.token(&new)).await, Ok(()));
}

#[tokio::test]
async fn an_issuer_may_come_up_after_its_services() {
    let key = key();
    let issuer = Issuer::start(&key).await;
    issuer.fail_with(Outage::Status(StatusCode::SERVICE_UNAVAILABLE));
    let verifier = issuer.verifier().build().unwrap();
    let token = issuer.token(&key);
    assert_eq!(verify(&verifier, &token).await, Err(VerifyError::KeysUnavailable));

    issuer.recover();
    assert_eq!(verify(&verifier, &token).await, Err(VerifyError::KeysUnavailable), "too soon");
    issuer.clock.advance(1);
    assert_eq!(verify(&verifier, &token).await, Ok(()));
}

#[tokio::test]
async fn nobody_listening_is_no_refusal_either() {
    let key = key();
    let issuer = Issuer::start(&key).await;
    // Bound, so that nobody else gets the port, and closed before anybody asks.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    drop(listener);
    let verifier = issuer.verifier().jwks_url(url).build().unwrap();
    let outcome = verify(&verifier, &issuer.token(&key)).await;
    assert_eq!(outcome, Err(VerifyError::KeysUnavailable));
}

#[tokio::test]
async fn a_discovery_document_of_another_issuer_is_not_believed() {
    let key = key();
    let issuer = Issuer::start(&key).await;
    issuer.name_issuer(&format!("{}/", issuer.url));
    let verifier = issuer.verifier().build().unwrap();
    let outcome = verify(&verifier, &issuer.token(&key)).await;
    assert_eq!(outcome, Err(VerifyError::KeysUnavailable));
    assert_eq!(issuer.count(JWKS), 0);
}

#[tokio::test]
async fn a_named_key_set_needs_no_discovery() {
    let key = key();
    let issuer = Issuer::start(&key).await;
    let verifier = issuer.verifier().jwks_url(format!("{}{JWKS}", issuer.url)).build().unwrap();
    assert_eq!(verify(&verifier, &issuer.token(&key)).await, Ok(()));
    assert_eq!(issuer.count(DISCOVERY), 0);
}

#[tokio::test]
async fn the_stated_age_is_kept_between_a_minute_and_an_hour() {
    let key = key();
    for (cache_control, seconds) in [("max-age=1", 60), ("max-age=86400", 3_600), ("public", 300)] {
        let issuer = Issuer::start(&key).await;
        issuer.cache_for(cache_control);
        let verifier = issuer.verifier().build().unwrap();
        verifier.refresh().await;
        issuer.clock.advance(seconds - 1);
        verifier.refresh().await;
        assert_eq!(issuer.count(JWKS), 1, "{cache_control}");
        issuer.clock.advance(1);
        verifier.refresh().await;
        assert_eq!(issuer.count(JWKS), 2, "{cache_control}");
    }
}

#[tokio::test]
async fn keys_that_nobody_refreshes_are_fetched_by_the_next_request() {
    let (old, new) = (key(), key());
    let issuer = Issuer::start(&old).await;
    let verifier = issuer.verifier().build().unwrap();
    let token = issuer.token(&old);
    verify(&verifier, &token).await.unwrap();

    // As after a night in which the process was frozen.
    issuer.publish_keys(&[&new]);
    issuer.clock.advance(30_000);
    assert_eq!(verify(&verifier, &token).await, unknown(&old));
}

#[tokio::test]
async fn keys_that_are_due_do_not_make_requests_wait() {
    let key = key();
    let issuer = Issuer::start(&key).await;
    let verifier = issuer.verifier().build().unwrap();
    let token = issuer.token(&key);
    verify(&verifier, &token).await.unwrap();
    issuer.clock.advance(329);
    assert_eq!(verify(&verifier, &token).await, Ok(()));
    assert_eq!(issuer.count(JWKS), 1, "this is for the background task");
    issuer.clock.advance(1);
    assert_eq!(verify(&verifier, &token).await, Ok(()));
    assert_eq!(issuer.count(JWKS), 2, "which does not seem to run");
}

#[tokio::test]
async fn a_caller_who_hangs_up_does_not_end_the_fetch_of_the_others() {
    let key = key();
    let issuer = Issuer::start(&key).await;
    let verifier = issuer.verifier().build().unwrap();
    let token = issuer.token(&key);
    issuer.close_gate();

    let impatient = tokio::spawn({
        let (verifier, token) = (verifier.clone(), token.clone());
        async move { verifier.verify(&token).await }
    });
    issuer.arrivals(1).await;
    impatient.abort();
    assert!(impatient.await.unwrap_err().is_cancelled());

    let patient = tokio::spawn(async move { verifier.verify(&token).await });
    tokio::task::yield_now().await;
    issuer.open_gate();
    assert!(patient.await.unwrap().is_ok());
    assert_eq!((issuer.count(DISCOVERY), issuer.count(JWKS)), (1, 1));
}

#[tokio::test]
async fn a_shared_secret_needs_no_network() {
    let key = SigningKey::secret(SECRET);
    let issuer = Issuer::start(&Arc::new(SigningKey::ed25519())).await;
    let verifier = issuer.verifier().shared_secret([9; 32]).shared_secret(SECRET).build().unwrap();
    verifier.refresh().await;
    assert_eq!(verify(&verifier, &issuer.token(&key)).await, Ok(()));
    let stranger = SigningKey::ed25519();
    assert_eq!(verify(&verifier, &issuer.token(&stranger)).await, unknown(&stranger));
    assert_eq!(issuer.count(DISCOVERY), 0);
}

#[tokio::test]
async fn secrets_and_published_keys_may_stand_side_by_side() {
    let (public, secret) = (key(), SigningKey::secret(SECRET));
    let issuer = Issuer::start(&public).await;
    let url = format!("{}{JWKS}", issuer.url);
    let verifier = issuer.verifier().shared_secret(SECRET).jwks_url(url).build().unwrap();
    for _ in 0..2 {
        assert_eq!(verify(&verifier, &issuer.token(&secret)).await, Ok(()));
        assert_eq!(verify(&verifier, &issuer.token(&public)).await, Ok(()));
    }
}

#[tokio::test]
async fn a_client_that_follows_redirects_does_not_make_us_follow_them() {
    let key = key();
    let issuer = Issuer::start(&key).await;
    issuer.fail_with(Outage::Redirect);
    let client = reqwest::Client::builder().tls_certs_only([]).build().unwrap();
    let url = format!("{}{JWKS}", issuer.url);
    let verifier = issuer.verifier().jwks_url(url).client(client).build().unwrap();
    let outcome = verify(&verifier, &issuer.token(&key)).await;
    assert_eq!(outcome, Err(VerifyError::KeysUnavailable));
}

#[tokio::test]
async fn an_endless_key_set_is_not_read_to_its_end() {
    let key = key();
    let issuer = Issuer::start(&key).await;
    issuer.fail_with(Outage::Flood);
    let verifier = issuer.verifier().jwks_url(format!("{}{JWKS}", issuer.url)).build().unwrap();
    let outcome = verify(&verifier, &issuer.token(&key)).await;
    assert_eq!(outcome, Err(VerifyError::KeysUnavailable));
}

#[tokio::test]
async fn the_background_task_fetches_the_keys_unasked() {
    let key = key();
    let issuer = Issuer::start(&key).await;
    let clock = issuer.clock.clone();
    let verifier =
        Verifier::builder(&issuer.url).audience("api").clock(move || clock.now()).build().unwrap();
    while issuer.count(JWKS) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(verify(&verifier, &issuer.token(&key)).await, Ok(()));
    assert_eq!(issuer.count(JWKS), 1);
}

#[test]
fn a_description_with_a_mistake_is_refused() {
    let build =
        |issuer: &str| Verifier::builder(issuer).audience("api").without_background_task().build();
    for issuer in [
        "auth.example.com",
        "ftp://auth.example.com",
        "https://auth.example.com?x",
        "https://auth.example.com#x",
        "https://me:secret@auth.example.com",
        "",
    ] {
        assert!(
            matches!(build(issuer), Err(BuildVerifierError::Url { what: "issuer" })),
            "{issuer}"
        );
    }
    let builder = || Verifier::builder("http://127.0.0.1:9").without_background_task();
    assert!(matches!(builder().build(), Err(BuildVerifierError::NoAudience)));
    let short = builder().audience("api").shared_secret("short").shared_secret(SECRET).build();
    assert!(matches!(short, Err(BuildVerifierError::Secret(ParseKeyError::SecretTooShort))));
    let url = builder().audience("api").jwks_url("keys.json").build();
    assert!(matches!(url, Err(BuildVerifierError::Url { what: "jwks_url" })));
    let outside = Verifier::builder("http://127.0.0.1:9").audience("api").build();
    assert!(matches!(outside, Err(BuildVerifierError::NoRuntime)));
}
