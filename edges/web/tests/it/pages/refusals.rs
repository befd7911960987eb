//! Forms of others, forms that are none, and what is behind us failing.

use harness::reqwest::Method;
use harness::{EMAIL, LogCapture, PASSWORD};

use super::{
    NEW_PASSWORD, assert_failed, assert_heading, assert_page, forgotten, form_from, signed_up,
    submit,
};

const INJECTION: &str = r#""><script>alert(1)</script><input value="'"#;

#[tokio::test]
async fn a_form_of_another_site_is_refused_and_spends_nothing() {
    let (server, mail) = forgotten().await;
    let fields = [("token", mail.token()), ("new_password", NEW_PASSWORD)];
    let host = server.address;
    let wrong = [
        "null".to_owned(),
        String::new(),
        "https://evil.example".to_owned(),
        format!("https://{host}"),
        format!("http://{host}/"),
        format!("http://{host}.evil.example"),
        format!("http://evil.example@{host}"),
        format!("http://localhost:{}", host.port()),
        format!("{} https://evil.example", server.public_url),
    ];
    server.store.take_calls();
    for path in ["/pages/verify", "/pages/confirm", "/pages/reset"] {
        let mut requests: Vec<_> =
            wrong.iter().map(|origin| form_from(&server, origin, path, &fields)).collect();
        let body = serde_urlencoded::to_string(fields).unwrap();
        let form = "application/x-www-form-urlencoded";
        requests.push(
            server.request(Method::POST, path).header("content-type", form).body(body.clone()),
        );
        // `Referer` is no substitute.
        let request = server.request(Method::POST, path).header("content-type", form);
        requests.push(request.header("referer", &server.public_url).body(body));
        for request in requests {
            let answer = server.send(request).await;
            assert_page(&answer);
            assert_failed(&answer, 403);
        }
    }
    assert_eq!(server.store.take_calls(), [""; 0]);
    submit(&server, "/pages/reset", &fields).await.assert_status(200);
}

#[tokio::test]
async fn the_page_that_says_that_it_did_not_work_is_this() {
    let (server, _) = signed_up().await;
    let page = submit(&server, "/pages/verify", &[("token", "dwo_x"), ("password", "x")]).await;
    assert_failed(&page, 400);
    // A sentence a line, so that it fits.
    insta::assert_snapshot!(
        page.body.replace(". ", ".\n"),
        @r#"
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta name="robots" content="noindex">
        <title>That did not work · Doorward</title>
        <link rel="stylesheet" href="pages.css">

        </head>
        <body>
        <header><h1>Doorward</h1></header>
        <main>
        <h2>That did not work</h2>

        <p>The link or the code was used already, has expired, or was replaced by a newer mail.
        Ask for a new mail where you came from.</p>

        </main>
        </body>
        </html>
        "#
    );
}

#[tokio::test]
async fn what_is_no_form_is_refused_as_a_page() {
    let (server, mail) = forgotten().await;
    let json = format!(r#"{{"token":"{}","new_password":"{NEW_PASSWORD}"}}"#, mail.token());
    let form = format!("token={}&new_password={NEW_PASSWORD}", mail.token());
    for (content_type, body) in [
        (Some("application/json"), &json),
        (Some("text/plain"), &form),
        (Some("multipart/form-data; boundary=x"), &form),
        (Some("application/x-www-form-urlencoded-not"), &form),
        (None, &form),
    ] {
        let request = server.request(Method::POST, "/pages/reset");
        let mut request = request.header("origin", &server.public_url).body(body.clone());
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let answer = server.send(request).await;
        assert_page(&answer);
        assert_failed(&answer, 415);
    }
    server.sign_in(EMAIL).await;
}

#[tokio::test]
async fn a_form_with_a_character_set_is_one() {
    let (server, mail) = forgotten().await;
    let request = server.request(Method::POST, "/pages/reset").header("origin", &server.public_url);
    let request = request
        .header("content-type", "application/X-WWW-Form-Urlencoded; charset=UTF-8")
        .body(format!("token={}&new_password=a+much+better+one", mail.token()));
    server.send(request).await.assert_status(200);
    server.try_sign_in(EMAIL, NEW_PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn a_form_that_is_too_large_or_repeats_itself_is_refused_as_a_page() {
    let (server, mail) = forgotten().await;
    let huge = "x".repeat(64 * 1024);
    let good = [("token", mail.token()), ("new_password", NEW_PASSWORD)];
    let too_large = submit(&server, "/pages/reset", &[good[0], good[1], ("x", &huge)]).await;
    assert_failed(&too_large, 413);
    for twice in [("token", mail.token()), ("new_password", "another of them"), ("c", "")] {
        let fields = [("c", ""), good[0], good[1], twice];
        assert_failed(&submit(&server, "/pages/reset", &fields).await, 400);
    }
    server.try_sign_in(EMAIL, NEW_PASSWORD).await.assert_status(401);
    // Unknown fields are nobody's affair.
    let fields = [good[0], good[1], ("unknown", "1"), ("unknown", "2")];
    submit(&server, "/pages/reset", &fields).await.assert_status(200);
}

#[tokio::test]
async fn what_was_sent_is_text_when_it_is_shown_again() {
    let (server, mail) = signed_up().await;
    let injected = [
        [("c", INJECTION), ("token", ""), ("code", ""), ("password", PASSWORD)],
        [("c", INJECTION), ("token", ""), ("code", INJECTION), ("password", PASSWORD)],
        [("c", mail.challenge()), ("token", ""), ("code", INJECTION), ("password", INJECTION)],
        [("c", INJECTION), ("token", INJECTION), ("code", INJECTION), ("password", INJECTION)],
        [("c", INJECTION), ("token", mail.token()), ("code", INJECTION), ("password", INJECTION)],
        [("c", INJECTION), ("token", mail.token()), ("code", ""), ("new_password", INJECTION)],
    ];
    for path in ["/pages/verify", "/pages/confirm", "/pages/reset"] {
        for fields in &injected {
            let page = submit(&server, path, fields).await;
            assert!((400..500).contains(&page.status), "{fields:?}: {page:?}");
            for wrong in ["<script>alert", "\"><", "value=\"'"] {
                assert!(!page.body.contains(wrong), "{fields:?}: {page:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_token_of_another_kind_is_unusable() {
    let (server, mail) = signed_up().await;
    let fields = [("token", mail.token()), ("new_password", NEW_PASSWORD)];
    assert_failed(&submit(&server, "/pages/reset", &fields).await, 400);
    let (server, mail) = forgotten().await;
    for path in ["/pages/verify", "/pages/confirm"] {
        let fields = [("token", mail.token()), ("password", PASSWORD), ("discard", "yes")];
        assert_failed(&submit(&server, path, &fields).await, 400);
    }
}

#[tokio::test]
async fn a_store_that_is_down_is_shown_as_a_page_and_logged_once() {
    let (server, mail) = signed_up().await;
    server.store.go_down();
    for (path, heading) in
        [("/pages/verify", "Verify your address"), ("/pages/reset", "Choose a new password")]
    {
        let log = LogCapture::start();
        let token = ("token", mail.token());
        let fields = [token, ("password", PASSWORD), ("new_password", NEW_PASSWORD)];
        // A token of the wrong kind is not looked for.
        let fields = if path == "/pages/reset" {
            vec![("c", mail.challenge()), ("code", mail.code()), fields[2]]
        } else {
            fields.to_vec()
        };
        let page = submit(&server, path, &fields).await;
        assert_heading(&page, 503, heading);
        assert_eq!(page.header("retry-after"), Some("1"));
        assert!(page.body.contains("Try again in a minute."), "{page:?}");
        assert!(!page.body.contains("the test broke it"), "{page:?}");
        let text = log.text();
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("WARN")).collect();
        assert_eq!(lines.len(), 1, "{text}");
        assert!(lines[0].contains("the store is unavailable: the test broke it"), "{text}");
        assert!(lines[0].contains("request.id=req-1"), "{text}");
        for secret in [mail.token(), mail.code(), PASSWORD, NEW_PASSWORD] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    server.store.come_up();
    let fields = [("token", mail.token()), ("password", PASSWORD)];
    submit(&server, "/pages/verify", &fields).await.assert_status(200);
}
