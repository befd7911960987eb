//! Forms that are sent from our own pages.

use harness::{EMAIL, PASSWORD, TestServer, Tokens};
use serde_json::json;

use super::{NEW_PASSWORD, assert_failed, assert_heading, field, forgotten, signed_up, submit};

const VERIFIED: &str = "Your address is verified";
const CHANGED: &str = "Your address is changed";
const SET: &str = "Your password is changed";

#[tokio::test]
async fn token_and_password_verify_the_address() {
    let (server, mail) = signed_up().await;
    let fields =
        [("c", mail.challenge()), ("token", mail.token()), ("code", ""), ("password", PASSWORD)];
    let answer = submit(&server, "/pages/verify", &fields).await;
    assert_heading(&answer, 200, VERIFIED);
    assert!(!answer.body.contains("<script"), "no form, no script: {answer:?}");
    assert!(server.account(EMAIL).await.user.is_email_verified);
    assert_failed(&submit(&server, "/pages/verify", &fields).await, 400);
}

#[tokio::test]
async fn without_script_the_short_code_verifies_the_address() {
    let (server, mail) = signed_up().await;
    let code = mail.code().to_lowercase();
    let fields = [("c", mail.challenge()), ("token", ""), ("code", &*code), ("password", PASSWORD)];
    assert_heading(&submit(&server, "/pages/verify", &fields).await, 200, VERIFIED);
    assert!(server.account(EMAIL).await.user.is_email_verified);
}

#[tokio::test]
async fn whoever_did_not_choose_the_password_discards_it_and_sets_another() {
    let (server, mail) = signed_up().await;
    let stranger = server.sign_in(EMAIL).await;
    let fields = [
        ("c", mail.challenge()),
        ("token", mail.token()),
        ("code", ""),
        ("password", ""),
        ("discard", "yes"),
    ];
    let page = submit(&server, "/pages/verify", &fields).await;
    assert_heading(&page, 200, "Choose a new password");
    assert!(page.body.contains(r#"action="reset""#), "{page:?}");
    server.get_as(&stranger.access, "/auth/me").await.assert_problem(401, "session_revoked");
    server.try_sign_in(EMAIL, PASSWORD).await.assert_problem(401, "invalid_credentials");

    let token = field(&page, "token");
    assert!(token.starts_with("dwo_") && token != mail.token(), "{token}");
    let fields =
        [("c", field(&page, "c")), ("token", token), ("code", ""), ("new_password", NEW_PASSWORD)];
    assert_heading(&submit(&server, "/pages/reset", &fields).await, 200, SET);
    Tokens::of(&server.try_sign_in(EMAIL, NEW_PASSWORD).await);
    assert!(server.account(EMAIL).await.user.is_email_verified);
}

#[tokio::test]
async fn token_and_password_confirm_an_address() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let wanted = json!({ "email": "lovelace@example.com" });
    server.patch_as(&tokens.access, "/auth/me", wanted).await.assert_status(200);
    let mail = server.newest_mail_to("lovelace@example.com").await;
    // There is no such button in the page.
    let discarding = [("c", mail.challenge()), ("token", mail.token()), ("discard", "yes")];
    let page = submit(&server, "/pages/confirm", &discarding).await;
    assert_heading(&page, 401, "Confirm your new address");
    let page = submit(&server, "/pages/verify", &discarding).await;
    assert_heading(&page, 401, "Verify your address");
    assert!(server.account(EMAIL).await.user.password_hash.is_some());

    let fields = [("c", mail.challenge()), ("token", mail.token()), ("password", PASSWORD)];
    assert_heading(&submit(&server, "/pages/confirm", &fields).await, 200, CHANGED);
    let moved = Tokens::of(&server.try_sign_in("lovelace@example.com", PASSWORD).await);
    assert_eq!(moved.user(), tokens.user());
}

#[tokio::test]
async fn an_address_that_is_taken_meanwhile_is_said_to_be() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let wanted = json!({ "email": "lovelace@example.com" });
    server.patch_as(&tokens.access, "/auth/me", wanted).await.assert_status(200);
    let mail = server.newest_mail_to("lovelace@example.com").await;
    server.put_user("lovelace@example.com", |_| ()).await;
    let fields = [("c", mail.challenge()), ("token", mail.token()), ("password", PASSWORD)];
    let page = submit(&server, "/pages/confirm", &fields).await;
    assert_failed(&page, 409);
    assert!(page.body.contains("another account has this address"), "{page:?}");
}

#[tokio::test]
async fn a_token_or_a_short_code_sets_a_new_password() {
    for by_token in [true, false] {
        let (server, mail) = forgotten().await;
        let (token, code) = if by_token { (mail.token(), "") } else { ("", mail.code()) };
        let session = server.sign_in(EMAIL).await;
        let fields = [
            ("c", mail.challenge()),
            ("token", token),
            ("code", code),
            ("new_password", NEW_PASSWORD),
        ];
        assert_heading(&submit(&server, "/pages/reset", &fields).await, 200, SET);
        Tokens::of(&server.try_sign_in(EMAIL, NEW_PASSWORD).await);
        server.try_refresh(&session.refresh).await.assert_problem(401, "session_revoked");
        assert_failed(&submit(&server, "/pages/reset", &fields).await, 400);
    }
}

#[tokio::test]
async fn a_weak_password_shows_the_form_again_and_keeps_the_token() {
    let (server, mail) = forgotten().await;
    let long = "Ünïcode".repeat(100);
    // More than a password may have whatever the policy says.
    let endless = "x".repeat(4097);
    for (weak, words) in [
        ("brief", "Use at least 8 characters."),
        ("password1", "attackers try first"),
        (EMAIL, "must not be your address"),
        (&long, "Use at most 512 bytes."),
        (&endless, "The password is longer than 4096 bytes."),
        (" ", "Use at least 8 characters."),
        ("", "Choose a password."),
    ] {
        let fields = [("c", mail.challenge()), ("token", mail.token()), ("new_password", weak)];
        let page = submit(&server, "/pages/reset", &fields).await;
        assert_heading(&page, 400, "Choose a new password");
        assert!(page.body.contains(words), "{weak}: {page:?}");
        assert_eq!(field(&page, "token"), mail.token());
        assert_eq!(field(&page, "c"), mail.challenge());
        assert!(weak.trim().is_empty() || !page.body.contains(weak), "{page:?}");
    }
    let fields = [("c", ""), ("token", mail.token()), ("new_password", NEW_PASSWORD)];
    assert_heading(&submit(&server, "/pages/reset", &fields).await, 200, SET);
}

#[tokio::test]
async fn a_wrong_password_shows_the_form_again_and_keeps_the_token() {
    let (server, mail) = signed_up().await;
    for (password, words) in [
        ("hunter2-is-not-it", "The password is not right."),
        ("", "Enter the password of your account."),
        ("  ", "Enter the password of your account."),
    ] {
        let fields = [("c", mail.challenge()), ("token", mail.token()), ("password", password)];
        let page = submit(&server, "/pages/verify", &fields).await;
        assert_heading(&page, 401, "Verify your address");
        assert!(page.body.contains(&format!(r#"role="alert">{words}<"#)), "{page:?}");
        assert_eq!(field(&page, "token"), mail.token());
        assert!(!page.body.contains("hunter2"), "{page:?}");
    }
    let fields = [("c", ""), ("token", mail.token()), ("password", PASSWORD)];
    assert_heading(&submit(&server, "/pages/verify", &fields).await, 200, VERIFIED);
}

#[tokio::test]
async fn a_mistyped_code_is_counted_and_five_are_enough() {
    let (server, mail) = signed_up().await;
    let wrong = if mail.code() == "22222222" { "33333333" } else { "22222222" };
    for code in [wrong; 5] {
        let fields = [("c", mail.challenge()), ("code", code), ("password", PASSWORD)];
        assert_failed(&submit(&server, "/pages/verify", &fields).await, 400);
    }
    let fields = [("c", mail.challenge()), ("code", mail.code()), ("password", PASSWORD)];
    assert_failed(&submit(&server, "/pages/verify", &fields).await, 400);
    // The link still works: nobody can spend it for somebody else.
    let fields = [("token", mail.token()), ("password", PASSWORD)];
    assert_heading(&submit(&server, "/pages/verify", &fields).await, 200, VERIFIED);
}

#[tokio::test]
async fn a_form_without_code_asks_for_it() {
    let (server, mail) = forgotten().await;
    for code in ["", "   ", "ABC", "ABCD-EFGH-IJKL"] {
        let fields = [("c", mail.challenge()), ("code", code), ("new_password", NEW_PASSWORD)];
        let page = submit(&server, "/pages/reset", &fields).await;
        assert_heading(&page, 400, "Choose a new password");
        assert!(page.body.contains(r#"role="alert""#), "{page:?}");
        assert_eq!(field(&page, "c"), mail.challenge());
    }
    let fields = [("c", mail.challenge()), ("code", mail.code()), ("new_password", NEW_PASSWORD)];
    assert_heading(&submit(&server, "/pages/reset", &fields).await, 200, SET);
}
