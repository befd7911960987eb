//! Tokens in the hands of a library that others wrote: `PyJWT`.

use serde_json::json;

use crate::client::PASSWORD;
use crate::deployment::Deployment;
use crate::process::Process;
use crate::python::python;

const EMAIL: &str = "ada@example.com";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/verify_with_pyjwt.py");
const SECRET: &str = "a secret that is shared, of more than 32 bytes";

#[tokio::test]
async fn pyjwt_trusts_our_rs256_tokens() {
    pyjwt_trusts_tokens(&Deployment::new(), "RS256").await;
}

#[tokio::test]
async fn pyjwt_trusts_our_es256_tokens() {
    let deployment = Deployment::new().with("DOORWARD_KEYS__ALGORITHM", "ES256");
    pyjwt_trusts_tokens(&deployment, "ES256").await;
}

#[tokio::test]
async fn pyjwt_trusts_our_eddsa_tokens() {
    let deployment = Deployment::new().with("DOORWARD_KEYS__ALGORITHM", "EdDSA");
    pyjwt_trusts_tokens(&deployment, "EdDSA").await;
}

#[tokio::test]
async fn pyjwt_trusts_our_hs256_tokens() {
    pyjwt_trusts_tokens(&Deployment::new().with("JWT_SECRET", SECRET), "HS256").await;
}

async fn pyjwt_trusts_tokens(deployment: &Deployment, algorithm: &str) {
    let server = deployment.serve().await;
    let person = json!({ "email": EMAIL, "password": PASSWORD, "name": "Ada Lovelace" });
    server.client.post("/auth/register", person).await.is(201);
    let tokens = server.client.log_in(EMAIL).await;

    let mut command = python();
    command.arg(SCRIPT).args([server.url.as_str(), algorithm]).current_dir(deployment.path(""));
    command.env("JWT_SECRET", SECRET);
    let ended = Process::start(&mut command, &tokens.access).end().await.is(0);
    assert_eq!(ended.stdout, "trusted\n", "{ended:?}");
}
