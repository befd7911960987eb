//! The pages in a real browser, as a person uses them. `testing/browser/pages.mjs` drives Chromium;
//! what it saw is judged here. With `PAGE_SHOTS` set to a folder, screenshots are left there.

use std::process::Stdio;
use std::time::Duration;

use harness::{EMAIL, PASSWORD, ReceivedMail, TestServer};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testing/browser/pages.mjs");
const NEW_PASSWORD: &str = "a quiet harbour at dusk";

/// What became of a visit.
struct Visit(Value);

impl Visit {
    /// The visit ended with this heading, loaded nothing from elsewhere, broke no policy, and
    /// fitted on a phone.
    fn assert_ended_with(&self, heading: &str, server: &TestServer) {
        let Self(seen) = self;
        assert_eq!(seen["heading"], heading, "{seen}");
        assert_eq!(seen["console"], json!([]), "{seen}");
        assert_eq!(seen["hasHorizontalScroll"], false, "{seen}");
        for request in seen["requests"].as_array().unwrap() {
            let url = request.as_str().unwrap();
            assert!(url.starts_with(&server.public_url), "{url}");
        }
    }

    /// Where scripts run, the token does not stay in the address bar.
    fn assert_left_no_token(&self) {
        assert_eq!(self.0["fragmentLeft"], false, "{}", self.0);
        assert!(!self.0["url"].as_str().unwrap().contains("dwo_"), "{}", self.0);
    }
}

async fn visit(scenario: &str, mut input: Value) -> Visit {
    if let Some(folder) = shots() {
        input["shots"] = json!(folder);
    }
    let mut node = Command::new("node")
        .args([SCRIPT, scenario])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .expect("the tests of pages need Node");
    let mut stdin = node.stdin.take().unwrap();
    stdin.write_all(input.to_string().as_bytes()).await.unwrap();
    drop(stdin);
    let output = node.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{scenario} failed: is `cargo xtask services install` done?");
    Visit(serde_json::from_slice(&output.stdout).unwrap())
}

#[expect(clippy::disallowed_methods, reason = "a test may be told where to leave screenshots")]
fn shots() -> Option<String> {
    std::env::var("PAGE_SHOTS").ok()
}

/// Signs Ada up, and has her forget her password.
async fn mail_for_a_reset(server: &TestServer) -> ReceivedMail {
    server.register(EMAIL).await;
    // Mails of one moment come in no order.
    server.clock.advance(Duration::from_secs(1));
    server.post("/auth/password/forgot", json!({ "email": EMAIL })).await.assert_status(202);
    server.newest_mail_to(EMAIL).await
}

#[tokio::test]
async fn a_person_verifies_an_address_by_the_link() {
    let server = TestServer::start().await;
    server.register(EMAIL).await;
    let link = server.newest_mail_to(EMAIL).await.link;
    let seen = visit("verify", json!({ "link": link, "password": PASSWORD })).await;
    seen.assert_ended_with("Your address is verified", &server);
    seen.assert_left_no_token();
    assert!(server.account(EMAIL).await.user.is_email_verified);
}

#[tokio::test]
async fn a_person_without_script_verifies_an_address_by_the_code() {
    let server = TestServer::start().await;
    server.register(EMAIL).await;
    let mail = server.newest_mail_to(EMAIL).await;
    let input = json!({ "link": mail.link, "password": PASSWORD, "code": mail.code });
    let seen = visit("verify-without-script", input).await;
    seen.assert_ended_with("Your address is verified", &server);
    assert!(server.account(EMAIL).await.user.is_email_verified);
}

#[tokio::test]
async fn the_owner_of_an_address_throws_out_whoever_signed_up_with_it() {
    let server = TestServer::start().await;
    let stranger = server.ada().await;
    let link = server.newest_mail_to(EMAIL).await.link;
    let input = json!({ "link": link, "newPassword": NEW_PASSWORD });
    let seen = visit("verify-discard", input).await;
    seen.assert_ended_with("Your password is changed", &server);
    seen.assert_left_no_token();
    server.try_sign_in(EMAIL, PASSWORD).await.assert_status(401);
    server.try_refresh(&stranger.refresh).await.assert_status(401);
    server.try_sign_in(EMAIL, NEW_PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn a_person_sets_a_new_password_by_the_link() {
    let server = TestServer::start().await;
    let link = mail_for_a_reset(&server).await.link;
    let seen = visit("reset", json!({ "link": link, "newPassword": NEW_PASSWORD })).await;
    seen.assert_ended_with("Your password is changed", &server);
    seen.assert_left_no_token();
    server.try_sign_in(EMAIL, NEW_PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn a_person_without_script_sets_a_new_password_by_the_code() {
    let server = TestServer::start().await;
    let mail = mail_for_a_reset(&server).await;
    let input = json!({ "link": mail.link, "newPassword": NEW_PASSWORD, "code": mail.code });
    let seen = visit("reset-without-script", input).await;
    seen.assert_ended_with("Your password is changed", &server);
    server.try_sign_in(EMAIL, NEW_PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn a_person_confirms_an_address() {
    const NEW_EMAIL: &str = "ada@new.example";
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let wanted = json!({ "email": NEW_EMAIL });
    server.patch_as(&tokens.access, "/auth/me", wanted).await.assert_status(200);
    let link = server.newest_mail_to(NEW_EMAIL).await.link;
    let seen = visit("confirm", json!({ "link": link, "password": PASSWORD })).await;
    seen.assert_ended_with("Your address is changed", &server);
    seen.assert_left_no_token();
    server.try_sign_in(NEW_EMAIL, PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn a_person_who_comes_too_late_is_told() {
    let server = TestServer::start().await;
    server.register(EMAIL).await;
    let link = server.newest_mail_to(EMAIL).await.link;
    server.clock.advance(Duration::from_hours(25));
    let Visit(seen) = visit("verify", json!({ "link": link, "password": PASSWORD })).await;
    assert_eq!(seen["heading"], "That did not work", "{seen}");
    assert!(!server.account(EMAIL).await.user.is_email_verified);
}

#[tokio::test]
async fn looking_at_a_page_changes_nothing_and_it_fits_every_screen() {
    let server = TestServer::start().await;
    server.register(EMAIL).await;
    let link = server.newest_mail_to(EMAIL).await.link;
    let seen = visit("look", json!({ "link": link })).await;
    seen.assert_ended_with("Verify your address", &server);
    seen.assert_left_no_token();
    assert!(!server.account(EMAIL).await.user.is_email_verified);
}
