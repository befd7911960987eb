//! Sessions that end before their tokens do, and issuers that do not say so.

use std::sync::Arc;

use axum::http::StatusCode;
use doorward_verify::{
    AccessClaims, RevocationClaims, RevocationEntry, RevocationIndex, Revocations, Verifier,
    VerifyError, revocation_digest,
};

use crate::issuer::{Issuer, Outage, REVOCATIONS};
use crate::signing::{NOW, SECRET, SigningKey, claims};

fn session(sid: &str) -> RevocationEntry {
    RevocationEntry::Session { sid: revocation_digest(sid) }
}

fn subject(sub: &str, epoch_below: u64, except: Option<&str>) -> RevocationEntry {
    let except = except.map(revocation_digest);
    RevocationEntry::Subject { sub: revocation_digest(sub), epoch_below, except }
}

/// An issuer, its key, and a verifier that follows its list.
struct Stage {
    key: Arc<SigningKey>,
    issuer: Issuer,
    verifier: Verifier,
}

impl Stage {
    async fn set(mode: Revocations) -> Self {
        let key = Arc::new(SigningKey::ed25519());
        let issuer = Issuer::start(&key).await;
        let verifier = issuer.verifier().revocations(mode).build().unwrap();
        Self { key, issuer, verifier }
    }

    fn publish(&self, seq: u64, entries: Vec<RevocationEntry>) {
        self.issuer.publish_list(&self.key, &self.issuer.list(seq, entries));
    }

    async fn verify(&self, sid: &str) -> Result<(), VerifyError> {
        let claims = AccessClaims { sid: sid.into(), ..self.issuer.claims() };
        self.verifier.verify(&self.key.token(&claims)).await.map(drop)
    }
}

#[test]
fn an_index_answers_as_the_list_says() {
    let index = |entries, all_issued_before| {
        let iss = String::new();
        RevocationIndex::from(RevocationClaims {
            iss,
            iat: NOW,
            exp: NOW + 60,
            seq: 1,
            entries,
            all_issued_before,
        })
    };
    let is_revoked = |entries| index(entries, None).is_revoked(&claims());
    // The claims are of sess_1 of user_1 in epoch 3.
    assert!(!is_revoked(vec![]));
    assert!(is_revoked(vec![session("sess_1")]));
    assert!(!is_revoked(vec![session("sess_2"), session("user_1")]));
    assert!(is_revoked(vec![subject("user_1", 4, None)]));
    assert!(!is_revoked(vec![subject("user_1", 3, None)]));
    assert!(!is_revoked(vec![subject("user_2", 4, None), subject("sess_1", 4, None)]));
    assert!(!is_revoked(vec![subject("user_1", 4, Some("sess_1"))]));
    assert!(is_revoked(vec![subject("user_1", 4, Some("sess_2"))]));
    // A later end of everything includes the session that an earlier one spared.
    let both = vec![subject("user_1", 4, Some("sess_1")), subject("user_1", 5, None)];
    assert!(is_revoked(both));
    assert!(index(vec![], Some(NOW - 59)).is_revoked(&claims()));
    assert!(!index(vec![], Some(NOW - 60)).is_revoked(&claims()));
}

#[tokio::test]
async fn the_first_request_already_knows_who_is_out() {
    for mode in [Revocations::FailOpen, Revocations::FailClosed] {
        let stage = Stage::set(mode).await;
        stage.publish(1, vec![session("ended")]);
        assert_eq!(stage.verify("ended").await, Err(VerifyError::Revoked));
        assert_eq!(stage.verify("other").await, Ok(()));
        assert_eq!(stage.issuer.count(REVOCATIONS), 1);
    }
}

#[tokio::test]
async fn a_service_that_does_not_follow_asks_nobody() {
    let stage = Stage::set(Revocations::Off).await;
    stage.publish(1, vec![session("ended")]);
    stage.verifier.refresh().await;
    assert_eq!(stage.verify("ended").await, Ok(()));
    assert_eq!(stage.issuer.count(REVOCATIONS), 0);
}

#[tokio::test]
async fn an_end_is_known_after_the_next_poll() {
    let stage = Stage::set(Revocations::FailOpen).await;
    stage.publish(1, vec![]);
    assert_eq!(stage.verify("s").await, Ok(()));
    stage.publish(2, vec![session("s")]);
    stage.issuer.clock.advance(5);
    stage.verifier.refresh().await;
    assert_eq!(stage.verify("s").await, Err(VerifyError::Revoked));
}

#[tokio::test]
async fn an_unchanged_list_is_not_sent_again_and_stays() {
    let stage = Stage::set(Revocations::FailClosed).await;
    stage.publish(1, vec![session("ended")]);
    for _ in 0..4 {
        stage.verifier.refresh().await;
        stage.issuer.clock.advance(5);
    }
    assert_eq!(stage.issuer.count_status(REVOCATIONS, 200), 1);
    assert_eq!(stage.issuer.count_status(REVOCATIONS, 304), 3);
    assert_eq!(stage.verify("ended").await, Err(VerifyError::Revoked));
    assert_eq!(stage.verify("other").await, Ok(()));
}

#[tokio::test]
async fn an_unchanged_list_expires_all_the_same() {
    let stage = Stage::set(Revocations::FailClosed).await;
    stage.publish(1, vec![]);
    stage.verifier.refresh().await;
    // Its minute, and the leeway.
    stage.issuer.clock.advance(89);
    assert_eq!(stage.verify("s").await, Ok(()));
    stage.issuer.clock.advance(1);
    assert_eq!(stage.verify("s").await, Err(VerifyError::RevocationsUnavailable));
    assert_eq!(stage.issuer.count_status(REVOCATIONS, 304), 1, "the issuer was asked");

    // Signed anew, with the same entries and number.
    stage.publish(1, vec![]);
    stage.verifier.refresh().await;
    assert_eq!(stage.verify("s").await, Ok(()));
}

#[tokio::test]
async fn fail_open_applies_the_last_list_and_lets_others_in() {
    let stage = Stage::set(Revocations::FailOpen).await;
    stage.publish(1, vec![session("ended")]);
    stage.verifier.refresh().await;
    stage.issuer.fail_with(Outage::Status(StatusCode::BAD_GATEWAY));
    for _ in 0..3 {
        stage.issuer.clock.advance(60);
        stage.verifier.refresh().await;
        assert_eq!(stage.verify("ended").await, Err(VerifyError::Revoked));
        assert_eq!(stage.verify("other").await, Ok(()));
    }
}

#[tokio::test]
async fn fail_open_lets_all_in_if_there_never_was_a_list() {
    let stage = Stage::set(Revocations::FailOpen).await;
    assert_eq!(stage.verify("s").await, Ok(()));
    assert_eq!(stage.verify("s").await, Ok(()));
    assert_eq!(stage.issuer.count(REVOCATIONS), 1, "no request waits for the list again");
}

#[tokio::test]
async fn fail_closed_lets_nobody_in_without_a_valid_list() {
    let stage = Stage::set(Revocations::FailClosed).await;
    assert_eq!(stage.verify("s").await, Err(VerifyError::RevocationsUnavailable));
    assert!(VerifyError::RevocationsUnavailable.is_unavailable());

    stage.publish(1, vec![session("ended")]);
    assert_eq!(stage.verify("s").await, Err(VerifyError::RevocationsUnavailable), "too soon");
    stage.issuer.clock.advance(5);
    assert_eq!(stage.verify("s").await, Ok(()));

    // 89 seconds after the list was signed: its minute, and the leeway.
    stage.issuer.fail_with(Outage::Status(StatusCode::BAD_GATEWAY));
    stage.issuer.clock.advance(84);
    stage.verifier.refresh().await;
    assert_eq!(stage.verify("s").await, Ok(()), "the list is valid still");
    stage.issuer.clock.advance(1);
    assert_eq!(stage.verify("s").await, Err(VerifyError::RevocationsUnavailable));
    assert_eq!(stage.verify("ended").await, Err(VerifyError::Revoked), "that much is certain");
}

#[tokio::test]
async fn an_older_list_does_not_bring_a_session_back() {
    let stage = Stage::set(Revocations::FailClosed).await;
    stage.publish(7, vec![session("ended")]);
    stage.verifier.refresh().await;
    stage.publish(6, vec![]);
    stage.issuer.clock.advance(60);
    stage.verifier.refresh().await;
    assert_eq!(stage.verify("ended").await, Err(VerifyError::Revoked));
    assert_eq!(stage.verify("other").await, Ok(()));
    // It counts as no answer, so the list that we have runs out.
    stage.issuer.clock.advance(30);
    assert_eq!(stage.verify("other").await, Err(VerifyError::RevocationsUnavailable));
}

#[tokio::test]
async fn an_expired_list_is_no_list() {
    let stage = Stage::set(Revocations::FailClosed).await;
    stage.publish(1, vec![session("ended")]);
    stage.issuer.clock.advance(90);
    assert_eq!(stage.verify("other").await, Err(VerifyError::RevocationsUnavailable));
}

#[tokio::test]
async fn a_list_that_is_not_the_issuers_is_no_list() {
    let stage = Stage::set(Revocations::FailClosed).await;
    let list = stage.issuer.list(1, vec![]);
    let forged = |change: fn(&mut RevocationClaims)| {
        let mut list = list.clone();
        change(&mut list);
        stage.issuer.publish_list(&stage.key, &list);
    };
    let attempts: [&dyn Fn(); 6] = [
        &|| stage.issuer.publish_list(&SigningKey::ed25519(), &list),
        &|| stage.issuer.publish_list(&SigningKey::secret(SECRET), &list),
        &|| stage.issuer.publish_text(&stage.issuer.token(&stage.key)),
        &|| stage.issuer.publish_text("nonsense"),
        &|| forged(|list| list.iss.push('/')),
        &|| forged(|list| list.iat += 3_600),
    ];
    for (number, attempt) in attempts.iter().enumerate() {
        attempt();
        stage.verifier.refresh().await;
        let outcome = stage.verify("s").await;
        assert_eq!(outcome, Err(VerifyError::RevocationsUnavailable), "attempt {number}");
    }
    stage.issuer.publish_list(&stage.key, &list);
    stage.verifier.refresh().await;
    assert_eq!(stage.verify("s").await, Ok(()));
}

#[tokio::test]
async fn a_list_under_a_new_key_makes_us_look_for_the_key() {
    let stage = Stage::set(Revocations::FailClosed).await;
    stage.publish(1, vec![]);
    stage.verifier.refresh().await;
    let new = Arc::new(SigningKey::ecdsa());
    stage.issuer.publish_keys(&[&new, &stage.key]);
    let list = stage.issuer.list(2, vec![session("ended")]);
    stage.issuer.publish_list(&new, &list);
    stage.verifier.refresh().await;
    assert_eq!(stage.verify("ended").await, Err(VerifyError::Revoked));
}

#[tokio::test]
async fn a_shared_secret_signs_the_list_too() {
    let key = Arc::new(SigningKey::secret(SECRET));
    let issuer = Issuer::start(&Arc::new(SigningKey::ed25519())).await;
    let verifier = issuer
        .verifier()
        .shared_secret(SECRET)
        .revocations(Revocations::FailClosed)
        .revocations_url(format!("{}{REVOCATIONS}", issuer.url))
        .build()
        .unwrap();
    issuer.publish_list(&key, &issuer.list(1, vec![session("sess_1")]));
    let outcome = verifier.verify(&issuer.token(&key)).await;
    assert_eq!(outcome, Err(VerifyError::Revoked));
}

#[tokio::test]
async fn a_process_that_was_frozen_asks_again_before_it_lets_in() {
    let stage = Stage::set(Revocations::FailOpen).await;
    stage.publish(1, vec![]);
    assert_eq!(stage.verify("s").await, Ok(()));
    stage.issuer.clock.advance(28_800);
    stage.publish(2, vec![session("s")]);
    assert_eq!(stage.verify("s").await, Err(VerifyError::Revoked));
}
