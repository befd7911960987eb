//! Another address that somebody has.

use harness::{EMAIL, PASSWORD, TestServer, Tokens};
use serde_json::json;
use service::VerifyEmail;

use super::{NEW, ask, confirm, patch};

/// A server that tells strangers nothing of which addresses are taken.
async fn start_quiet() -> TestServer {
    let builder = TestServer::builder().policy(|policy| {
        policy.registration.reveals_existing = false;
        policy.registration.verify_email = VerifyEmail::Required;
    });
    builder.start().await
}

#[tokio::test]
async fn a_taken_address_is_refused_where_that_may_be_known() {
    let server = TestServer::start().await;
    server.register(NEW).await;
    let tokens = server.verified_ada().await;
    let before = server.mails_to(NEW).await.len();
    for taken in [NEW, "LOVELACE@Example.com"] {
        let answer = patch(&server, &tokens, json!({ "email": taken, "name": "Ada" })).await;
        answer.assert_problem(409, "email_taken");
    }
    assert_eq!(server.account(EMAIL).await.user.version, 1);
    assert_eq!(server.mails_to(NEW).await.len(), before);
}

#[tokio::test]
async fn a_taken_address_is_answered_like_a_free_one_where_that_shall_not_be_known() {
    let server = start_quiet().await;
    server.put_user(NEW, |user| user.is_email_verified = true).await;
    let mut seen = Vec::new();
    for (asker, wanted) in [("one@example.com", NEW), ("two@example.com", "free@example.com")] {
        server.put_user(asker, |user| user.is_email_verified = true).await;
        let tokens = server.sign_in(asker).await;
        server.store.take_calls();
        let answer = patch(&server, &tokens, json!({ "email": wanted, "name": "Ada" })).await;
        answer.assert_status(200);
        let body = answer.folded().replace(asker, "ASKER");
        let mut headers: Vec<String> =
            answer.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
        headers.retain(|header| !header.starts_with("date:"));
        seen.push((body, headers, server.store.take_calls()));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0].2, ["find_session", "find_user_by_login", "find_code", "replace_user"]);
}

#[tokio::test]
async fn the_owner_of_a_taken_address_is_told_and_the_code_is_nobodys() {
    let server = start_quiet().await;
    let owner = server.put_user(NEW, |user| user.is_email_verified = true).await;
    let tokens = server.verified_ada().await;
    let change = ask(&server, &tokens, NEW).await;
    let mails = server.mails_to(NEW).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].subject, "You already have an account at Doorward");
    assert_eq!((&mails[0].link, &mails[0].code), (&None, &None));
    for words in [&mails[0].text, &mails[0].html] {
        assert!(!words.contains(EMAIL) && !words.contains("127.0.0.1"), "{words}");
    }
    for code in ["ABCD-EFGH", "22222222"] {
        let body =
            json!({ "challengeId": change["challengeId"], "code": code, "password": PASSWORD });
        server.post("/auth/verify-email", body).await.assert_problem(400, "invalid_token");
    }
    assert_eq!(server.account(NEW).await.user.id, owner);
    assert_eq!(server.account(EMAIL).await.user.id, tokens.user());
}

#[tokio::test]
async fn it_takes_a_recent_sign_in_to_ask_for_a_taken_address_too() {
    let server = start_quiet().await;
    server.put_user(NEW, |user| user.is_email_verified = true).await;
    let tokens = server.verified_ada().await;
    server.clock.advance(service::RECENT);
    let answer = patch(&server, &tokens, json!({ "email": NEW })).await;
    answer.assert_problem(401, "step_up_required");
    assert!(server.mails_to(NEW).await.is_empty());
}

#[tokio::test]
async fn an_address_that_is_taken_before_it_is_confirmed_stays_with_whoever_took_it() {
    for is_quiet in [false, true] {
        let server = if is_quiet { start_quiet().await } else { TestServer::start().await };
        let tokens = server.verified_ada().await;
        ask(&server, &tokens, NEW).await;
        let mail = server.newest_mail_to(NEW).await;
        let other = server.put_user(NEW, |user| user.is_email_verified = true).await;
        let before = server.account(EMAIL).await.user;

        for _ in 0..2 {
            confirm(&server, mail.token()).await.assert_problem(409, "email_taken");
        }
        assert_eq!(server.account(EMAIL).await.user.version, before.version);
        assert_eq!(server.account(NEW).await.user.id, other);
        assert_eq!(Tokens::of(&server.try_sign_in(NEW, PASSWORD).await).user(), other);
        assert!(server.events_of_type("user.updated").await.is_empty());
        let told = server.mails_to(EMAIL).await;
        assert!(told.iter().all(|mail| !mail.subject.contains("changed")), "{told:?}");
    }
}

#[tokio::test]
async fn of_two_users_who_confirm_one_address_one_gets_it() {
    let server = TestServer::start().await;
    let ada = server.verified_ada().await;
    server.put_user("eve@example.com", |user| user.is_email_verified = true).await;
    let eve = server.sign_in("eve@example.com").await;
    let mut mails = Vec::new();
    for tokens in [&ada, &eve] {
        ask(&server, tokens, NEW).await;
        server.clock.advance(std::time::Duration::from_secs(1));
        mails.push(server.newest_mail_to(NEW).await);
    }
    let (one, other) =
        tokio::join!(confirm(&server, mails[0].token()), confirm(&server, mails[1].token()));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let owner = server.account(NEW).await.user.id;
    assert_eq!(owner == ada.user(), one.status == 200);
}
