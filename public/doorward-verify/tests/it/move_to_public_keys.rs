//! The way from a shared secret to public keys, and the figures that lead along it.

use std::sync::Arc;

use doorward_verify::{
    Algorithm, BuildVerifierError, RefusalKind, Verifier, VerifierBuilder, VerifyError,
};

use crate::issuer::{DISCOVERY, Issuer, JWKS};
use crate::signing::{SECRET, SigningKey};

async fn verify(verifier: &Verifier, token: &str) -> Result<(), VerifyError> {
    verifier.verify(token).await.map(drop)
}

#[tokio::test]
async fn the_move_from_a_secret_to_public_keys_refuses_no_token() {
    let (secret, public) = (SigningKey::secret(SECRET), Arc::new(SigningKey::rsa()));
    let issuer = Issuer::start(&public).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, SECRET).unwrap();
    let settings = || -> VerifierBuilder { issuer.verifier().shared_secret_file(&file) };

    // Before: nothing but the secret, and nothing is fetched.
    let before = settings().build().unwrap();
    assert_eq!(verify(&before, &issuer.token(&secret)).await, Ok(()));
    assert_eq!(issuer.count(DISCOVERY), 0);

    // First, the verifiers accept both; the issuer still signs with the secret.
    let both = settings().algorithms([Algorithm::RS256, Algorithm::HS256]).build().unwrap();
    let last_with_secret = issuer.token(&secret);
    assert_eq!(verify(&both, &last_with_secret).await, Ok(()));
    assert_eq!(both.tokens_seen().accepted(Algorithm::HS256), 1);
    assert_eq!(both.tokens_seen().accepted(Algorithm::RS256), 0);

    // Then the issuer switches over. What it has signed before is good until it expires.
    let first_with_key = issuer.token(&public);
    for token in [&first_with_key, &last_with_secret, &first_with_key] {
        assert_eq!(verify(&both, token).await, Ok(()));
    }
    let then = both.tokens_seen();
    assert_eq!((then.accepted(Algorithm::HS256), then.accepted(Algorithm::RS256)), (2, 2));

    // When that number stands still for as long as tokens live, HS256 goes.
    let after = settings().algorithms([Algorithm::RS256]).build().unwrap();
    assert_eq!(verify(&after, &first_with_key).await, Ok(()));
    assert_eq!(verify(&after, &last_with_secret).await, Err(VerifyError::UnacceptedAlgorithm));
    let seen = after.tokens_seen();
    assert_eq!((seen.accepted(Algorithm::HS256), seen.accepted(Algorithm::RS256)), (0, 1));
    assert_eq!(seen.refused(RefusalKind::UnacceptedAlgorithm), 1);

    // The secret may be deleted before the settings that name it.
    std::fs::remove_file(&file).unwrap();
    issuer.clock.advance(300);
    after.refresh().await;
    assert_eq!(verify(&after, &first_with_key).await, Ok(()));
}

#[tokio::test]
async fn an_algorithm_that_is_switched_off_is_refused_with_its_key_at_hand() {
    let (ecdsa, ed25519) = (Arc::new(SigningKey::ecdsa()), Arc::new(SigningKey::ed25519()));
    let issuer = Issuer::start(&ecdsa).await;
    issuer.publish_keys(&[&ecdsa, &ed25519]);
    let verifier = issuer.verifier().algorithms([Algorithm::ES256]).build().unwrap();
    assert_eq!(verify(&verifier, &issuer.token(&ecdsa)).await, Ok(()));
    for refused in [&issuer.token(&ed25519), &issuer.token(&SigningKey::secret(SECRET))] {
        assert_eq!(verify(&verifier, refused).await, Err(VerifyError::UnacceptedAlgorithm));
    }
    assert_eq!(issuer.count(JWKS), 1, "no other key would help");
}

#[tokio::test]
async fn a_secret_alone_needs_no_key_set() {
    let issuer = Issuer::start(&Arc::new(SigningKey::ed25519())).await;
    let url = format!("{}{JWKS}", issuer.url);
    let builder = issuer.verifier().jwks_url(url).shared_secret(SECRET);
    let verifier = builder.algorithms([Algorithm::HS256]).build().unwrap();
    verifier.refresh().await;
    assert_eq!(verify(&verifier, &issuer.token(&SigningKey::secret(SECRET))).await, Ok(()));
    assert_eq!(issuer.count(JWKS), 0);
}

#[test]
fn algorithms_that_nothing_can_come_of_are_a_mistake() {
    let builder =
        || Verifier::builder("http://127.0.0.1:9").audience("api").without_background_task();
    let none = builder().algorithms([]).build();
    assert!(matches!(none, Err(BuildVerifierError::NoAlgorithm)));
    let no_secret = builder().algorithms([Algorithm::RS256, Algorithm::HS256]).build();
    assert!(matches!(no_secret, Err(BuildVerifierError::NoSecret)));
}

#[tokio::test]
async fn each_token_is_counted_once_and_by_all_clones_together() {
    let (ours, stranger) = (Arc::new(SigningKey::ed25519()), SigningKey::ed25519());
    let issuer = Issuer::start(&ours).await;
    let verifier = issuer.verifier().build().unwrap();
    let mut claims = issuer.claims();
    let good = ours.token(&claims);
    claims.aud = doorward_verify::Audience::One("x".into());
    let misplaced = ours.token(&claims);
    claims.exp = issuer.clock.now() - 31;
    claims.aud = issuer.claims().aud;
    let expired = ours.token(&claims);

    for token in [&good, &good, &misplaced, &expired, &stranger.token(&claims), "x"] {
        let _ = verify(&verifier.clone(), token).await;
    }
    let seen = verifier.tokens_seen();
    assert_eq!(Algorithm::ALL.map(|algorithm| seen.accepted(algorithm)), [0, 0, 2, 0]);
    let refused = RefusalKind::ALL.map(|kind| (kind.name(), seen.refused(kind)));
    assert_eq!(
        refused,
        [
            ("malformed", 1),
            ("unaccepted_algorithm", 0),
            ("untrusted", 1),
            ("misplaced", 1),
            ("untimely", 1),
            ("revoked", 0),
            ("unavailable", 0),
        ]
    );
}
