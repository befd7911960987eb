//! The mail that tells of a sign-in from a device that was not used before.

use std::time::Duration;

use harness::reqwest::Method;
use harness::{EMAIL, PASSWORD, ReceivedMail, TestServer, Tokens};
use serde_json::json;

const BROWSER: &str = "Browser/141.0 (Linux x86_64)";
const PHONE: &str = "Phone/9 (Mobile)";

async fn sign_in_by(server: &TestServer, user_agent: &str) -> Tokens {
    let request = server.request(Method::POST, "/auth/login").header("user-agent", user_agent);
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    Tokens::of(&server.send(request.json(&body)).await)
}

/// A user with a verified address, who has signed in with [`BROWSER`] once.
async fn start() -> TestServer {
    let server = TestServer::start().await;
    server.put_user(EMAIL, |user| user.is_email_verified = true).await;
    sign_in_by(&server, BROWSER).await;
    server
}

async fn mails(server: &TestServer) -> Vec<ReceivedMail> {
    server.mails_to(EMAIL).await
}

#[tokio::test]
async fn the_first_sign_in_ever_is_no_news() {
    let server = start().await;
    assert!(mails(&server).await.is_empty());
}

#[tokio::test]
async fn a_known_device_is_no_news_even_after_an_update() {
    let server = start().await;
    for again in [BROWSER, "Browser/142.1.7 (Linux x86_64)", BROWSER] {
        sign_in_by(&server, again).await;
        assert!(mails(&server).await.is_empty(), "{again}");
    }
}

#[tokio::test]
async fn another_device_is_told_of_once_with_its_name_and_address() {
    let server = start().await;
    server.clock.advance(Duration::from_mins(1));
    sign_in_by(&server, PHONE).await;
    sign_in_by(&server, PHONE).await;
    let mails = mails(&server).await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    let mail = &mails[0];
    assert_eq!(mail.subject, "A new device signed in to Doorward");
    for words in [PHONE, "127.0.0.1"] {
        assert!(mail.text.contains(words) && mail.html.contains(words), "{words}: {mail:?}");
    }
    assert!(mail.text.contains("11 November 2024, 13:52 UTC"), "{mail:?}");
    assert_eq!((&mail.link, &mail.code), (&None, &None));
}

/// What a client calls itself is its own to choose, HTML and all.
#[tokio::test]
async fn what_a_device_calls_itself_is_only_shown() {
    let server = start().await;
    sign_in_by(&server, r#"<img src=x onerror=alert(1)>"{{ product }}"#).await;
    let mail = server.newest_mail_to(EMAIL).await;
    assert!(!mail.html.contains("<img"), "{mail:?}");
    assert!(mail.html.contains("&lt;img"), "{mail:?}");
    assert!(mail.text.contains("{{ product }}"), "{mail:?}");
}

#[tokio::test]
async fn a_device_without_a_name_is_a_device_too() {
    let server = start().await;
    let body = json!({ "email": EMAIL, "password": PASSWORD }).to_string();
    let request = format!(
        "POST /auth/login HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for _ in 0..2 {
        let answer = server.raw(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    assert_eq!(mails(&server).await.len(), 1);
}

#[tokio::test]
async fn an_address_that_nobody_has_proved_is_told_nothing() {
    let server = TestServer::start().await;
    server.put_user(EMAIL, |_| ()).await;
    sign_in_by(&server, BROWSER).await;
    sign_in_by(&server, PHONE).await;
    assert!(mails(&server).await.is_empty());
}

#[tokio::test]
async fn the_device_of_one_user_is_not_known_for_another() {
    let server = start().await;
    let verified = |user: &mut domain::User| user.is_email_verified = true;
    server.put_user("eve@example.com", verified).await;
    server.sign_in("eve@example.com").await;
    let request = server.request(Method::POST, "/auth/login").header("user-agent", BROWSER);
    let body = json!({ "email": "eve@example.com", "password": PASSWORD });
    Tokens::of(&server.send(request.json(&body)).await);
    assert_eq!(server.mails_to("eve@example.com").await.len(), 1);
}

#[tokio::test]
async fn a_refused_sign_in_makes_no_device_known() {
    let server = start().await;
    let request = server.request(Method::POST, "/auth/login").header("user-agent", PHONE);
    let body = json!({ "email": EMAIL, "password": "not the password" });
    server.send(request.json(&body)).await.assert_status(401);
    assert!(mails(&server).await.is_empty());
    sign_in_by(&server, PHONE).await;
    assert_eq!(mails(&server).await.len(), 1);
}

#[tokio::test]
async fn a_device_is_forgotten_when_no_session_of_it_can_be_alive() {
    let limit = Duration::from_hours(90 * 24);
    let a_moment = Duration::from_millis(1);
    let server = start().await;
    server.clock.advance(limit.checked_sub(a_moment).unwrap());
    sign_in_by(&server, BROWSER).await;
    assert!(mails(&server).await.is_empty(), "it is still known");
    server.clock.advance(limit.checked_sub(a_moment).unwrap());
    sign_in_by(&server, BROWSER).await;
    assert!(mails(&server).await.is_empty(), "each sign-in makes it known anew");
    server.clock.advance(limit);
    sign_in_by(&server, BROWSER).await;
    assert_eq!(mails(&server).await.len(), 1);
}

#[tokio::test]
async fn a_device_stays_known_after_signing_out_everywhere() {
    let server = start().await;
    let tokens = sign_in_by(&server, BROWSER).await;
    server.post_as(&tokens.access, "/auth/logout-all").await.assert_status(204);
    sign_in_by(&server, BROWSER).await;
    assert!(mails(&server).await.is_empty());
}
