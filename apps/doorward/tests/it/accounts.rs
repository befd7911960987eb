//! What people do with their account by mail: verify it, get it back, change it, leave.

use serde_json::{Value, json};

use crate::chatbot::Chatbot;
use crate::client::{Client, PASSWORD};
use crate::deployment::Server;
use crate::mails::{Mail, Mailbox};
use crate::store::{Store, on_every_store};

const EMAIL: &str = "ada@example.com";
const OTHER_EMAIL: &str = "countess@example.org";
const OTHER_PASSWORD: &str = "another horse battery";
const ENDED: &str = "session_revoked";

on_every_store!(
    an_address_is_verified_by_its_mail_and_the_password_that_was_set_with_it,
    a_password_that_was_set_by_mail_replaces_the_old_one_and_ends_every_session,
    a_password_is_set_by_the_short_code_of_the_mail_as_well,
    a_changed_password_ends_every_other_session,
    another_address_counts_once_its_mail_was_answered_and_the_old_one_is_told,
    whoever_leaves_is_forgotten_everywhere_and_may_come_back_as_somebody_new,
);

/// A server, and the mailbox of all who use it.
async fn start(store: Store) -> (Server, Mailbox) {
    let mut server = store.deployment().await.serve().await;
    let mailbox = Mailbox::of(&mut server).await;
    (server, mailbox)
}

/// Signs up and verifies the address.
async fn sign_up(client: &Client, mailbox: &Mailbox) {
    client.register(EMAIL).await;
    let mail = mailbox.mail(EMAIL, "Confirm your e-mail address").await;
    let proof = json!({ "token": mail.token(), "password": PASSWORD });
    let verified = client.post("/auth/verify-email", proof).await.is(200);
    assert_eq!(verified.body["user"]["emailVerified"], true);
}

/// The mail's link leads to a page of that server, and holds the challenge outside the secret.
fn leads_to(mail: &Mail, server: &Server, page: &str, challenge: &Value) {
    let challenge = challenge.as_str().unwrap();
    let start = format!("{}/pages/{page}?c={challenge}#", server.url);
    assert!(mail.link.as_deref().unwrap().starts_with(&start), "{mail:?}");
}

async fn an_address_is_verified_by_its_mail_and_the_password_that_was_set_with_it(store: Store) {
    let (server, mailbox) = start(store).await;
    let client = &server.client;
    let person = json!({ "email": EMAIL, "password": PASSWORD });
    let registered = client.post("/auth/register", person).await.is(201).body;
    assert_eq!(registered["verificationRequired"], false);
    assert_eq!(registered["user"]["emailVerified"], false);
    let mail = mailbox.mail(EMAIL, "Confirm your e-mail address for Doorward").await;
    leads_to(&mail, &server, "verify", &registered["challengeId"]);

    let token = json!({ "token": mail.token() });
    let unproven = client.post("/auth/verify-email", token).await.is(401);
    assert_eq!(unproven.code(), "password_required");
    let wrong = json!({ "token": mail.token(), "password": OTHER_PASSWORD });
    let refused = client.post("/auth/verify-email", wrong).await.is(401);
    assert_eq!(refused.code(), "invalid_credentials");
    let proof = json!({ "token": mail.token(), "password": PASSWORD });
    let verified = client.post("/auth/verify-email", proof.clone()).await.is(200);
    assert_eq!(verified.body["user"]["emailVerified"], true);
    let again = client.post("/auth/verify-email", proof).await.is(400);
    assert_eq!(again.code(), "invalid_token");

    let tokens = client.log_in(EMAIL).await;
    let me = client.get_as("/auth/me", &tokens.access).await.is(200).body;
    assert_eq!(me["emailVerified"], true);
}

async fn a_password_that_was_set_by_mail_replaces_the_old_one_and_ends_every_session(store: Store) {
    let (server, mailbox) = start(store).await;
    let client = &server.client;
    sign_up(client, &mailbox).await;
    let old = client.log_in(EMAIL).await;

    let asked = client.post("/auth/password/forgot", json!({ "email": EMAIL })).await.is(202).body;
    let stranger = json!({ "email": OTHER_EMAIL });
    let unknown = client.post("/auth/password/forgot", stranger).await.is(202).body;
    assert_eq!(asked["expiresIn"], unknown["expiresIn"]);
    let mail = mailbox.mail(EMAIL, "Reset your password for Doorward").await;
    leads_to(&mail, &server, "reset", &asked["challengeId"]);

    let reset = json!({ "token": mail.token(), "newPassword": OTHER_PASSWORD });
    client.post("/auth/password/reset", reset.clone()).await.is(204);
    let again = client.post("/auth/password/reset", reset).await.is(400);
    assert_eq!(again.code(), "invalid_token");

    assert_eq!(client.refresh(&old.refresh).await.is(401).code(), ENDED);
    assert_eq!(client.status_of(&old.access).await, 401);
    client.try_log_in(EMAIL).await.is(401);
    client.try_log_in_with(EMAIL, OTHER_PASSWORD).await.tokens();
    mailbox.mail(EMAIL, "Your password for Doorward was changed").await;
    assert_eq!(mailbox.mails(OTHER_EMAIL).await.len(), 0);
}

async fn a_password_is_set_by_the_short_code_of_the_mail_as_well(store: Store) {
    let (server, mailbox) = start(store).await;
    let client = &server.client;
    sign_up(client, &mailbox).await;
    let asked = client.post("/auth/password/forgot", json!({ "email": EMAIL })).await.is(202).body;
    let mail = mailbox.mail(EMAIL, "Reset your password").await;
    let reset = |code: &str| {
        let challenge = &asked["challengeId"];
        json!({ "challengeId": challenge, "code": code, "newPassword": OTHER_PASSWORD })
    };
    client.post("/auth/password/reset", reset("22222222")).await.is(400);
    client.post("/auth/password/reset", reset(&mail.code().to_lowercase())).await.is(204);
    client.try_log_in_with(EMAIL, OTHER_PASSWORD).await.tokens();
}

async fn a_changed_password_ends_every_other_session(store: Store) {
    let (server, mailbox) = start(store).await;
    let client = &server.client;
    sign_up(client, &mailbox).await;
    let (here, elsewhere) = (client.log_in(EMAIL).await, client.log_in(EMAIL).await);

    let wrong = json!({ "password": OTHER_PASSWORD });
    let refused = client.post_as("/auth/step-up", &here.access, wrong).await.is(401);
    assert_eq!(refused.code(), "invalid_credentials");
    let right = json!({ "password": PASSWORD });
    let stepped_up = client.post_as("/auth/step-up", &here.access, right).await.is(200).body;
    let access = stepped_up["accessToken"].as_str().unwrap();

    let change = json!({ "currentPassword": PASSWORD, "newPassword": OTHER_PASSWORD });
    client.post_as("/auth/password/change", access, change).await.is(204);
    assert_eq!(client.refresh(&elsewhere.refresh).await.is(401).code(), ENDED);
    assert_eq!(client.status_of(access).await, 200);
    client.refresh(&here.refresh).await.tokens();
    client.try_log_in(EMAIL).await.is(401);
    client.try_log_in_with(EMAIL, OTHER_PASSWORD).await.tokens();
    mailbox.mail(EMAIL, "Your password for Doorward was changed").await;
}

async fn another_address_counts_once_its_mail_was_answered_and_the_old_one_is_told(store: Store) {
    let (server, mailbox) = start(store).await;
    let client = &server.client;
    sign_up(client, &mailbox).await;
    let tokens = client.log_in(EMAIL).await;

    let wish = json!({ "email": OTHER_EMAIL, "name": "Ada" });
    let patched = client.patch_as("/auth/me", &tokens.access, wish).await.is(200).body;
    assert_eq!((&patched["email"], &patched["name"]), (&json!(EMAIL), &json!("Ada")));
    let mail = mailbox.mail(OTHER_EMAIL, "Confirm your new e-mail address for Doorward").await;
    leads_to(&mail, &server, "confirm", &patched["emailChange"]["challengeId"]);
    client.log_in(EMAIL).await;

    let token = json!({ "token": mail.token() });
    assert_eq!(
        client.post("/auth/verify-email", token.clone()).await.is(401).code(),
        "password_required"
    );
    let changed = client.post_as("/auth/verify-email", &tokens.access, token).await.is(200).body;
    assert_eq!(changed["user"]["email"], OTHER_EMAIL);
    client.log_in(OTHER_EMAIL).await;
    client.try_log_in(EMAIL).await.is(401);
    mailbox.mail(EMAIL, "Your e-mail address for Doorward was changed").await;
}

async fn whoever_leaves_is_forgotten_everywhere_and_may_come_back_as_somebody_new(store: Store) {
    let (server, mailbox) = start(store).await;
    let client = &server.client;
    let chatbot = Chatbot::start(&server.url).await;
    sign_up(client, &mailbox).await;
    let (here, elsewhere) = (client.log_in(EMAIL).await, client.log_in(EMAIL).await);
    let before = client.get_as("/auth/me", &here.access).await.is(200).body;
    for tokens in [&here, &elsewhere] {
        chatbot.greet(&tokens.access).await.is(200);
    }

    client.delete_as("/auth/me", &here.access).await.is(204);
    for tokens in [&here, &elsewhere] {
        assert_eq!(client.status_of(&tokens.access).await, 401);
        client.refresh(&tokens.refresh).await.is(401);
        chatbot.forgets(&tokens.access).await;
    }
    client.try_log_in(EMAIL).await.is(401);
    mailbox.mail(EMAIL, "Your Doorward account was deleted").await;

    client.register(EMAIL).await;
    let after = client.get_as("/auth/me", &client.log_in(EMAIL).await.access).await.is(200).body;
    assert_ne!(before["id"], after["id"]);
    assert_eq!(after["emailVerified"], false);
}

#[tokio::test]
async fn the_mailbox_is_for_programs_on_this_machine_alone() {
    let (server, mailbox) = start(Store::Sqlite).await;
    server.client.register(EMAIL).await;
    mailbox.mail(EMAIL, "Confirm").await;
    for host in ["localhost", "127.0.0.1:9090", "[::1]"] {
        mailbox.by_name(host).await.is(200);
    }
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "192.0.2.1"] {
        let refused = mailbox.by_name(host).await.is(404);
        assert!(!refused.body.to_string().contains(EMAIL), "{refused:?}");
    }
    server.client.get("/dev/mailbox").await.is(404);
}
