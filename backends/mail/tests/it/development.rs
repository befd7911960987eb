//! The mailbox in which mails stay.

use std::io;
use std::sync::{Arc, Mutex};

use contracts::{MailTransport, Mailbox, OutgoingMail};
use mail::DevelopmentMailbox;
use secrecy::SecretString;
use tracing::subscriber;

use crate::fixtures::{address, mail_id, mail_to};

fn mail(number: u8, recipient: &str) -> OutgoingMail {
    OutgoingMail { id: mail_id(number), ..mail_to(recipient) }
}

fn ids(mails: &[OutgoingMail]) -> Vec<String> {
    mails.iter().map(|mail| mail.id.to_string()).collect()
}

#[tokio::test]
async fn the_newest_mail_is_first() {
    let mailbox = DevelopmentMailbox::new();
    assert!(mailbox.list(None).is_empty());
    for number in 1..=3 {
        mailbox.send(&mail(number, "ada@example.com")).await.unwrap();
    }
    let expected = [3, 2, 1].map(|number| mail_id(number).to_string());
    assert_eq!(ids(&mailbox.list(None)), expected);
}

#[tokio::test]
async fn mails_are_found_by_their_address_however_it_is_typed() {
    let mailbox = DevelopmentMailbox::new();
    mailbox.send(&mail(1, "ada@example.com")).await.unwrap();
    mailbox.send(&mail(2, "bob@example.com")).await.unwrap();
    mailbox.send(&mail(3, "Ada@Example.com")).await.unwrap();
    let found = mailbox.list(Some(&address("ADA@example.com")));
    assert_eq!(ids(&found), [3, 1].map(|number| mail_id(number).to_string()));
    assert!(mailbox.list(Some(&address("eve@example.com"))).is_empty());
}

#[tokio::test]
async fn the_newest_200_mails_are_kept() {
    let mailbox = DevelopmentMailbox::new();
    for number in 0..=200 {
        mailbox.send(&mail(number, "ada@example.com")).await.unwrap();
    }
    let kept = ids(&mailbox.list(None));
    assert_eq!(kept.len(), 200);
    assert_eq!(kept.last(), Some(&mail_id(1).to_string()));
}

#[tokio::test]
async fn the_mailbox_can_always_be_used() {
    DevelopmentMailbox::new().check().await.unwrap();
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_tells_of_a_mail_and_nothing_that_is_in_it() {
    let log = Log::default();
    let writer = log.clone();
    let logging = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .without_time()
        .finish();
    let _guard = subscriber::set_default(logging);
    let secret = || Some(SecretString::from("hunter2"));
    let mail = OutgoingMail { link: secret(), code: secret(), ..mail(1, "ada@example.com") };
    DevelopmentMailbox::new().send(&mail).await.unwrap();

    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    insta::assert_snapshot!(
        logged.trim_end(),
        @" INFO mail::development: a mail waits in the development mailbox mail.id=mail_01m812w150e40r2081040g2081"
    );
}

#[test]
fn a_mail_that_is_shown_shows_no_words_and_no_address() {
    let secret = || Some(SecretString::from("hunter2"));
    let mail = OutgoingMail { link: secret(), code: secret(), ..mail(1, "ada@example.com") };
    let shown = format!("{mail:?}");
    assert!(shown.contains("Hello"), "{shown}");
    for hidden in ["ada", "Some words", "hunter2"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}
