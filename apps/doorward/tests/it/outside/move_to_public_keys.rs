//! The guided move from a shared secret to public keys, in a deployment of two instances that goes
//! on working: the verifiers accept both, the issuer switches over, HS256 goes.

use std::fs;
use std::time::Duration;

use doorward_verify::{Algorithm, Verifier, VerifierBuilder, VerifyError};
use servers::Port;
use tokio::time::Instant;

use super::load::{Load, Trusting, has_refused_nobody};
use super::{SECRET, ada_signs_in, algorithm};
use crate::client::{Client, JWKS};
use crate::deployment::{Deployment, STABLE_ISSUER, Server};
use crate::waiting::{PATIENCE, within};

/// The shortest that a token may live: it is waited for.
const TOKEN_LIFE: Duration = Duration::from_mins(1);

/// An instance of the issuer, at an address that stays its own.
struct Instance {
    port: Port,
    server: Server,
}

impl Instance {
    async fn start(deployment: &Deployment) -> Self {
        let port = Port::reserve().unwrap();
        Self { server: serve_at(&port, deployment).await, port }
    }

    async fn restart(self, deployment: &Deployment) -> Self {
        self.server.stop().await;
        Self { server: serve_at(&self.port, deployment).await, port: self.port }
    }

    fn url(&self) -> String {
        format!("http://{}", self.port.address())
    }
}

async fn serve_at(port: &Port, deployment: &Deployment) -> Server {
    let address = port.address().to_string();
    deployment.clone().with("DOORWARD_SERVER__LISTEN", &address).serve().await
}

/// The issuer in two instances, and what its verifiers are told.
struct Move {
    deployment: Deployment,
    instances: [Instance; 2],
}

impl Move {
    async fn begin() -> Self {
        let deployment = Deployment::with_stable_issuer()
            .without_limits()
            .with("DOORWARD_TOKENS__ACCESS_TTL", "1m")
            .with("DOORWARD_KEYS__PUBLISH_AHEAD", "4s")
            .with("DOORWARD_KEYS__ALGORITHM", "HS256")
            .with("DOORWARD_KEYS__SHARED_SECRET", "file:secret");
        fs::write(deployment.path("secret"), SECRET).unwrap();
        let instances = [Instance::start(&deployment).await, Instance::start(&deployment).await];
        Self { deployment, instances }
    }

    /// A verifier that has the secret, and fetches keys if it needs them.
    fn verifier(&self) -> VerifierBuilder {
        // Exact, so that what it calls expired is of no use to anybody.
        let settings = Verifier::builder(STABLE_ISSUER).audience("api").leeway(Duration::ZERO);
        settings.shared_secret_file(self.deployment.path("secret"))
    }

    fn verifier_of(&self, algorithms: &[Algorithm]) -> Verifier {
        let published = format!("{}{JWKS}", self.instances[0].url());
        let settings = self.verifier().jwks_url(published);
        settings.algorithms(algorithms.iter().copied()).build().unwrap()
    }

    fn trusting(&self, verifier: &Verifier) -> Trusting {
        let clients = self.instances.iter().map(|one| Client::new(&one.url()));
        Trusting { issuer: clients.collect(), verifier: verifier.clone(), service: None }
    }

    /// Restarts one instance after the other.
    async fn switches_to_public_keys(self) -> Self {
        let deployment = self.deployment.with("DOORWARD_KEYS__ALGORITHM", "RS256");
        let [one, two] = self.instances;
        let one = one.restart(&deployment).await;
        Self { instances: [one, two.restart(&deployment).await], deployment }
    }
}

#[tokio::test]
async fn a_deployment_moves_from_a_shared_secret_to_public_keys_and_no_token_is_refused() {
    let begun = Move::begin().await;
    let before = begun.verifier().build().unwrap();
    let load = Load::begin(ada_signs_in(&begun.instances[0].server).await, begun.trusting(&before));
    load.goes_on(5).await;

    // First, the verifiers accept both.
    let both = begun.verifier_of(&[Algorithm::RS256, Algorithm::HS256]);
    load.shows_to(begun.trusting(&both));
    load.goes_on(5).await;
    assert!(accepted(&both, Algorithm::HS256) > 0 && accepted(&both, Algorithm::RS256) == 0);

    // Second, the issuer switches over.
    let switched = begun.switches_to_public_keys().await;
    let mut last_under_secret = load.newest();
    within(PATIENCE, "the public key signs", async || {
        let token = load.newest();
        let is_public = algorithm(&token) == "RS256";
        if !is_public {
            last_under_secret = token;
        }
        is_public.then_some(())
    })
    .await;

    // Third, HS256 goes, once nobody has shown such a token for as long as tokens live.
    let count = stands_still(&both, Algorithm::HS256, TOKEN_LIFE).await;
    has_refused_nobody(&both);
    assert_eq!(both.verify(&last_under_secret).await.map(drop), Err(VerifyError::Expired));
    let after = switched.verifier_of(&[Algorithm::RS256]);
    load.shows_to(switched.trusting(&after));
    fs::remove_file(switched.deployment.path("secret")).unwrap();
    load.goes_on(20).await;
    let rounds = load.end().await;
    assert!(rounds > 200, "it was under load: {rounds}");
    assert!(accepted(&after, Algorithm::RS256) > 20);
    assert_eq!(accepted(&both, Algorithm::HS256), count, "it would still have been right");
    has_refused_nobody(&after);
    let stolen = after.verify(&last_under_secret).await.map(drop);
    assert_eq!(stolen, Err(VerifyError::UnacceptedAlgorithm));
}

fn accepted(verifier: &Verifier, algorithm: Algorithm) -> u64 {
    verifier.tokens_seen().accepted(algorithm)
}

/// Waits until no such token was accepted for that long; returns how many were before.
async fn stands_still(verifier: &Verifier, algorithm: Algorithm, life: Duration) -> u64 {
    let (mut count, mut since) = (accepted(verifier, algorithm), Instant::now());
    within(life + PATIENCE, "nobody shows such tokens any more", async || {
        let now = accepted(verifier, algorithm);
        if now != count {
            (count, since) = (now, Instant::now());
        }
        (since.elapsed() >= life).then_some(count)
    })
    .await
}
