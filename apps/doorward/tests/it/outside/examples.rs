//! The examples of services in other languages, with tokens of a real server.

use std::fs;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

use super::node::{node, signed_by_jsonwebtoken};
use super::{SECRET, ada_signs_in};
use crate::client::{Answer, Client};
use crate::deployment::{Deployment, STABLE_ISSUER};
use crate::process::Process;
use crate::python::python;
use crate::waiting::{PATIENCE, within};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
const OTHER_SECRET: &str = "another secret, of more than 32 bytes too";

/// The file, within the deployment, in which the Node example finds the secret.
pub(super) const SECRET_FILE: &str = "shared-secret";

#[tokio::test]
async fn the_node_example_trusts_whom_our_published_keys_speak_for() {
    Language::Node.trusts_our_published_keys().await;
}

#[tokio::test]
async fn the_python_example_trusts_whom_our_published_keys_speak_for() {
    Language::Python.trusts_our_published_keys().await;
}

#[tokio::test]
async fn the_node_example_trusts_whom_our_shared_secret_speaks_for() {
    Language::Node.trusts_our_shared_secret().await;
}

#[tokio::test]
async fn the_python_example_trusts_whom_our_shared_secret_speaks_for() {
    Language::Python.trusts_our_shared_secret().await;
}

#[tokio::test]
async fn the_node_example_calls_nobody_a_stranger_while_keys_cannot_be_had() {
    Language::Node.is_unavailable_without_keys().await;
}

#[tokio::test]
async fn the_python_example_calls_nobody_a_stranger_while_keys_cannot_be_had() {
    Language::Python.is_unavailable_without_keys().await;
}

#[tokio::test]
async fn the_node_example_takes_part_in_a_rotation_of_the_secret() {
    let (old, new) = (token_of(SECRET).await, token_of(OTHER_SECRET).await);
    let deployment = Deployment::new();
    let mut command = Language::Node.example_with_secret(&deployment, SECRET);
    let example = Example::start(&mut command, STABLE_ISSUER).await;
    example.trusts(&old).await;
    example.refuses(&new).await;

    fs::write(deployment.path(SECRET_FILE), OTHER_SECRET).unwrap();
    example.comes_to_answer(&new, 200).await;
    example.trusts(&old).await;

    fs::remove_file(deployment.path(SECRET_FILE)).unwrap();
    example.process.logs("the secret stays as it was").await;
    example.trusts(&new).await;
}

#[tokio::test]
async fn the_node_example_forgets_a_secret_that_was_replaced() {
    let (old, new) = (token_of(SECRET).await, token_of(OTHER_SECRET).await);
    let deployment = Deployment::new();
    let mut command = Language::Node.example_with_secret(&deployment, SECRET);
    command.env("PREVIOUS_SECRET_SECONDS", "0");
    let example = Example::start(&mut command, STABLE_ISSUER).await;
    example.trusts(&old).await;

    fs::write(deployment.path(SECRET_FILE), OTHER_SECRET).unwrap();
    example.comes_to_answer(&old, 401).await;
    example.trusts(&new).await;
}

#[tokio::test]
async fn the_node_example_trusts_every_secret_in_its_file() {
    let (old, new) = (token_of(SECRET).await, token_of(OTHER_SECRET).await);
    let deployment = Deployment::new();
    let both = format!("{OTHER_SECRET}\n{SECRET}");
    let mut command = Language::Node.example_with_secret(&deployment, &both);
    let example = Example::start(&mut command, STABLE_ISSUER).await;
    example.trusts(&old).await;
    example.trusts(&new).await;
}

#[tokio::test]
async fn the_node_example_does_not_start_with_a_short_secret() {
    let (deployment, short) = (Deployment::new(), "31 bytes, and not one byte more");
    let mut command = Language::Node.example_with_secret(&deployment, short);
    let ended = Process::start(&mut command, "").end().await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("holds no secret of at least 32 bytes"), "{ended:?}");
}

#[derive(Clone, Copy)]
pub(super) enum Language {
    Node,
    Python,
}

impl Language {
    async fn trusts_our_published_keys(self) {
        let deployment = Deployment::new();
        let server = deployment.serve().await;
        let tokens = ada_signs_in(&server).await;
        let example = Example::start(&mut self.example(&deployment), &server.url).await;
        example.trusts(&tokens.access).await;
        example.refuses_strangers().await;
        example.refuses(&tokens.refresh).await;
        for forgery in alterations(&tokens.access) {
            example.refuses(&forgery).await;
        }
        let impostor = Deployment::new().with("DOORWARD_SERVER__PUBLIC_URL", &server.url);
        example.refuses(&ada_signs_in(&impostor.serve().await).await.access).await;
        // Strangers have not worn out its trust.
        example.trusts(&tokens.access).await;
    }

    async fn trusts_our_shared_secret(self) {
        let deployment = Deployment::new().with("JWT_SECRET", SECRET);
        let server = deployment.serve().await;
        let tokens = ada_signs_in(&server).await;
        let mut command = self.example_with_secret(&deployment, SECRET);
        let example = Example::start(&mut command, &server.url).await;
        example.trusts(&tokens.access).await;
        example.refuses_strangers().await;
        example.refuses(&tokens.refresh).await;
        for forgery in alterations(&tokens.access) {
            example.refuses(&forgery).await;
        }
        // Another service has the same secret, and refresh tokens of its own.
        let audience = json!({ "iss": server.url, "aud": "api" });
        let others = signed_by_jsonwebtoken(&deployment, SECRET, &audience).await;
        example.refuses(others["refresh"].as_str().unwrap()).await;
        let other_secret = Deployment::new()
            .with("DOORWARD_SERVER__PUBLIC_URL", &server.url)
            .with("JWT_SECRET", OTHER_SECRET);
        example.refuses(&ada_signs_in(&other_secret.serve().await).await.access).await;
    }

    async fn is_unavailable_without_keys(self) {
        let deployment = Deployment::new();
        let server = deployment.serve().await;
        let token = ada_signs_in(&server).await.access;
        let issuer = server.url.clone();
        server.stop().await;
        let example = Example::start(&mut self.example(&deployment), &issuer).await;
        assert_eq!(example.greet(&token).await.is(503).code(), "unavailable");
        example.refuses("nonsense").await;
    }

    fn example(self, deployment: &Deployment) -> Command {
        let file = |name: &str| format!("{EXAMPLES}/{name}");
        match self {
            Self::Node => {
                node(deployment, &[&file("node/server.mjs"), &file("node/shared_secret.mjs")])
            }
            Self::Python => {
                let mut command = python();
                command.arg(file("python/server.py")).current_dir(deployment.path(""));
                command
            }
        }
    }

    pub(super) fn example_with_secret(self, deployment: &Deployment, secret: &str) -> Command {
        let mut command = self.example(deployment);
        match self {
            Self::Node => {
                let path = deployment.path(SECRET_FILE);
                fs::write(&path, format!("{secret}\n")).unwrap();
                command.env("JWT_SECRET_FILE", path);
            }
            Self::Python => {
                command.env("JWT_SECRET", secret);
            }
        }
        command
    }
}

/// A running example.
pub(super) struct Example {
    process: Process,
    pub(super) client: Client,
}

impl Example {
    pub(super) async fn start(command: &mut Command, issuer: &str) -> Self {
        command.env("DOORWARD_ISSUER", issuer).env("LISTEN", "127.0.0.1:0");
        let mut process = Process::start(command, "");
        let url = process.rest_of_line("example listens on ").await;
        Self { process, client: Client::new(&url) }
    }

    pub(super) async fn greet(&self, token: &str) -> Answer {
        self.client.get_as("/", token).await
    }

    pub(super) async fn trusts(&self, token: &str) {
        let answer = self.greet(token).await.is(200);
        assert_eq!(answer.body, json!({ "response": "Hello, Ada Lovelace!" }));
    }

    async fn refuses(&self, token: &str) {
        assert_refusal(self.greet(token).await);
    }

    async fn refuses_strangers(&self) {
        assert_refusal(self.client.get("/").await);
    }

    /// Waits until it answers the bearer of `token` with that status.
    pub(super) async fn comes_to_answer(&self, token: &str, status: u16) {
        within(PATIENCE, "the example changes its mind", async || {
            (self.greet(token).await.status == status).then_some(())
        })
        .await;
    }
}

fn assert_refusal(answer: Answer) {
    let answer = answer.is(401);
    assert_eq!(answer.code(), "invalid_token");
    assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"api\"");
}

/// An access token of a server that has this secret, from the issuer that all of them share.
async fn token_of(secret: &str) -> String {
    let deployment = Deployment::with_stable_issuer().with("JWT_SECRET", secret);
    ada_signs_in(&deployment.serve().await).await.access
}

/// What a bearer may make of a token without a key.
fn alterations(token: &str) -> [String; 3] {
    let [header, payload, signature] =
        token.split('.').collect::<Vec<_>>().try_into().expect("a token has three parts");
    let decoded =
        |part: &str| -> Value { serde_json::from_slice(&BASE64URL.decode(part).unwrap()).unwrap() };
    let encoded = |json: &Value| BASE64URL.encode(json.to_string());
    let (mut promoted, mut unsigned) = (decoded(payload), decoded(header));
    promoted["role"] = json!("ADMIN");
    unsigned["alg"] = json!("none");
    [
        format!("{header}.{}.{signature}", encoded(&promoted)),
        format!("{}.{payload}.", encoded(&unsigned)),
        format!("{}.{payload}.{signature}", encoded(&unsigned)),
    ]
}
