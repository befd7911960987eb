//! Tokens in the hands of libraries that others wrote.

use std::process::Command;

use super::node::node;
use super::{SECRET, ada_signs_in, path_of};
use crate::deployment::Deployment;
use crate::process::Process;
use crate::python::python;

#[tokio::test]
async fn pyjwt_trusts_our_rs256_tokens() {
    Library::PyJwt.trusts_our_tokens("RS256").await;
}

#[tokio::test]
async fn pyjwt_trusts_our_es256_tokens() {
    Library::PyJwt.trusts_our_tokens("ES256").await;
}

#[tokio::test]
async fn pyjwt_trusts_our_eddsa_tokens() {
    Library::PyJwt.trusts_our_tokens("EdDSA").await;
}

#[tokio::test]
async fn pyjwt_trusts_our_hs256_tokens() {
    Library::PyJwt.trusts_our_tokens("HS256").await;
}

#[tokio::test]
async fn joserfc_trusts_our_rs256_tokens() {
    Library::Joserfc.trusts_our_tokens("RS256").await;
}

#[tokio::test]
async fn joserfc_trusts_our_es256_tokens() {
    Library::Joserfc.trusts_our_tokens("ES256").await;
}

#[tokio::test]
async fn joserfc_trusts_our_eddsa_tokens() {
    Library::Joserfc.trusts_our_tokens("EdDSA").await;
}

#[tokio::test]
async fn joserfc_trusts_our_hs256_tokens() {
    Library::Joserfc.trusts_our_tokens("HS256").await;
}

#[tokio::test]
async fn jose_trusts_our_rs256_tokens() {
    Library::Jose.trusts_our_tokens("RS256").await;
}

#[tokio::test]
async fn jose_trusts_our_es256_tokens() {
    Library::Jose.trusts_our_tokens("ES256").await;
}

#[tokio::test]
async fn jose_trusts_our_eddsa_tokens() {
    Library::Jose.trusts_our_tokens("EdDSA").await;
}

#[tokio::test]
async fn jose_trusts_our_hs256_tokens() {
    Library::Jose.trusts_our_tokens("HS256").await;
}

#[tokio::test]
async fn jsonwebtoken_trusts_our_rs256_tokens() {
    Library::Jsonwebtoken.trusts_our_tokens("RS256").await;
}

// There is no such test of EdDSA: jsonwebtoken does not know it.
#[tokio::test]
async fn jsonwebtoken_trusts_our_es256_tokens() {
    Library::Jsonwebtoken.trusts_our_tokens("ES256").await;
}

#[tokio::test]
async fn jsonwebtoken_trusts_our_hs256_tokens() {
    Library::Jsonwebtoken.trusts_our_tokens("HS256").await;
}

#[derive(Clone, Copy)]
enum Library {
    PyJwt,
    Joserfc,
    Jose,
    Jsonwebtoken,
}

impl Library {
    /// The script itself asserts what the library must refuse.
    async fn trusts_our_tokens(self, algorithm: &str) {
        let deployment = deployment_of(algorithm);
        let server = deployment.serve().await;
        let tokens = ada_signs_in(&server).await;

        let mut command = self.script(&deployment);
        command.args([server.url.as_str(), algorithm]).env("JWT_SECRET", SECRET);
        let ended = Process::start(&mut command, &tokens.access).end().await;
        assert_eq!(ended.stdout, "trusted\n", "{ended:?}");
    }

    fn script(self, deployment: &Deployment) -> Command {
        match self {
            Self::PyJwt => python_script(deployment, "verify_with_pyjwt.py"),
            Self::Joserfc => python_script(deployment, "verify_with_joserfc.py"),
            Self::Jose => node(deployment, &[&path_of("verify_with_jose.mjs")]),
            Self::Jsonwebtoken => node(deployment, &[&path_of("verify_with_jsonwebtoken.mjs")]),
        }
    }
}

fn deployment_of(algorithm: &str) -> Deployment {
    match algorithm {
        // What a deployment uses that says nothing of it.
        "RS256" => Deployment::new(),
        // What one uses that shares a secret.
        "HS256" => Deployment::new().with("JWT_SECRET", SECRET),
        other => Deployment::new().with("DOORWARD_KEYS__ALGORITHM", other),
    }
}

fn python_script(deployment: &Deployment, name: &str) -> Command {
    let mut command = python();
    command.arg(path_of(name)).current_dir(deployment.path(""));
    command
}
