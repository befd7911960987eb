//! The second factor, on every store: what people, several servers and operators do with it.

mod data_keys;
mod removal;
mod required_roles;
mod sign_ins;
mod trusted_devices;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::authenticator::{Authenticator, Program};
use crate::client::{Answer, Client, PASSWORD, Tokens};
use crate::deployment::{Deployment, STABLE_ISSUER, Server};
use crate::mails::Mailbox;
use crate::store::Store;

const EMAIL: &str = "ada@example.com";

/// Somebody with a second factor.
pub(crate) struct Enrolled {
    pub(crate) app: Authenticator,
    pub(crate) backup_codes: Vec<String>,
    /// Of the session in which it was set up.
    pub(crate) tokens: Tokens,
}

/// A deployment whose server may be started again, beside itself or later.
async fn deployment_on(store: Store) -> Deployment {
    let deployment = store.deployment().await.with("DOORWARD_KEYS__ALGORITHM", "ES256");
    deployment.with("DOORWARD_SERVER__PUBLIC_URL", STABLE_ISSUER)
}

/// Makes Ada, whose address is verified: nobody else gets mails about the second factor.
async fn make_verified_ada(deployment: &Deployment) {
    let create = ["user", "create", "--email", EMAIL, "--verified"];
    deployment.run_with(&create, PASSWORD).await.is(0);
}

/// Ada with a second factor at a server, and what she gets by mail.
struct Scene {
    deployment: Deployment,
    server: Server,
    mailbox: Mailbox,
    ada: Enrolled,
}

impl Scene {
    async fn on(store: Store) -> Self {
        let deployment = deployment_on(store).await;
        make_verified_ada(&deployment).await;
        let mut server = deployment.serve().await;
        let mailbox = Mailbox::of(&mut server).await;
        let ada = enrol(&server.client, Program::Oathtool).await;
        Self { deployment, server, mailbox, ada }
    }
}

/// Signs Ada up and in, and has her set up a second factor.
pub(crate) async fn enrolled_ada(client: &Client, program: Program) -> Enrolled {
    client.register(EMAIL).await;
    enrol(client, program).await
}

/// Signs Ada in, and has her set up a second factor.
async fn enrol(client: &Client, program: Program) -> Enrolled {
    let tokens = client.log_in(EMAIL).await;
    let begun = client.post_as("/auth/mfa/setup", &tokens.access, json!({})).await.is(200);
    let mut app = Authenticator::scan(program, begun.body["otpauthUri"].as_str().unwrap());
    let code = json!({ "code": app.next_code().await });
    let enabled = client.post_as("/auth/mfa/verify-setup", &tokens.access, code).await.is(200);
    Enrolled { app, backup_codes: texts(&enabled.body["backupCodes"]), tokens }
}

/// Signs Ada in by password, as far as that goes. Returns the session token.
pub(crate) async fn first_step(client: &Client) -> String {
    session_token(client.try_log_in(EMAIL).await, "mfaRequired")
}

/// The session token of a sign-in that wants that.
fn session_token(answer: Answer, wanted: &str) -> String {
    let answer = answer.is(200);
    assert_eq!(answer.body[wanted], true, "{answer:?}");
    for token in ["accessToken", "refreshToken"] {
        assert!(answer.body.get(token).is_none(), "{answer:?}");
    }
    answer.body["sessionToken"].as_str().unwrap().to_owned()
}

pub(crate) async fn verify(client: &Client, session_token: &str, code: &str) -> Answer {
    let body = json!({ "sessionToken": session_token, "code": code });
    client.post("/auth/mfa/verify", body).await
}

async fn verify_backup(client: &Client, session_token: &str, code: &str) -> Answer {
    let body = json!({ "sessionToken": session_token, "backupCode": code });
    client.post("/auth/mfa/verify", body).await
}

async fn me(client: &Client, bearer: &str) -> Value {
    client.get_as("/auth/me", bearer).await.is(200).body
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// How the session of an access token was begun.
fn methods(access_token: &str) -> Value {
    let segment = access_token.split('.').nth(1).unwrap();
    let claims = BASE64_URL_SAFE_NO_PAD.decode(segment).unwrap();
    serde_json::from_slice::<Value>(&claims).unwrap()["amr"].take()
}

/// Signs Ada in by password on a browser that has that device token.
async fn log_in_on(client: &Client, device_token: &str) -> Answer {
    let credentials = json!({ "email": EMAIL, "password": PASSWORD, "deviceToken": device_token });
    client.post("/auth/login", credentials).await
}
