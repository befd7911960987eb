//! Pages behind a base path, a proxy, another name.

use harness::{EMAIL, PASSWORD, ReceivedMail, TestServer, TestServerBuilder};
use serde_json::json;

use super::{assert_failed, assert_heading, assert_page, form_from};

/// A server of these settings, and the mail to Ada, who has just signed up at `base`.
async fn signed_up(builder: TestServerBuilder, base: &str) -> (TestServer, ReceivedMail) {
    let server = builder.start().await;
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    server.post(&format!("{base}/auth/register"), body).await.assert_status(201);
    let mail = server.newest_mail_to(EMAIL).await;
    (server, mail)
}

/// Follows the link of the mail as the proxy passes it on, from the page to the form's end.
async fn follow(server: &TestServer, mail: &ReceivedMail, (path, origin): (&str, &str)) {
    let page = server.get(&format!("{path}?c={}", mail.challenge())).await;
    assert_page(&page);
    // What it refers to is beside it, whatever the proxy put before.
    for reference in [r#"action="verify""#, r#"href="pages.css""#, r#"src="pages.js""#] {
        assert!(page.body.contains(reference), "{page:?}");
    }
    let folder = path.strip_suffix("verify").unwrap();
    for asset in ["pages.css", "pages.js"] {
        server.get(&format!("{folder}{asset}")).await.assert_status(200);
    }
    let fields = [("token", mail.token()), ("password", PASSWORD)];
    let own = format!("http://{}", server.address);
    if own != origin {
        assert_failed(&server.send(form_from(server, &own, path, &fields)).await, 403);
    }
    let done = server.send(form_from(server, origin, path, &fields)).await;
    assert_page(&done);
    assert_heading(&done, 200, "Your address is verified");
}

#[tokio::test]
async fn pages_are_under_the_base_path_and_so_are_links() {
    let builder = TestServer::builder().settings(|settings| settings.base_path = "/v1".to_owned());
    let (server, mail) = signed_up(builder, "/v1").await;
    let link = mail.link.as_deref().unwrap();
    let page = format!("{}/v1/pages/verify?c=chal_", server.public_url);
    assert!(link.starts_with(&page), "{link}");
    server.get("/pages/verify").await.assert_problem(404, "not_found");
    follow(&server, &mail, ("/v1/pages/verify", &server.public_url)).await;
}

#[tokio::test]
async fn forms_come_from_the_origin_of_the_public_url() {
    for (public_url, origin) in [
        ("https://auth.example.com", "https://auth.example.com"),
        ("https://example.com:8443/sso", "https://example.com:8443"),
    ] {
        let builder = TestServer::builder();
        let builder = builder.settings(move |settings| settings.public_url = public_url.to_owned());
        let (server, mail) = signed_up(builder, "").await;
        let link = mail.link.as_deref().unwrap();
        assert!(link.starts_with(&format!("{public_url}/pages/verify?c=chal_")), "{link}");
        // A proxy that strips the path leaves the bare one.
        follow(&server, &mail, ("/pages/verify", origin)).await;
    }
}

#[tokio::test]
async fn a_base_path_comes_behind_the_path_of_the_public_url() {
    let builder = TestServer::builder().settings(|settings| {
        settings.public_url = "https://example.com/sso".to_owned();
        settings.base_path = "/v1".to_owned();
    });
    let (server, mail) = signed_up(builder, "/v1").await;
    let link = mail.link.as_deref().unwrap();
    assert!(link.starts_with("https://example.com/sso/v1/pages/verify?c=chal_"), "{link}");
    follow(&server, &mail, ("/v1/pages/verify", "https://example.com")).await;
}

/// An origin that may call the API may not post our forms: it has no business with the tokens.
#[tokio::test]
async fn an_origin_of_the_api_is_foreign_to_the_pages() {
    let app = "https://app.example.com";
    let builder = TestServer::builder();
    let builder = builder.settings(move |settings| settings.cors_origins = vec![app.to_owned()]);
    let (server, mail) = signed_up(builder, "").await;
    let fields = [("token", mail.token()), ("password", PASSWORD)];
    let answer = server.send(form_from(&server, app, "/pages/verify", &fields)).await;
    assert_page(&answer);
    assert_failed(&answer, 403);
    follow(&server, &mail, ("/pages/verify", &server.public_url)).await;
}
