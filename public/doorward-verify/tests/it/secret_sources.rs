//! Shared secrets over time: read where they are kept, replaced, delayed, and gone.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use doorward_verify::{
    BoxError, SharedSecret, SharedSecretClaims, Verifier, VerifierBuilder, VerifyError,
};
use serde_json::json;
use tokio::time::Instant;

use crate::issuer::{DISCOVERY, Issuer, JWKS};
use crate::log::Log;
use crate::signing::{NOW, SECRET, SigningKey, claims};

const OLD: &[u8] = b"the old secret, of thirty-two bytes or so";
const NEW: &[u8] = b"the new secret, of thirty-two bytes or so";

/// A place that keeps secrets, can fail or hang, and counts who asks.
#[derive(Clone, Default)]
struct Place(Arc<PlaceState>);

#[derive(Default)]
struct PlaceState {
    behaviour: Mutex<Behaviour>,
    readings: AtomicUsize,
}

#[derive(Clone, Default)]
enum Behaviour {
    #[default]
    Fails,
    Hangs,
    Panics,
    Keeps(Vec<&'static [u8]>),
}

impl Place {
    fn with(secrets: &[&'static [u8]]) -> Self {
        let place = Self::default();
        place.keep(secrets);
        place
    }

    fn keep(&self, secrets: &[&'static [u8]]) {
        self.become_one_that(Behaviour::Keeps(secrets.to_vec()));
    }

    fn become_one_that(&self, behaviour: Behaviour) {
        *self.0.behaviour.lock().unwrap_or_else(PoisonError::into_inner) = behaviour;
    }

    fn readings(&self) -> usize {
        self.0.readings.load(Ordering::SeqCst)
    }

    async fn read(self) -> Result<Vec<SharedSecret>, BoxError> {
        self.0.readings.fetch_add(1, Ordering::SeqCst);
        let behaviour = self.0.behaviour.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match behaviour {
            Behaviour::Fails => Err("the place is closed".into()),
            Behaviour::Hangs => std::future::pending().await,
            Behaviour::Panics => panic!("the place is on fire"),
            Behaviour::Keeps(secrets) => Ok(secrets.into_iter().map(SharedSecret::from).collect()),
        }
    }
}

async fn start() -> Issuer {
    Issuer::start(&Arc::new(SigningKey::ed25519())).await
}

fn following(issuer: &Issuer, place: &Place) -> VerifierBuilder {
    let place = place.clone();
    issuer.verifier().shared_secrets_from(move || place.clone().read())
}

async fn verify(verifier: &Verifier, token: &str) -> Result<(), VerifyError> {
    verifier.verify(token).await.map(drop)
}

/// An issuer that reads the new secret at some moment, and signs with it 15 minutes later.
struct Rotation {
    old: SigningKey,
    new: SigningKey,
    signs_with_new_at: i64,
}

impl Rotation {
    fn of_issuer_that_reads_at(moment: i64) -> Self {
        let (old, new) = (SigningKey::secret(OLD), SigningKey::secret(NEW));
        Self { old, new, signs_with_new_at: moment + 900 }
    }

    /// A token that lives for 20 minutes, as the issuer signs it now; with its `kid`, and as makers
    /// do that name no key.
    fn tokens(&self, issuer: &Issuer) -> [String; 2] {
        let now = issuer.clock.now();
        let key = if now < self.signs_with_new_at { &self.old } else { &self.new };
        let claims = doorward_verify::AccessClaims { exp: now + 1_200, ..issuer.claims() };
        let payload = serde_json::to_string(&claims).unwrap();
        [key.token(&claims), key.compact(r#"{"alg":"HS256","typ":"at+jwt"}"#, &payload)]
    }
}

/// Who reads the new secret when, in seconds; and whether anybody polls in the background.
async fn rotate(issuer_reads_at: i64, verifier_reads_at: i64, is_polled: bool) {
    let issuer = start().await;
    let place = Place::with(&[OLD]);
    let verifier = following(&issuer, &place).build().unwrap();
    let rotation = Rotation::of_issuer_that_reads_at(NOW + issuer_reads_at);
    verifier.refresh().await;
    let mut living = VecDeque::new();
    while issuer.clock.now() < NOW + 3_600 {
        let now = issuer.clock.now();
        if now >= NOW + verifier_reads_at {
            place.keep(&[NEW]);
        }
        if is_polled {
            verifier.refresh().await;
        }
        living.push_back((now + 1_200, rotation.tokens(&issuer)));
        living.retain(|(expires_at, _)| *expires_at > now);
        for token in living.iter().flat_map(|(_, tokens)| tokens) {
            let elapsed = now - NOW;
            let outcome = verify(&verifier, token).await;
            assert_eq!(outcome, Ok(()), "{issuer_reads_at} {verifier_reads_at} at {elapsed}");
        }
        issuer.clock.advance(20);
    }
    // In the end the old secret is worth nothing.
    let old = issuer.token(&rotation.old);
    assert_eq!(verify(&verifier, &old).await, Err(VerifyError::BadSignature));
}

#[tokio::test]
async fn no_token_is_refused_when_the_issuer_reads_the_new_secret_first() {
    for verifier_reads_at in [20, 60, 840] {
        rotate(0, verifier_reads_at, true).await;
    }
    // Even at the last moment, and with nobody who polls: the first new token makes us look.
    rotate(0, 900, true).await;
    rotate(0, 900, false).await;
}

#[tokio::test]
async fn no_token_is_refused_when_the_verifier_reads_the_new_secret_first() {
    for issuer_reads_at in [60, 240] {
        rotate(issuer_reads_at, 0, true).await;
        rotate(issuer_reads_at, 0, false).await;
    }
}

#[tokio::test]
async fn secrets_are_read_at_the_first_use_and_then_every_minute() {
    let issuer = start().await;
    let place = Place::with(&[SECRET]);
    let verifier = following(&issuer, &place).build().unwrap();
    assert_eq!(place.readings(), 0);
    let token = issuer.token(&SigningKey::secret(SECRET));
    for _ in 0..3 {
        assert_eq!(verify(&verifier, &token).await, Ok(()));
    }
    assert_eq!(place.readings(), 1);
    issuer.clock.advance(59);
    verifier.refresh().await;
    assert_eq!(place.readings(), 1);
    issuer.clock.advance(1);
    verifier.refresh().await;
    assert_eq!(place.readings(), 2);
    // Without a background task a request reads, half a minute later.
    issuer.clock.advance(89);
    assert_eq!(verify(&verifier, &token).await, Ok(()));
    assert_eq!(place.readings(), 2);
    issuer.clock.advance(1);
    assert_eq!(verify(&verifier, &token).await, Ok(()));
    assert_eq!(place.readings(), 3);
    assert_eq!(issuer.count(DISCOVERY), 0);
}

#[tokio::test]
async fn the_background_task_reads_the_secrets_unasked() {
    let place = Place::with(&[SECRET]);
    let source = place.clone();
    let verifier = Verifier::shared_secret_profile("auth")
        .shared_secrets_from(move || source.clone().read())
        .clock(|| NOW)
        .build()
        .unwrap();
    while place.readings() == 0 {
        tokio::task::yield_now().await;
    }
    let token = SigningKey::secret(SECRET)
        .compact(r#"{"alg":"HS256"}"#, &json!({ "sub": "user_1", "exp": NOW + 60 }).to_string());
    let claims: SharedSecretClaims = verifier.verify(&token).await.unwrap();
    assert_eq!((claims.sub.as_str(), place.readings()), ("user_1", 1));
}

#[tokio::test]
async fn a_token_under_an_unknown_secret_makes_us_look_once_in_ten_seconds() {
    let issuer = start().await;
    let place = Place::with(&[OLD]);
    let verifier = following(&issuer, &place).build().unwrap();
    let (old, new) = (SigningKey::secret(OLD), SigningKey::secret(NEW));
    assert_eq!(verify(&verifier, &issuer.token(&old)).await, Ok(()));

    for _ in 0..3 {
        let refused = verify(&verifier, &issuer.token(&new)).await;
        assert_eq!(refused, Err(VerifyError::BadSignature));
    }
    assert_eq!(place.readings(), 2);
    place.keep(&[NEW]);
    issuer.clock.advance(9);
    assert_eq!(
        verify(&verifier, &issuer.token(&new)).await,
        Err(VerifyError::BadSignature),
        "the pause is not over"
    );
    issuer.clock.advance(1);
    assert_eq!(verify(&verifier, &issuer.token(&new)).await, Ok(()));
    assert_eq!(verify(&verifier, &issuer.token(&old)).await, Ok(()), "its time is not over");
    assert_eq!(place.readings(), 3);
}

#[tokio::test]
async fn a_token_that_names_a_secret_of_ours_has_been_judged() {
    let issuer = start().await;
    let place = Place::with(&[SECRET]);
    let verifier = following(&issuer, &place).build().unwrap();
    let key = SigningKey::secret(SECRET);
    assert_eq!(verify(&verifier, &issuer.token(&key)).await, Ok(()));
    let payload = serde_json::to_string(&issuer.claims()).unwrap();
    let forged = SigningKey::secret(NEW).compact(&key.header().to_string(), &payload);
    assert_eq!(verify(&verifier, &forged).await, Err(VerifyError::BadSignature));
    assert!(verify(&verifier, "no token").await.is_err());
    assert_eq!(place.readings(), 1);
}

#[tokio::test]
async fn many_requests_with_a_new_secret_cause_one_reading() {
    let issuer = start().await;
    let place = Place::with(&[OLD]);
    let verifier = following(&issuer, &place).build().unwrap();
    assert_eq!(verify(&verifier, &issuer.token(&SigningKey::secret(OLD))).await, Ok(()));
    place.keep(&[NEW]);
    let token: Arc<str> = issuer.token(&SigningKey::secret(NEW)).into();
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (verifier, token) = (verifier.clone(), Arc::clone(&token));
        requests.spawn(async move { verifier.verify(&token).await });
    }
    assert!(requests.join_all().await.iter().all(Result::is_ok));
    assert_eq!(place.readings(), 2);
}

#[tokio::test]
async fn a_secret_that_is_gone_verifies_until_its_grace_is_over() {
    let issuer = start().await;
    let place = Place::with(&[OLD]);
    let builder = following(&issuer, &place).shared_secret_grace(Duration::from_mins(5));
    let verifier = builder.build().unwrap();
    let token = issuer.token(&SigningKey::secret(OLD));
    assert_eq!(verify(&verifier, &token).await, Ok(()));

    place.keep(&[NEW]);
    issuer.clock.advance(60);
    verifier.refresh().await;
    issuer.clock.advance(299);
    verifier.refresh().await;
    assert_eq!(verify(&verifier, &token).await, Ok(()));

    // Readings that fail do not prolong it.
    place.become_one_that(Behaviour::Fails);
    issuer.clock.advance(61);
    verifier.refresh().await;
    assert_eq!(verify(&verifier, &token).await, Err(VerifyError::KeysUnavailable));
    assert_eq!(verify(&verifier, &issuer.token(&SigningKey::secret(NEW))).await, Ok(()));

    // Back where it is kept, it stays.
    place.keep(&[NEW, OLD]);
    issuer.clock.advance(10);
    assert_eq!(verify(&verifier, &token).await, Ok(()));
    issuer.clock.advance(3_600);
    verifier.refresh().await;
    assert_eq!(verify(&verifier, &token).await, Ok(()));
}

#[tokio::test]
async fn a_place_that_fails_takes_nothing_away_and_is_logged_once() {
    let (log, _guard) = Log::start();
    let issuer = start().await;
    let place = Place::with(&[OLD]);
    let verifier = following(&issuer, &place).build().unwrap();
    let (old, new) = (SigningKey::secret(OLD), SigningKey::secret(NEW));
    assert_eq!(verify(&verifier, &issuer.token(&old)).await, Ok(()));

    let short: &[u8] = b"the new secret, too short";
    for behaviour in [
        Behaviour::Fails,
        Behaviour::Panics,
        Behaviour::Keeps(vec![]),
        Behaviour::Keeps(vec![NEW, short]),
    ] {
        place.become_one_that(behaviour);
        issuer.clock.advance(60);
        verifier.refresh().await;
        assert_eq!(verify(&verifier, &issuer.token(&old)).await, Ok(()));
        // It may be the new secret that we could not read.
        let outcome = verify(&verifier, &issuer.token(&new)).await;
        assert_eq!(outcome, Err(VerifyError::KeysUnavailable));
    }
    assert_eq!(log.count("the shared secrets cannot be read"), 1, "{}", log.text());
    assert_eq!(log.count("the place is closed"), 1, "{}", log.text());

    place.keep(&[NEW]);
    issuer.clock.advance(60);
    verifier.refresh().await;
    assert_eq!(verify(&verifier, &issuer.token(&new)).await, Ok(()));
    assert_eq!(log.count("the shared secrets are read again"), 1, "{}", log.text());
    let shown = format!("{}{verifier:?}", log.text());
    assert!(!shown.contains("secret, "), "{shown}");
}

#[tokio::test]
async fn a_service_may_come_up_before_its_secret() {
    let issuer = start().await;
    let place = Place::default();
    let verifier = following(&issuer, &place).build().unwrap();
    let token = issuer.token(&SigningKey::secret(SECRET));
    assert_eq!(verify(&verifier, &token).await, Err(VerifyError::KeysUnavailable));
    place.keep(&[SECRET]);
    assert_eq!(verify(&verifier, &token).await, Err(VerifyError::KeysUnavailable), "too soon");
    issuer.clock.advance(1);
    assert_eq!(verify(&verifier, &token).await, Ok(()));
}

/// Time is stopped here, and goes on when all wait for it.
#[tokio::test(start_paused = true)]
async fn a_place_that_hangs_holds_a_request_for_three_seconds_at_most() {
    let place = Place::default();
    place.become_one_that(Behaviour::Hangs);
    let source = place.clone();
    let clock = Arc::new(std::sync::atomic::AtomicI64::new(NOW));
    let now = Arc::clone(&clock);
    let verifier = Verifier::builder("http://127.0.0.1:9")
        .audience("api")
        .shared_secret(OLD)
        .shared_secrets_from(move || source.clone().read())
        .without_background_task()
        .clock(move || now.load(Ordering::SeqCst))
        .build()
        .unwrap();
    let claims = doorward_verify::AccessClaims { iss: "http://127.0.0.1:9".into(), ..claims() };
    let (known, unknown) =
        (SigningKey::secret(OLD).token(&claims), SigningKey::secret(NEW).token(&claims));
    let begun = Instant::now();
    assert_eq!(verify(&verifier, &known).await, Ok(()));
    assert_eq!(begun.elapsed(), Duration::ZERO, "who needs nothing waits for nothing");

    // All who come during a reading wait for it, and for no second one.
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (verifier, token) = (verifier.clone(), unknown.clone());
        requests.spawn(async move { verifier.verify(&token).await.map(drop) });
    }
    let outcomes = requests.join_all().await;
    assert!(outcomes.iter().all(|outcome| *outcome == Err(VerifyError::KeysUnavailable)));
    assert!(begun.elapsed() <= Duration::from_millis(3_010), "{:?}", begun.elapsed());
    assert_eq!(place.readings(), 1);

    // Meanwhile, and whenever it is due, requests that need nothing are let in at once.
    let refreshing = tokio::spawn({
        let verifier = verifier.clone();
        clock.fetch_add(60, Ordering::SeqCst);
        async move { verifier.refresh().await }
    });
    while place.readings() < 2 {
        tokio::task::yield_now().await;
    }
    let begun = Instant::now();
    assert_eq!(verify(&verifier, &known).await, Ok(()));
    assert_eq!(begun.elapsed(), Duration::ZERO);
    refreshing.await.unwrap();

    place.keep(&[NEW]);
    clock.fetch_add(10, Ordering::SeqCst);
    assert_eq!(verify(&verifier, &unknown).await, Ok(()));
}

#[tokio::test]
async fn a_place_that_fails_does_not_concern_public_keys() {
    let public = Arc::new(SigningKey::ed25519());
    let issuer = Issuer::start(&public).await;
    let place = Place::default();
    let url = format!("{}{JWKS}", issuer.url);
    let verifier = following(&issuer, &place).jwks_url(url).build().unwrap();
    assert_eq!(verify(&verifier, &issuer.token(&public)).await, Ok(()));
    assert_eq!(place.readings(), 0);
    let stranger = SigningKey::ed25519();
    let refused = verify(&verifier, &issuer.token(&stranger)).await;
    assert_eq!(refused, Err(VerifyError::UnknownKey { kid: stranger.kid.clone() }));
    let secret = SigningKey::secret(SECRET);
    let outcome = verify(&verifier, &issuer.token(&secret)).await;
    assert_eq!(outcome, Err(VerifyError::KeysUnavailable));
    place.keep(&[SECRET]);
    issuer.clock.advance(1);
    for key in [&secret, &*public, &secret] {
        assert_eq!(verify(&verifier, &issuer.token(key)).await, Ok(()));
    }
}

#[tokio::test]
async fn a_file_is_followed_when_it_is_replaced() {
    let issuer = start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let write = |text: &[u8]| {
        // As deployments do it: another file takes its name.
        let next = folder.path().join("next");
        std::fs::write(&next, text).unwrap();
        std::fs::rename(&next, &file).unwrap();
    };
    let verifier = issuer.verifier().shared_secret_file(&file).build().unwrap();
    let (old, new) = (SigningKey::secret(OLD), SigningKey::secret(NEW));
    let first = verify(&verifier, &issuer.token(&old)).await;
    assert_eq!(first, Err(VerifyError::KeysUnavailable), "there is no file yet");

    write(&[OLD, b"\n"].concat());
    issuer.clock.advance(1);
    assert_eq!(verify(&verifier, &issuer.token(&old)).await, Ok(()));

    let text = std::str::from_utf8(NEW).unwrap();
    write(json!({ "JWT_SECRET": text, "port": 3000 }).to_string().as_bytes());
    assert_eq!(verify(&verifier, &issuer.token(&new)).await, Ok(()));
    assert_eq!(verify(&verifier, &issuer.token(&old)).await, Ok(()));
    issuer.clock.advance(60);
    verifier.refresh().await;
    issuer.clock.advance(2_400);
    verifier.refresh().await;
    assert_eq!(verify(&verifier, &issuer.token(&new)).await, Ok(()));
    assert_eq!(verify(&verifier, &issuer.token(&old)).await, Err(VerifyError::BadSignature));
}

#[tokio::test]
async fn a_file_that_holds_no_secret_is_named_in_the_log_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwt");
    let too_long = "s3cret".repeat(20_000);
    for (content, why) in [
        (&b"{\"JWT_SECRET\": s3cret}"[..], "looks like a JSON object"),
        (b"{\"SECRET\": \"s3cret\"}", "neither JWT_SECRET nor JWT_ACCESS_SECRET"),
        (b"s3cret \xff", "it is not UTF-8"),
        (b"s3cret", "at least 32 bytes"),
        (too_long.as_bytes(), "more than 65536 bytes"),
    ] {
        let (log, _guard) = Log::start();
        let issuer = start().await;
        std::fs::write(&file, content).unwrap();
        let verifier = issuer.verifier().shared_secret_file(&file).build().unwrap();
        let outcome = verify(&verifier, &issuer.token(&SigningKey::secret(SECRET))).await;
        assert_eq!(outcome, Err(VerifyError::KeysUnavailable));
        assert_eq!(log.count(why), 1, "{why}: {}", log.text());
        assert!(!log.text().contains("s3cret"), "{}", log.text());
    }
    let (log, _guard) = Log::start();
    let issuer = start().await;
    let verifier = issuer.verifier().shared_secret_file(folder.path()).build().unwrap();
    verifier.refresh().await;
    assert_eq!(log.count("it is not a regular file"), 1, "{}", log.text());
}
