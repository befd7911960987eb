//! Mails that were not taken: tried again, given up, shown to operators, and removed.

use std::time::Duration;

use contracts::{Clock as _, MailState};
use harness::{EMAIL, MailAnswer, ScriptedTransport, TestServer};
use service::RetryMailError;

use super::{only, outbox, relay, with_notice, with_reset};

const A_MOMENT: Duration = Duration::from_millis(1);

/// Lets time pass until just before the mail is due, and then until it is; it is tried only then.
async fn try_when_due(server: &TestServer, transport: &ScriptedTransport, answer: MailAnswer) {
    let wait = only(server).await.due_at.since(server.clock.now());
    server.clock.advance(wait.checked_sub(A_MOMENT).unwrap());
    assert_eq!(relay(server, transport, answer).await, 0, "too early");
    server.clock.advance(A_MOMENT);
    assert_eq!(relay(server, transport, answer).await, 1);
}

#[tokio::test]
async fn a_mail_that_was_not_taken_is_tried_after_growing_waits() {
    let (server, _) = with_notice().await;
    let transport = ScriptedTransport::new(MailAnswer::Failed);
    assert_eq!(relay(&server, &transport, MailAnswer::Failed).await, 1);
    for (attempts, wait) in [(1, 5), (2, 10), (3, 20), (4, 40)] {
        let mail = only(&server).await;
        assert_eq!((mail.state, mail.attempts), (MailState::Waiting, attempts));
        assert_eq!(mail.due_at.since(server.clock.now()), Duration::from_secs(wait));
        assert_eq!(
            mail.last_error.as_deref(),
            Some("the mail could not be sent: the test said so")
        );
        try_when_due(&server, &transport, MailAnswer::Failed).await;
    }
    try_when_due(&server, &transport, MailAnswer::Taken).await;
    assert!(outbox(&server).await.is_empty());
    assert_eq!(server.mails_to(EMAIL).await.len(), 0, "it went elsewhere");
}

#[tokio::test]
async fn after_twenty_four_attempts_a_mail_is_given_up() {
    let (server, _) = with_notice().await;
    let transport = ScriptedTransport::new(MailAnswer::Failed);
    relay(&server, &transport, MailAnswer::Failed).await;
    for attempts in 1..24 {
        assert_eq!(only(&server).await.attempts, attempts);
        try_when_due(&server, &transport, MailAnswer::Failed).await;
    }
    let mail = only(&server).await;
    assert_eq!((mail.state, mail.attempts), (MailState::Dead, 24));
    assert!(!mail.mail.sealed_values.is_empty());
    server.clock.advance(Duration::from_hours(24));
    assert_eq!(relay(&server, &transport, MailAnswer::Taken).await, 0);

    server.service.retry_mail(mail.mail.id).await.unwrap();
    assert_eq!(only(&server).await.attempts, 0);
    assert_eq!(relay(&server, &transport, MailAnswer::Taken).await, 1);
    assert!(outbox(&server).await.is_empty());
}

#[tokio::test]
async fn a_refused_mail_is_given_up_at_once_and_an_operator_can_have_it_sent() {
    let (server, _) = with_notice().await;
    let transport = ScriptedTransport::new(MailAnswer::Refused);
    let relayed = server.relay_mails(&transport).await;
    assert_eq!((relayed.sent, relayed.postponed, relayed.given_up), (0, 0, 1));
    let mail = only(&server).await;
    assert_eq!((mail.state, mail.attempts), (MailState::Dead, 1));
    assert_eq!(mail.last_error.as_deref(), Some("the mail was refused: the test said so"));
    server.clock.advance(Duration::from_hours(71));
    assert_eq!(relay(&server, &transport, MailAnswer::Taken).await, 0);

    server.service.retry_mail(mail.mail.id).await.unwrap();
    assert_eq!(only(&server).await.state, MailState::Waiting);
    assert_eq!(relay(&server, &transport, MailAnswer::Taken).await, 1);
    assert!(outbox(&server).await.is_empty());
    let gone = server.service.retry_mail(mail.mail.id).await;
    assert!(matches!(gone, Err(RetryMailError::UnknownMail)), "{gone:?}");
}

#[tokio::test]
async fn a_mail_whose_code_has_expired_is_never_sent() {
    let server = with_reset().await;
    let id = only(&server).await.mail.id;
    server.clock.advance(Duration::from_mins(10));
    let transport = ScriptedTransport::new(MailAnswer::Taken);
    let relayed = server.relay_mails(&transport).await;
    assert_eq!((relayed.sent, relayed.postponed, relayed.given_up), (0, 0, 1));
    assert!(transport.tried().is_empty());
    let mail = only(&server).await;
    assert_eq!((mail.state, mail.attempts), (MailState::Dead, 0));
    assert_eq!(mail.last_error.as_deref(), Some("it was not sent in time"));
    assert!(mail.mail.sealed_values.is_empty());
    let expired = server.service.retry_mail(id).await;
    assert!(matches!(expired, Err(RetryMailError::Expired)), "{expired:?}");
}

#[tokio::test]
async fn a_mail_that_keeps_failing_until_its_code_expires_says_why() {
    let server = with_reset().await;
    let transport = ScriptedTransport::new(MailAnswer::Failed);
    relay(&server, &transport, MailAnswer::Failed).await;
    while server.clock.now() < only(&server).await.mail.expires_at {
        let wait = only(&server).await.due_at.since(server.clock.now());
        server.clock.advance(wait);
        server.relay_mails(&transport).await;
    }
    let mail = only(&server).await;
    assert_eq!((mail.state, mail.mail.sealed_values.len()), (MailState::Dead, 0));
    assert_eq!(mail.last_error.as_deref(), Some("the mail could not be sent: the test said so"));
    // 5 s, 10 s, 20 s … 320 s are less than ten minutes, and twice that is more.
    assert_eq!((mail.attempts, transport.tried().len()), (7, 7));
}

#[tokio::test]
async fn a_dead_mail_loses_its_values_when_they_expire_and_goes_two_weeks_later() {
    let two_weeks = Duration::from_hours(14 * 24);
    let server = with_reset().await;
    let transport = ScriptedTransport::new(MailAnswer::Refused);
    server.relay_mails(&transport).await;
    let id = only(&server).await.mail.id;

    server.clock.advance(Duration::from_mins(10).checked_sub(A_MOMENT).unwrap());
    server.relay_mails(&transport).await;
    assert!(!only(&server).await.mail.sealed_values.is_empty());
    server.clock.advance(A_MOMENT);
    let relayed = server.relay_mails(&transport).await;
    assert_eq!((relayed.sent, relayed.postponed, relayed.given_up), (0, 0, 0));
    let mail = only(&server).await;
    assert_eq!((mail.state, mail.mail.sealed_values.len()), (MailState::Dead, 0));
    assert_eq!(mail.last_error.as_deref(), Some("the mail was refused: the test said so"));
    let expired = server.service.retry_mail(id).await;
    assert!(matches!(expired, Err(RetryMailError::Expired)), "{expired:?}");

    server.clock.advance(two_weeks.checked_sub(A_MOMENT).unwrap());
    server.relay_mails(&transport).await;
    assert_eq!(only(&server).await.mail.id, id);
    server.clock.advance(A_MOMENT);
    server.relay_mails(&transport).await;
    assert!(outbox(&server).await.is_empty());
    assert_eq!(transport.tried().len(), 1);
}

#[tokio::test]
async fn an_expired_mail_is_not_retried_even_before_its_values_are_erased() {
    let server = with_reset().await;
    let transport = ScriptedTransport::new(MailAnswer::Refused);
    server.relay_mails(&transport).await;
    let mail = only(&server).await;
    server.clock.advance(Duration::from_mins(10));
    assert!(!mail.mail.sealed_values.is_empty());
    let expired = server.service.retry_mail(mail.mail.id).await;
    assert!(matches!(expired, Err(RetryMailError::Expired)), "{expired:?}");
    assert_eq!(only(&server).await, mail);
}

#[tokio::test]
async fn the_list_comes_in_pages() {
    let server = TestServer::start().await;
    for number in 0..5 {
        server.register(&format!("user{number}@example.com")).await;
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = server.service.list_mails(after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.mail.id);
        seen.extend(page.iter().map(|mail| mail.mail.id));
    }
    assert_eq!(seen.len(), 5);
    assert!(seen.is_sorted());
}

/// Whoever asked to be forgotten is not kept as the recipient of a mail that cannot be sent.
#[tokio::test]
async fn a_farewell_that_is_refused_is_not_kept() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    server.mails_to(EMAIL).await;
    server.delete_as(&tokens.access, "/auth/me").await.assert_status(204);
    assert_eq!(outbox(&server).await.len(), 1);
    let transport = ScriptedTransport::new(MailAnswer::Refused);
    assert_eq!(relay(&server, &transport, MailAnswer::Refused).await, 1);
    assert!(outbox(&server).await.is_empty());
}
