//! `GET`: what everybody may see, mail scanners among them.

use harness::reqwest::Method;
use harness::{PASSWORD, TestServer};

use super::{assert_heading, assert_page, field, signed_up, submit};

const PAGES: [(&str, &str); 3] = [
    ("/pages/verify", "Verify your address"),
    ("/pages/confirm", "Confirm your new address"),
    ("/pages/reset", "Choose a new password"),
];

#[tokio::test]
async fn looking_at_a_page_spends_nothing() {
    let (server, mail) = signed_up().await;
    server.store.take_calls();
    for (path, heading) in PAGES {
        let path = format!("{path}?c={}", mail.challenge());
        for _ in 0..20 {
            let answer = server.get(&path).await;
            assert_page(&answer);
            assert_heading(&answer, 200, heading);
            assert_eq!(field(&answer, "c"), mail.challenge());
            assert_eq!(field(&answer, "token"), "");
            let head = server.send(server.request(Method::HEAD, &path)).await;
            assert_page(&head);
            assert_eq!((head.status, head.body.as_str()), (200, ""));
        }
    }
    assert_eq!(server.store.take_calls(), [""; 0]);
    let fields =
        [("c", mail.challenge()), ("token", ""), ("code", mail.code()), ("password", PASSWORD)];
    submit(&server, "/pages/verify", &fields).await.assert_status(200);
}

#[tokio::test]
async fn what_is_no_challenge_of_ours_is_not_shown() {
    let server = TestServer::start().await;
    for query in [
        "",
        "?",
        "?c=",
        "?c=nonsense",
        "?c=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "?c=user_01jcdv4h8c0000000000000000",
        "?c=chal_01jcdv4h8c0000000000000000%22",
        "?c=chal_01jcdv4h8c0000000000000000&c=chal_01jcdv4h8c0000000000000000",
        "?c=%FF%00",
        "?token=dwo_abc&code=ABCD-EFGH&password=hunter2",
    ] {
        for (path, heading) in PAGES {
            let answer = server.get(&format!("{path}{query}")).await;
            assert_page(&answer);
            assert_heading(&answer, 200, heading);
            for name in ["c", "token"] {
                assert_eq!(field(&answer, name), "", "{query}");
            }
            for echo in ["alert", "nonsense", "dwo_abc", "hunter2"] {
                assert!(!answer.body.contains(echo), "{query}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_page_of_a_reset_is_this() {
    let server = TestServer::start().await;
    let page = server.get("/pages/reset?c=chal_01jcdv4h8c0000000000000000").await;
    insta::assert_snapshot!(
        page.body,
        @r#"
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta name="robots" content="noindex">
        <title>Choose a new password · Doorward</title>
        <link rel="stylesheet" href="pages.css">
        <script src="pages.js" defer></script>
        </head>
        <body>
        <header><h1>Doorward</h1></header>
        <main>
        <h2>Choose a new password</h2>

        <p>It replaces any old one, and ends every session of your account.</p>

        <form method="post" action="reset">
        <input type="hidden" name="c" value="chal_01jcdv4h8c0000000000000000">
        <input type="hidden" name="token" value="" autocomplete="off">
        <div id="code-field">
        <label for="code">Code from the mail</label>
        <input id="code" name="code" type="text" autocomplete="one-time-code"
         autocapitalize="characters" autocorrect="off" spellcheck="false"
         aria-describedby="code-hint" required>
        <p class="hint" id="code-hint">8 characters, such as ABCD-EFGH.</p>
        </div>

        <div>
        <label for="new-password">New password</label>
        <input id="new-password" name="new_password" type="password" autocomplete="new-password"
         minlength="8" aria-describedby="new-password-hint" required>
        <p class="hint" id="new-password-hint">At least 8 characters. A few words in a
        row are strong, and easy to remember.</p>
        </div>
        <button type="submit">Save the password</button>

        </form>

        <p class="hint">If you did not ask for this, close this page: nothing has changed.</p>


        </main>
        </body>
        </html>
        "#
    );
}

#[tokio::test]
async fn nothing_in_a_page_is_inline_or_from_elsewhere() {
    let server = TestServer::start().await;
    for (path, _) in PAGES {
        let page = server.get(path).await.body;
        for wrong in ["<style", "style=", "onclick", "onsubmit", "javascript:", "://"] {
            assert!(!page.contains(wrong), "{wrong}: {page}");
        }
        assert_eq!(page.matches("<script").count(), 1, "{page}");
        assert!(page.contains(r#"<script src="pages.js" defer></script>"#), "{page}");
    }
}

#[tokio::test]
async fn style_and_script_have_their_types() {
    let server = TestServer::start().await;
    for (path, content_type, words) in [
        ("/pages/pages.css", "text/css; charset=utf-8", "prefers-color-scheme: dark"),
        ("/pages/pages.js", "text/javascript; charset=utf-8", "location.hash"),
    ] {
        let answer = server.get(path).await;
        answer.assert_status(200);
        assert_eq!(answer.header("content-type"), Some(content_type));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
        assert_eq!(answer.header("set-cookie"), None);
        assert!(answer.body.contains(words), "{path}");
    }
}

#[tokio::test]
async fn pages_are_no_part_of_the_contract_and_not_on_the_operations_listener() {
    let server = TestServer::start().await;
    assert!(!server.get("/openapi.json").await.body.contains("/pages"));
    for (path, _) in PAGES {
        server.get_operations(path).await.assert_problem(404, "not_found");
        let put = server.send(server.request(Method::PUT, path)).await;
        put.assert_problem(405, "method_not_allowed");
    }
}

/// A page shows the product's name wherever it stands as text.
#[tokio::test]
async fn a_product_name_is_text_and_nothing_else() {
    let name = r#"<b>"R&D"</b> {{ 7*7 }}"#;
    let builder = TestServer::builder();
    let server = builder.settings(move |settings| settings.product_name = name.to_owned());
    let server = server.start().await;
    for (path, _) in PAGES {
        let page = server.get(path).await.body;
        assert!(!page.contains("<b>") && !page.contains("49"), "{page}");
        assert!(page.contains("&lt;b&gt;&quot;R&amp;D&quot;&lt;"), "{page}");
    }
}
