//! A relay that is held up, or dies, while it sends.

use std::time::Duration;

use contracts::{Clock as _, MailState};
use harness::mail::Templates;
use harness::{MailAnswer, ScriptedTransport, TestServer};

use super::{only, outbox, relay, with_notice};

const LEASE: Duration = Duration::from_mins(1);

/// Has a relay try the mail and stay at it beyond its lease; then `meanwhile` happens, and the
/// server says to the first one what was decided before.
async fn held_up(server: &TestServer, answer: MailAnswer, meanwhile: impl AsyncFnOnce()) {
    let words = Templates::open(None, "Doorward").unwrap();
    let slow = ScriptedTransport::new(answer);
    let mut paused = slow.pause();
    let goes_on = async {
        paused.reached().await;
        server.clock.advance(LEASE);
        meanwhile().await;
        paused.resume();
    };
    let (relayed, ()) = tokio::join!(server.service.relay_mails(&words, &slow), goes_on);
    relayed.unwrap();
    assert_eq!(slow.tried().len(), 1);
}

#[tokio::test]
async fn a_mail_that_somebody_sends_is_nobody_elses() {
    let (server, _) = with_notice().await;
    let words = Templates::open(None, "Doorward").unwrap();
    let (slow, other) =
        (ScriptedTransport::new(MailAnswer::Taken), ScriptedTransport::new(MailAnswer::Taken));
    let mut paused = slow.pause();
    let goes_on = async {
        paused.reached().await;
        let early = LEASE.checked_sub(Duration::from_millis(1)).unwrap();
        for wait in [Duration::ZERO, early] {
            server.clock.advance(wait);
            assert_eq!(relay(&server, &other, MailAnswer::Taken).await, 0);
        }
        paused.resume();
    };
    let (relayed, ()) = tokio::join!(server.service.relay_mails(&words, &slow), goes_on);
    assert_eq!(relayed.unwrap().sent, 1);
    assert!(outbox(&server).await.is_empty());
}

#[tokio::test]
async fn a_late_failure_does_not_bring_a_sent_mail_back() {
    for late in [MailAnswer::Failed, MailAnswer::Refused] {
        let (server, _) = with_notice().await;
        held_up(&server, late, async || {
            let other = ScriptedTransport::new(MailAnswer::Taken);
            assert_eq!(relay(&server, &other, MailAnswer::Taken).await, 1);
        })
        .await;
        assert!(outbox(&server).await.is_empty(), "{late:?}");
    }
}

#[tokio::test]
async fn a_late_failure_changes_nothing_of_what_another_relay_found() {
    for late in [MailAnswer::Failed, MailAnswer::Refused] {
        let (server, _) = with_notice().await;
        held_up(&server, late, async || {
            let other = ScriptedTransport::new(MailAnswer::Failed);
            assert_eq!(relay(&server, &other, MailAnswer::Failed).await, 1);
        })
        .await;
        let mail = only(&server).await;
        assert_eq!((mail.state, mail.attempts), (MailState::Waiting, 1), "{late:?}");
        assert_eq!(mail.due_at.since(server.clock.now()), Duration::from_secs(5), "{late:?}");
    }
}

#[tokio::test]
async fn a_late_success_is_one() {
    let (server, _) = with_notice().await;
    held_up(&server, MailAnswer::Taken, async || {
        let other = ScriptedTransport::new(MailAnswer::Failed);
        assert_eq!(relay(&server, &other, MailAnswer::Failed).await, 1);
    })
    .await;
    assert!(outbox(&server).await.is_empty());
}

#[tokio::test]
async fn a_relay_that_dies_leaves_its_mails_to_the_next_one() {
    let (server, _) = with_notice().await;
    let words = Templates::open(None, "Doorward").unwrap();
    let dying = ScriptedTransport::new(MailAnswer::Taken);
    let mut paused = dying.pause();
    {
        let sending = std::pin::pin!(server.service.relay_mails(&words, &dying));
        let reached = std::pin::pin!(paused.reached());
        tokio::select! {
            _ = sending => panic!("it is held up"),
            () = reached => (),
        }
    }
    let next = ScriptedTransport::new(MailAnswer::Taken);
    assert_eq!(relay(&server, &next, MailAnswer::Taken).await, 0);
    server.clock.advance(LEASE);
    assert_eq!(relay(&server, &next, MailAnswer::Taken).await, 1);
    assert_eq!(dying.tried_ids(), next.tried_ids());
    assert!(outbox(&server).await.is_empty());
}

/// Not even the erasure of the user makes a relay fail that holds their mail.
#[tokio::test]
async fn a_mail_that_is_gone_meanwhile_stays_gone() {
    let (server, tokens) = with_notice().await;
    held_up(&server, MailAnswer::Failed, async || {
        server.delete_as(&tokens.access, "/auth/me").await.assert_status(204);
    })
    .await;
    assert_eq!(only(&server).await.mail.template.name(), "account_deleted");
}
