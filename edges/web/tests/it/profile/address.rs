//! Another address is asked for: nothing changes yet.

use std::sync::Arc;
use std::time::Duration;

use harness::{EMAIL, PASSWORD, TestServer, Tokens};
use serde_json::json;
use tokio::task::JoinSet;

use super::{NEW, ask, assert_unchanged, confirm, patch};

#[tokio::test]
async fn the_answer_has_the_old_address_and_a_challenge() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let answer = patch(&server, &tokens, json!({ "email": NEW, "name": "Ada" })).await;
    answer.assert_status(200);
    insta::assert_snapshot!(
        answer.folded(),
        @r#"
        {"id":"USER",
        "email":"ada@example.com",
        "emailVerified":true,
        "username":null,
        "name":"Ada",
        "role":"USER",
        "roles":["USER"],
        "permissions":["profile:read"],
        "mfaEnabled":false,
        "createdAt":"2024-11-11T13:51:40.000Z",
        "lastLoginAt":"2024-11-11T13:51:40.000Z",
        "emailChange":{"challengeId":"CHALLENGE",
        "expiresIn":600}}
        "#
    );
    let updated = server.events_of_type("user.updated").await;
    assert_eq!(updated.len(), 1);
    assert_eq!(updated[0]["data"]["fields"], json!(["name"]), "the address is not changed yet");
}

#[tokio::test]
async fn the_address_is_asked_and_nothing_changes() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let change = ask(&server, &tokens, NEW).await;
    let mails = server.mails_to(NEW).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].subject, "Confirm your new e-mail address for Doorward");
    assert_eq!(mails[0].challenge(), change["challengeId"]);
    let page = format!("{}/pages/confirm?c=chal_", server.public_url);
    assert!(mails[0].link.as_ref().unwrap().starts_with(&page), "{mails:?}");
    for secret in [mails[0].token(), mails[0].code()] {
        assert!(mails[0].text.contains(secret) && mails[0].html.contains(secret));
    }
    assert!(server.mails_to(EMAIL).await.is_empty());
    assert_unchanged(&server).await;
    server.clock.advance(Duration::from_hours(1));
    server.sign_in(EMAIL).await;
}

#[tokio::test]
async fn it_takes_a_recent_sign_in() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    server.clock.advance(Duration::from_mins(10));
    for wanted in [json!({ "email": NEW }), json!({ "email": NEW, "name": "Ada" })] {
        let answer = patch(&server, &tokens, wanted).await;
        answer.assert_problem(401, "step_up_required");
        assert_eq!(
            answer.header("www-authenticate"),
            Some(r#"Bearer error="insufficient_user_authentication", max_age="600""#)
        );
    }
    assert_eq!(server.account(EMAIL).await.user.version, 1);
    assert!(server.mails_to(NEW).await.is_empty());
    // The address that one has already is none that is asked for.
    patch(&server, &tokens, json!({ "email": EMAIL })).await.assert_status(200);

    let body = json!({ "password": PASSWORD });
    server.post_json_as(&tokens.access, "/auth/step-up", body).await.assert_status(200);
    ask(&server, &tokens, NEW).await;
}

#[tokio::test]
async fn asking_again_replaces_the_first_request() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let first = ask(&server, &tokens, NEW).await;
    server.clock.advance(Duration::from_secs(30));
    let second = ask(&server, &tokens, "countess@example.com").await;
    assert_ne!(first["challengeId"], second["challengeId"]);
    let mail = server.newest_mail_to(NEW).await;
    confirm(&server, mail.token()).await.assert_problem(400, "invalid_token");
    let body = json!({
        "challengeId": mail.challenge(), "code": mail.code(), "password": PASSWORD,
    });
    server.post("/auth/verify-email", body).await.assert_problem(400, "invalid_token");
    assert_unchanged(&server).await;

    let mail = server.newest_mail_to("countess@example.com").await;
    confirm(&server, mail.token()).await.assert_status(200);
    Tokens::of(&server.try_sign_in("countess@example.com", PASSWORD).await);
    confirm(&server, mail.token()).await.assert_problem(400, "invalid_token");
}

#[tokio::test]
async fn asking_twice_for_one_address_sends_one_mail() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let first = ask(&server, &tokens, NEW).await;
    server.clock.advance(Duration::from_secs(29));
    let wanted = json!({ "email": NEW, "name": "Ada" });
    let answer = patch(&server, &tokens, wanted).await;
    answer.assert_status(200);
    assert_eq!(answer.json()["emailChange"], first);
    assert_eq!(answer.json()["name"], "Ada", "the rest is changed");
    let mails = server.mails_to(NEW).await;
    assert_eq!(mails.len(), 1);
    confirm(&server, mails[0].token()).await.assert_status(200);
}

/// Else one account could have our mails sent to any number of mailboxes.
#[tokio::test]
async fn another_address_can_be_asked_for_after_half_a_minute() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    ask(&server, &tokens, NEW).await;
    server.clock.advance(Duration::from_secs(20));
    let other = json!({ "email": "countess@example.com", "name": "Ada" });
    let answer = patch(&server, &tokens, other).await;
    answer.assert_problem(429, "rate_limited");
    assert_eq!(answer.header("retry-after"), Some("10"));
    assert_eq!(server.account(EMAIL).await.user.name, None, "nothing of it is done");
    assert!(server.mails_to("countess@example.com").await.is_empty());
    let mail = server.newest_mail_to(NEW).await;
    confirm(&server, mail.token()).await.assert_status(200);
}

#[tokio::test]
async fn a_link_expires_after_a_day_and_the_code_after_ten_minutes() {
    for (age, by_token) in [(Duration::from_mins(10), false), (Duration::from_hours(24), true)] {
        for is_late in [true, false] {
            let server = TestServer::start().await;
            let tokens = server.verified_ada().await;
            ask(&server, &tokens, NEW).await;
            let mail = server.newest_mail_to(NEW).await;
            let early = Duration::from_millis(u64::from(!is_late));
            server.clock.advance(age.checked_sub(early).unwrap());
            let mut body = if by_token {
                json!({ "token": mail.token() })
            } else {
                json!({ "challengeId": mail.challenge(), "code": mail.code() })
            };
            body["password"] = PASSWORD.into();
            let answer = server.post("/auth/verify-email", body).await;
            if is_late {
                answer.assert_problem(400, "invalid_token");
            } else {
                answer.assert_status(200);
            }
        }
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_written_sends_no_mail() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    server.store.fail("replace_user");
    let answer = patch(&server, &tokens, json!({ "email": NEW, "name": "Ada" })).await;
    answer.assert_problem(503, "dependency_unavailable");
    assert!(server.mails_to(NEW).await.is_empty());
    assert_unchanged(&server).await;
}

#[tokio::test]
async fn a_user_name_that_is_taken_asks_nobody() {
    let server = TestServer::start().await;
    let name = domain::Username::parse("countess").unwrap();
    server.put_user("eve@example.com", |user| user.username = Some(name)).await;
    let tokens = server.verified_ada().await;
    let answer = patch(&server, &tokens, json!({ "email": NEW, "username": "countess" })).await;
    answer.assert_problem(409, "username_taken");
    assert!(server.mails_to(NEW).await.is_empty());
    assert_unchanged(&server).await;
}

/// Nor by asking for all of them at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_addresses_at_once_one_is_asked() {
    let server = Arc::new(TestServer::start().await);
    let tokens = server.verified_ada().await;
    let mut requests = JoinSet::new();
    for number in 0..8 {
        let (server, access) = (Arc::clone(&server), tokens.access.clone());
        let wanted = json!({ "email": format!("reader{number}@example.com") });
        requests.spawn(async move { server.patch_as(&access, "/auth/me", wanted).await.status });
    }
    let mut statuses = requests.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 429, 429, 429, 429, 429, 429, 429]);
    let mut mails = 0;
    for number in 0..8 {
        mails += server.mails_to(&format!("reader{number}@example.com")).await.len();
    }
    assert_eq!(mails, 1);
}
