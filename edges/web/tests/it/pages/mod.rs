//! The pages that mails lead to, as a browser without script would use them.

mod deployments;
mod posting;
mod refusals;
mod showing;

use harness::reqwest::{Method, RequestBuilder};
use harness::{Answer, EMAIL, ReceivedMail, TestServer};
use serde_json::json;

const NEW_PASSWORD: &str = "a much better one";

/// A form as a browser sends it from a page of that origin.
fn form_from(
    server: &TestServer,
    origin: &str,
    path: &str,
    fields: &[(&str, &str)],
) -> RequestBuilder {
    let body = serde_urlencoded::to_string(fields).unwrap();
    let request = server.request(Method::POST, path).header("origin", origin);
    request.header("content-type", "application/x-www-form-urlencoded").body(body)
}

/// Sends a form from our own page.
async fn submit(server: &TestServer, path: &str, fields: &[(&str, &str)]) -> Answer {
    let answer = server.send(form_from(server, &server.public_url, path, fields)).await;
    assert_page(&answer);
    answer
}

/// Fails unless the answer is a page of ours, with all that protects it.
#[track_caller]
fn assert_page(answer: &Answer) {
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        (
            "content-security-policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; form-action 'self'; \
             base-uri 'none'; frame-ancestors 'none'",
        ),
        ("cache-control", "no-store"),
        ("referrer-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
        ("x-request-id", harness::REQUEST_ID),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}: {answer:?}");
    }
    for absent in ["set-cookie", "www-authenticate", "access-control-allow-origin"] {
        assert_eq!(answer.header(absent), None, "{answer:?}");
    }
}

/// Fails unless the page says that it did not work, for good.
#[track_caller]
fn assert_failed(answer: &Answer, status: u16) {
    answer.assert_status(status);
    assert!(answer.body.contains("<h2>That did not work</h2>"), "{answer:?}");
    assert!(!answer.body.contains("<form"), "{answer:?}");
}

/// Fails unless the page shows that heading.
#[track_caller]
fn assert_heading(answer: &Answer, status: u16, heading: &str) {
    answer.assert_status(status);
    assert!(answer.body.contains(&format!("<h2>{heading}</h2>")), "{answer:?}");
}

/// What a field of the form in the page holds.
fn field<'a>(page: &'a Answer, name: &str) -> &'a str {
    let (_, behind) = page.body.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
    behind.split_once('"').unwrap().0
}

/// Ada, who has just signed up, and her mail.
async fn signed_up() -> (TestServer, ReceivedMail) {
    let server = TestServer::start().await;
    server.register(EMAIL).await;
    let mail = server.newest_mail_to(EMAIL).await;
    (server, mail)
}

/// Ada, who has forgotten her password, and her mail.
async fn forgotten() -> (TestServer, ReceivedMail) {
    let server = TestServer::start().await;
    server.put_user(EMAIL, |user| user.is_email_verified = true).await;
    server.post("/auth/password/forgot", json!({ "email": EMAIL })).await.assert_status(202);
    let mail = server.newest_mail_to(EMAIL).await;
    (server, mail)
}
