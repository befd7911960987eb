//! How mails get into the outbox and out of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use contracts::{MailOutboxStore as _, MailState, Replaced};
use harness::{EMAIL, MailAnswer, PASSWORD, ScriptedTransport, TestServer};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{forget, only, outbox, relay, with_notice, with_reset};

#[tokio::test]
async fn a_mail_that_was_sent_is_gone() {
    let server = with_reset().await;
    let waiting = only(&server).await;
    assert_eq!((waiting.state, waiting.attempts), (MailState::Waiting, 0));
    let transport = ScriptedTransport::new(MailAnswer::Taken);
    let relayed = server.relay_mails(&transport).await;
    assert_eq!((relayed.sent, relayed.postponed, relayed.given_up), (1, 0, 0));
    assert!(outbox(&server).await.is_empty());
    let sent = transport.tried();
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].id, sent[0].recipient.as_typed()), (waiting.mail.id, EMAIL));
    assert_eq!(relay(&server, &transport, MailAnswer::Taken).await, 0);
}

#[tokio::test]
async fn a_mail_goes_to_the_stored_address_however_it_was_typed() {
    let server = TestServer::start().await;
    server.put_user("Ada@Example.com", |user| user.is_email_verified = true).await;
    forget(&server, " ADA@EXAMPLE.COM").await;
    assert_eq!(only(&server).await.mail.recipient.as_typed(), "Ada@Example.com");
}

#[tokio::test]
async fn no_request_waits_for_a_mail_or_fails_with_it() {
    let server = TestServer::start().await;
    for answer in [MailAnswer::Failed, MailAnswer::Refused] {
        let email = format!("{answer:?}@example.com");
        let transport = ScriptedTransport::new(answer);
        let body = json!({ "email": email, "password": PASSWORD });
        server.post("/auth/register", body).await.assert_status(201);
        forget(&server, &email).await;
        assert!(transport.tried().is_empty());
        assert_eq!(relay(&server, &transport, answer).await, 2);
        server.sign_in(&email).await;
    }
}

#[tokio::test]
async fn the_outbox_shows_neither_tokens_nor_codes() {
    let server = with_reset().await;
    let sealed = only(&server).await;
    let mail = server.newest_mail_to(EMAIL).await;
    let shown = format!("{sealed:?}");
    for secret in [mail.token(), mail.code(), mail.challenge()] {
        assert!(!shown.contains(secret), "{shown}");
        let bytes = &sealed.mail.sealed_values;
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
}

#[tokio::test]
async fn values_open_for_their_own_mail_only() {
    let server = with_reset().await;
    server.put_user("eve@example.com", |user| user.is_email_verified = true).await;
    server.clock.advance(std::time::Duration::from_secs(1));
    forget(&server, "eve@example.com").await;
    let mut mails = outbox(&server).await;
    let to_eve = mails.iter().position(|mail| mail.mail.recipient.as_typed() != EMAIL).unwrap();
    let mut to_eve = mails.swap_remove(to_eve);
    // Somebody who can write to the store sends Eve the token that is Ada's.
    to_eve.mail.sealed_values.clone_from(&mails[0].mail.sealed_values);
    let was_due_at = to_eve.due_at;
    let replaced = server.store.inner().replace_mail(&to_eve, was_due_at).await.unwrap();
    assert_eq!(replaced, Replaced::Yes);

    let transport = ScriptedTransport::new(MailAnswer::Taken);
    let relayed = server.relay_mails(&transport).await;
    assert_eq!((relayed.sent, relayed.postponed), (1, 1));
    assert!(transport.tried().iter().all(|mail| mail.recipient.as_typed() == EMAIL));
    let left = only(&server).await;
    assert_eq!((left.mail.id, left.attempts), (to_eve.mail.id, 1));
    let error = left.last_error.unwrap();
    assert_eq!(error.split(": ").nth(1), Some("a sealed value does not open"), "{error}");
}

#[tokio::test]
async fn without_the_change_there_is_no_mail() {
    for (broken, path) in [("insert_user", "/auth/register"), ("put_code", "/auth/password/forgot")]
    {
        let server = TestServer::start().await;
        server.put_user(EMAIL, |user| user.is_email_verified = true).await;
        server.store.fail(broken);
        let email = if broken == "insert_user" { "eve@example.com" } else { EMAIL };
        let answer = server.post(path, json!({ "email": email, "password": PASSWORD })).await;
        answer.assert_problem(503, "dependency_unavailable");
        assert!(outbox(&server).await.is_empty(), "{broken}");
    }
    let server = TestServer::start().await;
    server.register(EMAIL).await;
    assert_eq!(outbox(&server).await.len(), 1);
    let again =
        server.post("/auth/register", json!({ "email": EMAIL, "password": PASSWORD })).await;
    again.assert_problem(409, "email_taken");
    assert_eq!(outbox(&server).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_relays_at_once_send_each_mail_once() {
    let server = Arc::new(TestServer::start().await);
    let other = server.beside().start().await;
    for number in 0..40 {
        server.register(&format!("user{number}@example.com")).await;
    }
    let transport = ScriptedTransport::new(MailAnswer::Taken);
    let (here, there) = tokio::join!(server.relay_mails(&transport), other.relay_mails(&transport));
    assert_eq!(here.sent + there.sent, 40);
    let ids = transport.tried_ids();
    assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (40, 40));
    assert!(outbox(&server).await.is_empty());
}

/// It is sent again: a mail that comes twice is better than one that never comes.
#[tokio::test]
async fn a_mail_that_could_not_be_marked_as_sent_keeps_its_id() {
    let (server, _) = with_notice().await;
    let transport = ScriptedTransport::new(MailAnswer::Taken);
    let words = harness::mail::Templates::open(None, "Doorward").unwrap();
    server.store.fail("delete_mail");
    assert!(server.service.relay_mails(&words, &transport).await.is_err());
    let other = server.beside().start().await;
    assert_eq!(relay(&other, &transport, MailAnswer::Taken).await, 0, "the lease still runs");
    server.clock.advance(std::time::Duration::from_mins(1));
    assert_eq!(relay(&other, &transport, MailAnswer::Taken).await, 1);
    let sent = transport.tried();
    assert_eq!(sent[0].id, sent[1].id);
    let text = |index: usize| sent[index].rendered.text.expose_secret().to_owned();
    assert_eq!(text(0), text(1));
    assert!(outbox(&server).await.is_empty());
}

#[tokio::test]
async fn a_store_that_is_down_loses_no_mail() {
    let server = with_reset().await;
    let transport = ScriptedTransport::new(MailAnswer::Taken);
    let words = harness::mail::Templates::open(None, "Doorward").unwrap();
    server.store.go_down();
    assert!(server.service.relay_mails(&words, &transport).await.is_err());
    assert!(transport.tried().is_empty());
    server.store.come_up();
    assert_eq!(relay(&server, &transport, MailAnswer::Taken).await, 1);
}
