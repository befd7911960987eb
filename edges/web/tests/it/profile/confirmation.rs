//! Another address is verified, by whoever asked for it.

use harness::{EMAIL, PASSWORD, ReceivedMail, TestServer, Tokens};
use serde_json::json;

use super::{NEW, ask, assert_unchanged, confirm};

const VERIFY: &str = "/auth/verify-email";

/// Ada, whose address is verified, and the mail to the one that she wants.
async fn start() -> (TestServer, Tokens, ReceivedMail) {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    ask(&server, &tokens, NEW).await;
    let mail = server.newest_mail_to(NEW).await;
    (server, tokens, mail)
}

async fn assert_moved(server: &TestServer, tokens: &Tokens) {
    let signed_in = Tokens::of(&server.try_sign_in(NEW, PASSWORD).await);
    assert_eq!(signed_in.user(), tokens.user());
    assert_eq!(signed_in.claims()["email"], NEW, "only verified ones are claimed");
    server.try_sign_in(EMAIL, PASSWORD).await.assert_problem(401, "invalid_credentials");
}

#[tokio::test]
async fn the_token_and_the_password_change_the_address() {
    let (server, tokens, mail) = start().await;
    let answer = confirm(&server, mail.token()).await;
    answer.assert_status(200);
    let body = answer.json();
    assert_eq!(
        (&body["user"]["email"], &body["user"]["emailVerified"]),
        (&json!(NEW), &json!(true))
    );
    assert!(body.get("resetToken").is_none(), "{body}");
    assert_moved(&server, &tokens).await;
    // Who was signed in stays so.
    server.get_as(&tokens.access, super::PATH).await.assert_status(200);
    server.refresh(&tokens.refresh).await;
}

#[tokio::test]
async fn the_token_and_a_bearer_of_the_user_change_the_address() {
    let (server, tokens, mail) = start().await;
    let body = json!({ "token": mail.token() });
    server.post_json_as(&tokens.access, VERIFY, body).await.assert_status(200);
    assert_moved(&server, &tokens).await;
}

#[tokio::test]
async fn the_short_code_changes_the_address_too() {
    for typed in [str::to_owned, |code: &str| code.to_lowercase().replace('-', "")] {
        let (server, tokens, mail) = start().await;
        let code = typed(mail.code());
        let body = json!({ "challengeId": mail.challenge(), "code": code, "password": PASSWORD });
        server.post(VERIFY, body.clone()).await.assert_status(200);
        server.post(VERIFY, body).await.assert_problem(400, "invalid_token");
        assert_moved(&server, &tokens).await;
    }
}

/// Else whoever owns a mailbox could be made the owner of somebody's account by a typing mistake.
#[tokio::test]
async fn the_owner_of_the_new_mailbox_alone_cannot_pull_the_account_in() {
    let (server, tokens, mail) = start().await;
    server.register("eve@example.com").await;
    let eve = server.sign_in("eve@example.com").await;
    let code = json!({ "challengeId": mail.challenge(), "code": mail.code() });
    for (code, problem) in [(json!({ "token": mail.token() }), 1), (code, 3)] {
        for _ in 0..problem {
            server.post(VERIFY, code.clone()).await.assert_problem(401, "password_required");
        }
        let answer = server.post_json_as(&eve.access, VERIFY, code.clone()).await;
        answer.assert_problem(401, "password_required");
        let mut discarding = code.clone();
        discarding["discardPassword"] = true.into();
        server.post(VERIFY, discarding).await.assert_problem(401, "password_required");
        let mut guessing = code;
        guessing["password"] = "not the password".into();
        server.post(VERIFY, guessing).await.assert_problem(401, "invalid_credentials");
    }
    assert_unchanged(&server).await;
    assert!(server.account(EMAIL).await.user.password_hash.is_some());
    server.get_as(&tokens.access, super::PATH).await.assert_status(200);
    // Nothing was spent.
    confirm(&server, mail.token()).await.assert_status(200);
}

#[tokio::test]
async fn the_old_address_is_told() {
    let (server, _, mail) = start().await;
    confirm(&server, mail.token()).await.assert_status(200);
    let told = server.mails_to(EMAIL).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].subject, "Your e-mail address for Doorward was changed");
    assert_eq!((&told[0].link, &told[0].code), (&None, &None));
    assert!(!told[0].text.contains(NEW) && !told[0].html.contains(NEW), "{told:?}");
    assert_eq!(server.mails_to(NEW).await.len(), 1);
}

#[tokio::test]
async fn an_old_address_that_nobody_has_proved_is_not_told() {
    let server = TestServer::start().await;
    server.put_user(EMAIL, |_| ()).await;
    let tokens = server.sign_in(EMAIL).await;
    ask(&server, &tokens, NEW).await;
    let mail = server.newest_mail_to(NEW).await;
    confirm(&server, mail.token()).await.assert_status(200);
    assert_moved(&server, &tokens).await;
    assert!(server.mails_to(EMAIL).await.is_empty());
}

#[tokio::test]
async fn codes_that_were_mailed_to_the_old_address_are_dead() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let verify = server.newest_mail_to(EMAIL).await;
    server.clock.advance(std::time::Duration::from_secs(1));
    server.post("/auth/password/forgot", json!({ "email": EMAIL })).await.assert_status(202);
    let reset = server.newest_mail_to(EMAIL).await;
    assert_ne!(verify.token(), reset.token());
    ask(&server, &tokens, NEW).await;
    let mail = server.newest_mail_to(NEW).await;
    confirm(&server, mail.token()).await.assert_status(200);

    for body in [
        json!({ "token": verify.token(), "password": PASSWORD }),
        json!({ "token": verify.token(), "discardPassword": true }),
    ] {
        server.post(VERIFY, body).await.assert_problem(400, "invalid_token");
    }
    let body = json!({ "token": reset.token(), "newPassword": "a much better one" });
    server.post("/auth/password/reset", body).await.assert_problem(400, "invalid_token");
    assert_moved(&server, &tokens).await;
}

#[tokio::test]
async fn the_change_is_told_of() {
    let (server, tokens, mail) = start().await;
    confirm(&server, mail.token()).await.assert_status(200);
    let user = tokens.user().to_string();
    let updated = server.events_of_type("user.updated").await;
    let verified = server.events_of_type("user.email_verified").await;
    assert_eq!((updated.len(), verified.len()), (1, 1));
    assert_eq!(updated[0]["data"], json!({ "id": user, "email": NEW, "fields": ["email"] }));
    assert_eq!(verified[0]["data"], json!({ "id": user, "email": NEW }));
    for event in [&updated[0], &verified[0]] {
        assert_eq!(event["subjectVersion"], 3, "the request was the second");
        assert_eq!(event["actor"], user);
    }
}

#[tokio::test]
async fn an_address_that_was_given_up_is_free() {
    let (server, tokens, mail) = start().await;
    confirm(&server, mail.token()).await.assert_status(200);
    let somebody = server.register(EMAIL).await["user"]["id"].clone();
    assert_ne!(somebody, tokens.user().to_string());
}

#[tokio::test]
async fn of_two_confirmations_at_once_one_is_made() {
    let (server, tokens, mail) = start().await;
    let mut paused = server.store.pause("replace_user");
    let second = async {
        paused.reached().await;
        confirm(&server, mail.token()).await.assert_status(200);
        paused.resume();
    };
    let (first, ()) = tokio::join!(confirm(&server, mail.token()), second);
    first.assert_problem(400, "invalid_token");
    assert_moved(&server, &tokens).await;
    assert_eq!(server.events_of_type("user.updated").await.len(), 1);
    assert_eq!(server.mails_to(EMAIL).await.len(), 1);
}

/// Whoever is thrown out while they confirm must not take the account to a mailbox of their own.
#[tokio::test]
async fn a_session_that_ends_before_the_confirmation_is_written_proves_nothing() {
    let (server, tokens, mail) = start().await;
    let mut paused = server.store.pause("replace_user");
    let ending = async {
        paused.reached().await;
        server.post_as(&tokens.access, "/auth/logout-all").await.assert_status(204);
        paused.resume();
    };
    let body = json!({ "token": mail.token() });
    let confirming = server.post_json_as(&tokens.access, VERIFY, body);
    let (answer, ()) = tokio::join!(confirming, ending);
    answer.assert_problem(401, "password_required");
    assert_unchanged_address(&server, &tokens).await;
    confirm(&server, mail.token()).await.assert_status(200);
}

async fn assert_unchanged_address(server: &TestServer, tokens: &Tokens) {
    assert_eq!(server.account(EMAIL).await.user.id, tokens.user());
    server.try_sign_in(NEW, PASSWORD).await.assert_problem(401, "invalid_credentials");
}
