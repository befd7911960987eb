//! A shared secret that is replaced while everybody works. The issuer and those who verify have
//! files of their own, so that either may learn of it first.
//!
//! `doorward-verify` reads its file every minute, or at once when it meets a token under a secret
//! that it does not know; the example in Node reads its file every second. So nobody here waits for
//! a minute to pass.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use doorward_verify::{Algorithm, Verifier};

use super::examples::{Example, Language, SECRET_FILE};
use super::load::{Load, Trusting, has_refused_nobody};
use super::{ada_signs_in, kid};
use crate::deployment::{Deployment, Server};
use crate::waiting::within;

/// How long a secret verifies here before it signs.
const PUBLISH_AHEAD: &str = "10s";

/// That long, and what the issuer takes to read its file.
const CHANGE_TIME_MAX: Duration = Duration::from_secs(40);

/// The issuer, those who trust it, and whoever is at work.
struct Rotation {
    deployment: Deployment,
    server: Server,
    example: Example,
    verifier: Verifier,
    load: Load,
}

#[tokio::test]
async fn a_secret_that_verifiers_learn_first_is_replaced_and_no_token_is_refused() {
    let rotation = Rotation::begin().await;
    let old = rotation.load.newest();
    let new = rotation.generate().await;

    replace(rotation.verifiers_file(), &new);
    let later = rotation.token_under(&new).await;
    rotation.example.comes_to_answer(&later, 200).await;
    rotation.verifier.verify(&later).await.expect("it has read its file again");
    rotation.load.goes_on(20).await;
    assert_eq!(kid(&rotation.load.newest()), kid(&old), "the issuer knows nothing of it yet");

    replace(rotation.issuers_file(), &new);
    rotation.ends_with_another_key_than(&old, &kid(&later)).await;
}

#[tokio::test]
async fn a_secret_that_the_issuer_learns_first_is_replaced_and_no_token_is_refused() {
    let rotation = Rotation::begin().await;
    let old = rotation.load.newest();
    let new = rotation.generate().await;

    replace(rotation.issuers_file(), &new);
    let next = within(CHANGE_TIME_MAX, "the issuer reads its file again", async || {
        rotation.kid_of("next").await
    })
    .await;
    assert_eq!(kid(&rotation.load.newest()), kid(&old), "the verifiers know nothing of it yet");

    replace(rotation.verifiers_file(), &new);
    rotation.ends_with_another_key_than(&old, &next).await;
}

impl Rotation {
    async fn begin() -> Self {
        let deployment = Deployment::new()
            .without_limits()
            .with("DOORWARD_KEYS__ALGORITHM", "HS256")
            .with("DOORWARD_KEYS__SHARED_PUBLISH_AHEAD", PUBLISH_AHEAD)
            .with("DOORWARD_KEYS__SHARED_SECRET", "file:issuers-secret");
        let secret = generated(&deployment).await;
        fs::write(deployment.path("issuers-secret"), &secret).unwrap();
        let server = deployment.serve().await;
        let mut command = Language::Node.example_with_secret(&deployment, &secret);
        let example = Example::start(&mut command, &server.url).await;
        let verifier = Verifier::builder(&server.url)
            .audience("api")
            .shared_secret_file(deployment.path(SECRET_FILE))
            .build()
            .unwrap();
        let trusting = Trusting {
            issuer: vec![server.client.clone()],
            verifier: verifier.clone(),
            service: Some(example.client.clone()),
        };
        let load = Load::begin(ada_signs_in(&server).await, trusting);
        load.goes_on(5).await;
        Self { deployment, server, example, verifier, load }
    }

    fn issuers_file(&self) -> PathBuf {
        self.deployment.path("issuers-secret")
    }

    fn verifiers_file(&self) -> PathBuf {
        self.deployment.path(SECRET_FILE)
    }

    async fn generate(&self) -> String {
        generated(&self.deployment).await
    }

    /// A token as the issuer makes them once it signs with that secret.
    async fn token_under(&self, secret: &str) -> String {
        let twin = Deployment::new()
            .with("DOORWARD_SERVER__PUBLIC_URL", &self.server.url)
            .with("JWT_SECRET", secret);
        ada_signs_in(&twin.serve().await).await.access
    }

    /// The key that does this.
    async fn kid_of(&self, phase: &str) -> Option<String> {
        let listed = self.deployment.run(&["key", "list", "--json"]).await.is(0).json();
        let mut keys = listed["items"].as_array().unwrap().iter();
        let key = keys.find(|key| key["phase"] == phase)?;
        Some(key["kid"].as_str().unwrap().to_owned())
    }

    /// Waits until the new secret signs, and some more.
    async fn ends_with_another_key_than(self, old: &str, new: &str) {
        within(CHANGE_TIME_MAX, "the new secret signs", async || {
            (kid(&self.load.newest()) == new).then_some(())
        })
        .await;
        self.load.goes_on(20).await;
        assert_eq!(self.kid_of("current").await.as_deref(), Some(new));
        assert_eq!(self.kid_of("retired").await, Some(kid(old)));
        // Its own life is longer than all of this.
        self.example.trusts(old).await;
        self.verifier.verify(old).await.expect("the old secret still verifies");
        assert_eq!(self.server.client.status_of(old).await, 200);

        let rounds = self.load.end().await;
        assert!(rounds > 50, "it was under load: {rounds}");
        let seen = self.verifier.tokens_seen();
        assert!(seen.accepted(Algorithm::HS256) > 100, "{seen:?}");
        has_refused_nobody(&self.verifier);
    }
}

async fn generated(deployment: &Deployment) -> String {
    deployment.run(&["key", "generate"]).await.is(0).stdout.trim_end().to_owned()
}

/// As those do who keep secrets in files: at once.
fn replace(file: PathBuf, secret: &str) {
    let new = file.with_extension("new");
    fs::write(&new, format!("{secret}\n")).unwrap();
    fs::rename(new, file).unwrap();
}
