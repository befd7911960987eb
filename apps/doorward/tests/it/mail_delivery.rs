//! Mails that leave by SMTP, and all that is not said about them.

use std::fs;

use serde_json::{Value, json};

use crate::catcher::Catcher;
use crate::certificates::certify;
use crate::client::{Client, PASSWORD};
use crate::deployment::Deployment;

const EMAIL: &str = "ada.lovelace@example.com";
const OTHER_PASSWORD: &str = "another horse battery";
const RELAY_PASSWORD: &str = "what the relay wants to hear";

/// Writes what `mail.credentials` names.
fn write_credentials(deployment: &Deployment, password: &str) {
    let credentials = json!({ "username": "relay", "password": password });
    fs::write(deployment.path("relay.json"), credentials.to_string()).unwrap();
}

fn relay_login(password: &str) -> String {
    format!("relay:{password}")
}

async fn forget_the_password(client: &Client) {
    client.post("/auth/password/forgot", json!({ "email": EMAIL })).await.is(202);
}

#[tokio::test]
async fn a_mail_arrives_with_a_link_that_works() {
    let catcher = Catcher::healthy().await;
    let deployment = Deployment::new()
        .with_relay(catcher.port)
        .with("DOORWARD_MAIL__REPLY_TO", "help@service.example")
        .with("DOORWARD_MAIL__PRODUCT_NAME", "Example");
    let server = deployment.serve().await;
    server.client.register(EMAIL).await;

    let taken = catcher.taken(EMAIL).await;
    assert_eq!((&taken["tls"], &taken["user"]), (&json!(false), &Value::Null));
    assert_eq!(taken["from"], "no-reply@service.example");
    assert_eq!(taken["to"], json!([EMAIL]));
    for header in [
        ["From", "Example <no-reply@service.example>"],
        ["To", EMAIL],
        ["Reply-To", "help@service.example"],
        ["Subject", "Confirm your e-mail address for Example"],
        ["Auto-Submitted", "auto-generated"],
    ] {
        assert!(taken["headers"].as_array().unwrap().contains(&json!(header)), "{header:?}");
    }
    let mail = catcher.mail(EMAIL).await;
    let link = mail.link.as_deref().unwrap();
    assert!(taken["html"].as_str().unwrap().contains(link), "{taken}");
    let proof = json!({ "token": mail.token(), "password": PASSWORD });
    server.client.post("/auth/verify-email", proof).await.is(200);
    deployment.outbox_empties().await;
    assert_eq!(catcher.all_taken().len(), 1);
}

#[tokio::test]
async fn a_relay_with_a_private_authority_and_credentials_is_used_over_starttls_and_tls() {
    for (way, scheme) in [("--starttls", "smtp"), ("--tls", "smtps")] {
        let deployment = Deployment::new();
        let mut arguments = certify(&deployment, "localhost");
        arguments.extend([way.to_owned(), "--auth".to_owned(), relay_login(RELAY_PASSWORD)]);
        let catcher = Catcher::start(&arguments).await;
        write_credentials(&deployment, RELAY_PASSWORD);
        let deployment = deployment
            .with_relay(catcher.port)
            .with("DOORWARD_MAIL__SMTP_URL", &format!("{scheme}://localhost:{}", catcher.port))
            .with("DOORWARD_MAIL__SMTP_CA_FILE", "ca.pem")
            .with("DOORWARD_MAIL__CREDENTIALS", "file:relay.json");
        let server = deployment.serve().await;
        server.client.register(EMAIL).await;
        let taken = catcher.taken(EMAIL).await;
        assert_eq!((&taken["tls"], &taken["user"]), (&json!(true), &json!("relay")));
    }
}

#[tokio::test]
async fn a_relay_that_nobody_vouches_for_gets_no_mail() {
    let deployment = Deployment::new();
    let mut arguments = certify(&deployment, "localhost");
    arguments.push("--starttls".to_owned());
    let catcher = Catcher::start(&arguments).await;
    let url = format!("smtp://localhost:{}", catcher.port);
    let deployment = deployment.with_relay(catcher.port).with("DOORWARD_MAIL__SMTP_URL", &url);
    let server = deployment.serve().await;
    server.client.register(EMAIL).await;
    let mail = deployment.mail_that_failed().await;
    assert_eq!(mail["state"], "waiting");
    assert!(mail["lastError"].as_str().unwrap().contains("STARTTLS failed"), "{mail}");
    assert_eq!(catcher.all_taken().len(), 0);
}

#[tokio::test]
async fn a_password_of_the_relay_that_was_changed_is_picked_up_without_a_restart() {
    let arguments = ["--auth".to_owned(), relay_login(RELAY_PASSWORD)];
    let catcher = Catcher::start(&arguments).await;
    let deployment = Deployment::new()
        .with_relay(catcher.port)
        .with("DOORWARD_LOG__LEVEL", "trace")
        .with("DOORWARD_MAIL__CREDENTIALS", "file:relay.json");
    write_credentials(&deployment, "what it wanted to hear before");
    let server = deployment.serve().await;
    server.client.register(EMAIL).await;
    let mail = deployment.mail_that_failed().await;
    assert_eq!(mail["state"], "waiting");
    let error = mail["lastError"].as_str().unwrap();
    assert!(error.contains("the mail server answered AUTH with 535 5.7.8"), "{mail}");

    write_credentials(&deployment, RELAY_PASSWORD);
    deployment.retry(&mail).await.is(0);
    assert_eq!(catcher.taken(EMAIL).await["user"], "relay");
    let said = server.process.said() + error;
    assert!(!said.contains("to hear"), "{said}");
}

#[tokio::test]
async fn nothing_of_a_mail_is_logged_whether_it_is_sent_or_refused() {
    // Both answers repeat the address, as real servers do.
    let trouble = ["--refuse-all-with", "451", "--refuse-at", "data"];
    let troubled = Catcher::start(&trouble).await;
    let catcher = Catcher::healthy().await;
    let deployment = Deployment::new().with("LOG_LEVEL", "TRACE").with_relay(troubled.port);
    let server = deployment.serve().await;
    server.client.register(EMAIL).await;
    let mail = deployment.mail_that_failed().await;
    assert!(!mail["lastError"].as_str().unwrap().contains('@'), "{mail}");
    server.process.logs("mails could not be sent").await;
    server.process.signal(rustix::process::Signal::TERM);
    let mut log = server.process.end().await.is(0).stderr;

    let deployment = deployment.with_relay(catcher.port);
    let server = deployment.serve().await;
    deployment.retry(&mail).await.is(0);
    let verification = catcher.mail(EMAIL).await;
    let proof = json!({ "token": verification.token(), "password": PASSWORD });
    server.client.post("/auth/verify-email", proof).await.is(200);
    deployment.outbox_empties().await;
    forget_the_password(&server.client).await;
    let reset = second_mail(&catcher).await;
    let new = json!({ "token": reset.token(), "newPassword": OTHER_PASSWORD });
    server.client.post("/auth/password/reset", new).await.is(204);
    deployment.outbox_empties().await;
    server.process.signal(rustix::process::Signal::TERM);
    log += &server.process.end().await.is(0).stderr;

    for mail in [&verification, &reset] {
        for secret in [mail.token(), &mail.token()[..20], mail.code(), &mail.text] {
            assert!(!log.contains(secret), "{secret:?} is logged");
        }
    }
    for personal in [EMAIL, "ada.lovelace", PASSWORD, OTHER_PASSWORD] {
        assert!(!log.contains(personal), "{personal:?} is logged");
    }
}

/// Waits for one more mail than the first.
async fn second_mail(catcher: &Catcher) -> crate::mails::Mail {
    let taken = crate::waiting::within(crate::waiting::PATIENCE, "another mail", async || {
        catcher.all_taken().get(1).cloned()
    })
    .await;
    crate::mails::Mail::read("", taken["text"].as_str().unwrap())
}

#[tokio::test]
async fn where_mails_are_sent_there_is_no_mailbox() {
    let catcher = Catcher::healthy().await;
    let mut server = Deployment::new().with_relay(catcher.port).serve().await;
    server.operations().await.get("/dev/mailbox").await.is(404);
    server.client.get("/dev/mailbox").await.is(404);
}
