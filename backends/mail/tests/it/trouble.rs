//! Servers that refuse, hang and die.

use std::time::Duration;

use contracts::MailTransport;

use crate::catcher::Catcher;
use crate::fixtures::{chain, failed, impatient_transport, mail_to, refused, settings, transport};
use crate::scripted::{Scripted, well};

const RECIPIENT: &str = "ada@example.com";

#[tokio::test]
async fn a_mail_to_nobody_is_refused_and_the_next_one_is_sent() {
    let mut catcher = Catcher::start(&["--refuse-recipient"]).await;
    let transport = transport(settings(catcher.port));
    let error = transport.send(&mail_to("bounce@example.com")).await.unwrap_err();
    // The server repeats the address; nobody here does.
    assert!(!format!("{error:?}").contains("bounce"), "{error:?}");
    assert_eq!(
        refused(Err(error)),
        "the mail was refused: the mail server answered RCPT with 550 5.1.1"
    );
    transport.send(&mail_to(RECIPIENT)).await.unwrap();
    assert_eq!(catcher.mail().await.recipients(), [RECIPIENT]);
}

#[tokio::test]
async fn content_that_the_server_never_takes_is_refused() {
    let catcher = Catcher::start(&["--refuse-all-with", "554", "--refuse-at", "data"]).await;
    let refusal = refused(transport(settings(catcher.port)).send(&mail_to(RECIPIENT)).await);
    assert_eq!(refusal, "the mail was refused: the mail server answered DATA with 554 5.7.1");
}

#[tokio::test]
async fn what_the_server_does_not_take_now_is_a_failure() {
    for at in ["mail", "rcpt", "data"] {
        let catcher = Catcher::start(&["--refuse-all-with", "451", "--refuse-at", at]).await;
        let failure = failed(transport(settings(catcher.port)).send(&mail_to(RECIPIENT)).await);
        assert!(failure.ends_with("with 451 4.7.1"), "{failure}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_take_mails_from_us_does_not_refuse_the_mail() {
    let catcher = Catcher::start(&["--refuse-all-with", "550", "--refuse-at", "mail"]).await;
    failed(transport(settings(catcher.port)).send(&mail_to(RECIPIENT)).await);
    let catcher = Catcher::start(&["--refuse-all-with", "530", "--refuse-at", "rcpt"]).await;
    failed(transport(settings(catcher.port)).send(&mail_to(RECIPIENT)).await);

    let server = Scripted::start(|_, line| match line {
        "" => Some("554 not you"),
        _ => None,
    })
    .await;
    let failure = failed(transport(settings(server.port)).send(&mail_to(RECIPIENT)).await);
    assert_eq!(
        failure,
        "the mail could not be sent: the mail server answered the connection with 554"
    );
}

#[tokio::test]
async fn a_server_that_never_speaks_is_given_up() {
    let catcher = Catcher::start(&["--hang"]).await;
    let transport = impatient_transport(catcher.port, Duration::from_millis(300));
    let expected = "the mail could not be sent: the mail server took longer than 300ms";
    assert_eq!(failed(transport.send(&mail_to(RECIPIENT)).await), expected);
    assert_eq!(failed(transport.check().await), expected);
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_a_failure() {
    let failure = failed(transport(settings(1)).send(&mail_to(RECIPIENT)).await);
    assert!(failure.contains("the connection failed"), "{failure}");
}

#[tokio::test]
async fn what_is_no_smtp_is_a_failure_that_does_not_repeat_it() {
    let server = Scripted::start(|_, _| Some("HTTP/1.1 400 hunter2")).await;
    let error = transport(settings(server.port)).send(&mail_to(RECIPIENT)).await.unwrap_err();
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    let shown = chain(&error);
    assert!(shown.ends_with("the connection ended, or the answer is not SMTP"), "{shown}");
    failed(Err(error));
}

#[tokio::test]
async fn a_server_that_dies_within_a_mail_gets_the_mail_again_later() {
    let mut catcher = Catcher::start(&["--die-in-data", "--die-times", "2"]).await;
    let transport = transport(settings(catcher.port));
    failed(transport.send(&mail_to(RECIPIENT)).await);
    failed(transport.send(&mail_to(RECIPIENT)).await);
    transport.send(&mail_to(RECIPIENT)).await.unwrap();
    assert_eq!(catcher.mail().await.connection(), 3);
    assert!(catcher.end().await.is_empty());
}

/// Else the next mail's commands would become words of this one, and go to its reader.
#[tokio::test]
async fn a_connection_that_was_given_up_within_a_mail_is_never_used_again() {
    let server = Scripted::start(|connection, line| match (connection, line) {
        (1, "DATA") => None,
        _ => Some(well(line)),
    })
    .await;
    let transport = impatient_transport(server.port, Duration::from_secs(1));
    failed(transport.send(&mail_to(RECIPIENT)).await);
    transport.send(&mail_to("bob@example.com")).await.unwrap();
    let seen = server.seen();
    let last_of_first = seen.iter().rfind(|line| line.starts_with("1 ")).unwrap();
    assert_eq!(last_of_first, "1 DATA");
    assert!(seen.contains(&"2 RCPT TO:<bob@example.com>".to_owned()), "{seen:?}");
}

#[tokio::test]
async fn a_kept_connection_that_the_server_has_ended_costs_no_mail() {
    let server = Scripted::start(|connection, line| match (connection, line) {
        (1, "NOOP") => Some("421 too long idle"),
        _ => Some(well(line)),
    })
    .await;
    let transport = transport(settings(server.port));
    transport.send(&mail_to(RECIPIENT)).await.unwrap();
    transport.send(&mail_to(RECIPIENT)).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen.iter().filter(|line| line.ends_with(" DATA")).count(), 2);
    assert!(seen.contains(&"2 DATA".to_owned()), "{seen:?}");
}
