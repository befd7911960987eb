//! What strangers have to prove, and what they learn, as the settings say.

use serde_json::{Value, json};

use crate::client::{Client, PASSWORD};
use crate::deployment::{Deployment, Server};
use crate::mails::Mailbox;

const EMAIL: &str = "ada@example.com";

fn verifying(mode: &str) -> Deployment {
    Deployment::new().with("DOORWARD_REGISTRATION__VERIFY_EMAIL", mode)
}

async fn start(deployment: Deployment) -> (Server, Mailbox) {
    let mut server = deployment.serve().await;
    let mailbox = Mailbox::of(&mut server).await;
    (server, mailbox)
}

async fn ask_to_register(client: &Client, email: &str) -> crate::client::Answer {
    client.post("/auth/register", json!({ "email": email, "password": PASSWORD })).await
}

#[tokio::test]
async fn where_it_is_required_nobody_signs_in_before_the_address_is_verified() {
    let (server, mailbox) = start(verifying("required")).await;
    let client = &server.client;
    let registered = ask_to_register(client, EMAIL).await.is(201).body;
    assert_eq!(registered["verificationRequired"], true);
    assert_eq!(client.try_log_in(EMAIL).await.is(403).code(), "email_not_verified");
    // Only who knows the password learns that.
    client.try_log_in_with(EMAIL, "another horse battery").await.is(401);

    let mail = mailbox.mail(EMAIL, "Confirm your e-mail address").await;
    let challenge = &registered["challengeId"];
    let typed = json!({ "challengeId": challenge, "code": mail.code(), "password": PASSWORD });
    client.post("/auth/verify-email", typed).await.is(200);
    client.log_in(EMAIL).await;
}

#[tokio::test]
async fn where_it_is_off_nobody_is_asked_to_verify() {
    let (server, mailbox) = start(verifying("off")).await;
    let registered = ask_to_register(&server.client, EMAIL).await.is(201).body;
    assert_eq!(registered["challengeId"], Value::Null);
    assert_eq!(registered["verificationRequired"], false);
    let resend = json!({ "email": EMAIL });
    server.client.post("/auth/verify-email/resend", resend).await.is(202);
    server.client.log_in(EMAIL).await;
    // A mail that was queued later has arrived, so nothing is on its way any more.
    let forgot = json!({ "email": EMAIL });
    server.client.post("/auth/password/forgot", forgot).await.is(202);
    mailbox.mail(EMAIL, "Reset your password").await;
    assert_eq!(mailbox.mails(EMAIL).await.len(), 1);
}

#[tokio::test]
async fn where_addresses_are_hidden_free_and_taken_ones_are_answered_alike() {
    let hidden = verifying("required").with("DOORWARD_REGISTRATION__REVEAL_EXISTING", "false");
    let (server, mailbox) = start(hidden).await;
    let client = &server.client;
    let free = ask_to_register(client, EMAIL).await.is(202);
    let mail = mailbox.mail(EMAIL, "Confirm your e-mail address").await;
    let proof = json!({ "token": mail.token(), "password": PASSWORD });
    client.post("/auth/verify-email", proof).await.is(200);

    let taken = ask_to_register(client, EMAIL).await.is(202);
    let told = mailbox.mail(EMAIL, "You already have an account at Doorward").await;
    assert_eq!((&told.link, &told.code), (&None, &None));
    for answer in [&free, &taken] {
        assert_eq!(answer.body["verificationRequired"], true);
        let challenge = answer.body["challengeId"].as_str().unwrap();
        assert!(challenge.starts_with("chal_"), "{answer:?}");
        assert_eq!(answer.body.as_object().unwrap().len(), 2, "{answer:?}");
    }
    assert_ne!(free.body["challengeId"], taken.body["challengeId"]);
    client.log_in(EMAIL).await;
}
