//! Mails that arrive.

use std::time::Duration;

use contracts::{MailTransport, OutgoingMail, RenderedMail};
use mail::{OpenSmtpError, Sender, SmtpSettings, SmtpTransport};
use secrecy::SecretString;

use crate::catcher::Catcher;
use crate::fixtures::{address, mail_id, mail_to, settings, transport};
use crate::scripted::{Scripted, well};

#[tokio::test]
async fn a_mail_arrives_as_it_was_written() {
    let mut catcher = Catcher::start(&[]).await;
    let rendered = RenderedMail {
        subject: "Bestätigen Sie Ihre Adresse für „Bücher & Söhne“ 📚".to_owned(),
        text: SecretString::from("Grüße!\n.\n..\nhttps://service.example/confirm#abc=def\n"),
        html: SecretString::from("<p>Grüße! 📚 <a href=\"https://a.example/#x=y\">Link</a></p>\n"),
    };
    let mail = OutgoingMail { rendered, ..mail_to("Ada.Lovelace+new@Example.com") };
    transport(settings(catcher.port)).send(&mail).await.unwrap();

    let caught = catcher.mail().await;
    assert_eq!(caught.text_of("from"), "accounts@service.example");
    assert_eq!(caught.recipients(), ["Ada.Lovelace+new@Example.com"]);
    assert_eq!(caught.text_of("text"), "Grüße!\n.\n..\nhttps://service.example/confirm#abc=def\n");
    assert_eq!(
        caught.text_of("html"),
        "<p>Grüße! 📚 <a href=\"https://a.example/#x=y\">Link</a></p>\n"
    );
    insta::assert_snapshot!(caught.headers().join("\n"), @r#"
    From: Example Accounts <accounts@service.example>
    To: Ada.Lovelace+new@Example.com
    Subject: Bestätigen Sie Ihre Adresse für „Bücher & Söhne“ 📚
    Date: Sun, 22 Nov 2026 07:35:00 +0000
    Message-ID: <mail_01m812w150e40r2081040g2081@service.example>
    Auto-Submitted: auto-generated
    MIME-Version: 1.0
    Content-Type: multipart/alternative; boundary="part_mail_01m812w150e40r2081040g2081"
    "#);
    let data = caught.text_of("data");
    assert!(data.is_ascii());
    assert_eq!(data.matches('\n').count(), data.matches("\r\n").count());
    assert!(data.lines().all(|line| line.len() <= 78), "{data}");
}

#[tokio::test]
async fn a_mail_is_the_same_bytes_at_every_attempt() {
    let mut catcher = Catcher::start(&[]).await;
    let transport = transport(settings(catcher.port));
    let mail = mail_to("ada@example.com");
    transport.send(&mail).await.unwrap();
    transport.send(&mail).await.unwrap();
    let first = catcher.mail().await.text_of("data").to_owned();
    assert_eq!(catcher.mail().await.text_of("data"), first);
    insta::assert_snapshot!(first.replace("\r\n", "\n"), @r#"
    From: "Example Accounts" <accounts@service.example>
    To: ada@example.com
    Subject: Hello
    Date: Sun, 22 Nov 2026 07:35:00 +0000
    Message-ID: <mail_01m812w150e40r2081040g2081@service.example>
    Auto-Submitted: auto-generated
    MIME-Version: 1.0
    Content-Type: multipart/alternative;
     boundary="part_mail_01m812w150e40r2081040g2081"

    --part_mail_01m812w150e40r2081040g2081
    Content-Type: text/plain; charset=utf-8
    Content-Transfer-Encoding: 7bit

    Some words

    --part_mail_01m812w150e40r2081040g2081
    Content-Type: text/html; charset=utf-8
    Content-Transfer-Encoding: 7bit

    <p>Some words</p>

    --part_mail_01m812w150e40r2081040g2081--
    "#);
}

#[tokio::test]
async fn answers_go_where_the_settings_say() {
    let mut catcher = Catcher::start(&[]).await;
    let reply_to = Some(address("help@service.example"));
    let transport = transport(SmtpSettings { reply_to, ..settings(catcher.port) });
    transport.send(&mail_to("ada@example.com")).await.unwrap();
    let headers = catcher.mail().await.headers();
    assert!(headers.contains(&"Reply-To: help@service.example".to_owned()), "{headers:?}");
}

#[tokio::test]
async fn several_mails_go_over_one_connection() {
    let mut catcher = Catcher::start(&[]).await;
    let transport = transport(settings(catcher.port));
    for number in 1..=3 {
        let mail = OutgoingMail { id: mail_id(number), ..mail_to("ada@example.com") };
        transport.send(&mail).await.unwrap();
        let caught = catcher.mail().await;
        assert_eq!(caught.connection(), 1);
        assert!(caught.text_of("data").contains(&mail.id.to_string()));
    }
}

#[tokio::test]
async fn mails_at_the_same_time_have_each_their_own_connection() {
    let mut catcher = Catcher::start(&[]).await;
    let transport = transport(settings(catcher.port));
    let [ada, bob] = ["ada@example.com", "bob@example.com"].map(mail_to);
    let (first, second) = tokio::join!(transport.send(&ada), transport.send(&bob));
    first.unwrap();
    second.unwrap();
    let mut connections = [catcher.mail().await.connection(), catcher.mail().await.connection()];
    connections.sort_unstable();
    assert_eq!(connections, [1, 2]);
}

#[tokio::test]
async fn a_connection_that_was_idle_for_a_minute_is_closed() {
    let server = Scripted::start(|_, line| Some(well(line))).await;
    let transport = transport(settings(server.port));
    transport.send(&mail_to("ada@example.com")).await.unwrap();
    assert_eq!(server.good_byes(), 0);

    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    server.until_good_byes(1).await;
}

#[tokio::test]
async fn of_many_connections_four_are_kept() {
    let server = Scripted::start(|_, line| Some(well(line))).await;
    let transport = transport(settings(server.port));
    let mail = mail_to("ada@example.com");
    let sent = tokio::join!(
        transport.send(&mail),
        transport.send(&mail),
        transport.send(&mail),
        transport.send(&mail),
        transport.send(&mail),
        transport.send(&mail),
    );
    assert!(<[_; 6]>::from(sent).iter().all(Result::is_ok));
    server.until_good_byes(2).await;
    transport.send(&mail).await.unwrap();
    assert_eq!(server.good_byes(), 2);
    assert!(!server.seen().contains(&"7 EHLO service.example".to_owned()));
}

#[tokio::test]
async fn the_server_hears_our_domain_and_not_the_name_of_the_machine() {
    let server = Scripted::start(|_, line| Some(well(line))).await;
    transport(settings(server.port)).send(&mail_to("ada@example.com")).await.unwrap();
    assert_eq!(server.seen()[0], "1 EHLO service.example");
}

#[tokio::test]
async fn a_sender_with_quotes_and_commas_in_the_name_is_one_sender() {
    let mut catcher = Catcher::start(&[]).await;
    let name = Some("Bücher \"& Söhne\", <evil@evil.example>\\".to_owned());
    let from = Sender { name, address: address("accounts@service.example") };
    let transport = transport(SmtpSettings { from, ..settings(catcher.port) });
    transport.send(&mail_to("ada@example.com")).await.unwrap();
    let caught = catcher.mail().await;
    assert_eq!(
        caught.headers()[0],
        "From: \"Bücher \\\"& Söhne\\\", <evil@evil.example>\\\\\" <accounts@service.example>"
    );
}

#[tokio::test]
async fn a_sender_with_a_line_end_in_the_name_is_refused() {
    for name in ["Accounts\r\nBcc: eve@evil.example", "Accounts\nX: y", "A\u{0}"] {
        let address = address("accounts@service.example");
        let from = Sender { name: Some(name.to_owned()), address };
        let opened = SmtpTransport::open(SmtpSettings { from, ..settings(1) });
        assert!(matches!(opened.err(), Some(OpenSmtpError::ControlCharacterInName)), "{name:?}");
    }
}

#[tokio::test]
async fn a_subject_with_a_line_end_adds_no_header() {
    let mut catcher = Catcher::start(&[]).await;
    let transport = transport(settings(catcher.port));
    for subject in ["Hello\r\nBcc: eve@evil.example", "Hello\nX-Evil: 1", "Hello\r\n\r\nEvil"] {
        let mut mail = mail_to("ada@example.com");
        mail.rendered.subject = subject.to_owned();
        transport.send(&mail).await.unwrap();
        let caught = catcher.mail().await;
        assert_eq!(caught.recipients(), ["ada@example.com"]);
        let headers = caught.headers();
        let names: Vec<_> = headers.iter().filter_map(|header| header.split(':').next()).collect();
        assert_eq!(
            names,
            [
                "From",
                "To",
                "Subject",
                "Date",
                "Message-ID",
                "Auto-Submitted",
                "MIME-Version",
                "Content-Type"
            ],
            "{subject:?}"
        );
        assert_eq!(caught.text_of("text"), "Some words\n");
    }
}

#[tokio::test]
async fn a_check_sends_no_mail() {
    let catcher = Catcher::start(&[]).await;
    transport(settings(catcher.port)).check().await.unwrap();
    assert!(catcher.end().await.is_empty());
}
