//! What the user and the world see of it at once.

use std::sync::Arc;
use std::time::Duration;

use contracts::UserStore as _;
use doorward_claims::RevocationEntry;
use harness::doorward_verify::{KeySet, Policy, revocation_digest, verify_revocations};
use harness::{EMAIL, MailAnswer, NEW_PASSWORD, PASSWORD, ScriptedTransport, TestServer, Tokens};
use serde_json::json;
use tokio::task::JoinSet;

use super::{PATH, erase};

#[tokio::test]
async fn every_session_and_credential_of_the_user_is_dead() {
    let server = TestServer::start().await;
    let here = server.verified_ada().await;
    let there = server.sign_in(EMAIL).await;
    let answer = erase(&server, &here).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    for dead in [&here, &there] {
        server.get_as(&dead.access, PATH).await.assert_problem(401, "session_revoked");
        // Its key is gone: whether it was genuine, nobody can tell.
        server.try_refresh(&dead.refresh).await.assert_problem(401, "invalid_token");
        let body = json!({ "password": PASSWORD });
        let answer = server.post_json_as(&dead.access, "/auth/step-up", body).await;
        answer.assert_problem(401, "session_revoked");
        let answer = server.patch_as(&dead.access, PATH, json!({ "name": "Ada" })).await;
        answer.assert_problem(401, "session_revoked");
    }
    let known = server.try_sign_in(EMAIL, PASSWORD).await;
    known.assert_problem(401, "invalid_credentials");
    let unknown = server.try_sign_in("nobody@example.com", PASSWORD).await;
    assert_eq!(known.body, unknown.body);
}

#[tokio::test]
async fn it_takes_a_recent_sign_in() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    server.delete_as("nonsense", PATH).await.assert_problem(401, "invalid_token");
    server.clock.advance(Duration::from_mins(10));
    let answer = erase(&server, &tokens).await;
    answer.assert_problem(401, "step_up_required");
    assert_eq!(
        answer.header("www-authenticate"),
        Some(r#"Bearer error="insufficient_user_authentication", max_age="600""#)
    );
    server.sign_in(EMAIL).await;
    let body = json!({ "password": PASSWORD });
    server.post_json_as(&tokens.access, "/auth/step-up", body).await.assert_status(200);
    erase(&server, &tokens).await.assert_status(204);
}

#[tokio::test]
async fn followers_learn_that_every_session_has_ended() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    erase(&server, &tokens).await.assert_status(204);
    server.clock.advance(Duration::from_secs(1));
    let list = server.get("/.well-known/revocations").await;
    let jwks = server.get("/.well-known/jwks.json").await;
    let keys = KeySet::parse(jwks.body.as_bytes()).unwrap();
    let policy = Policy::new(&server.public_url, ["api"]);
    let now = contracts::Clock::now(&server.clock).unix_seconds();
    let claims = verify_revocations(&list.body, &keys, &policy, now).unwrap();
    let sub = revocation_digest(tokens.user().as_str());
    let wanted = RevocationEntry::Subject { sub, epoch_below: 1, except: None };
    assert_eq!(claims.entries, [wanted]);
}

#[tokio::test]
async fn address_and_user_name_are_free_for_somebody_else() {
    let server = TestServer::start().await;
    let name = domain::Username::parse("ada").unwrap();
    server
        .put_user(EMAIL, |user| {
            user.is_email_verified = true;
            user.username = Some(name);
        })
        .await;
    let tokens = server.sign_in(EMAIL).await;
    erase(&server, &tokens).await.assert_status(204);
    let body = json!({ "email": EMAIL, "username": "ada", "password": "of somebody else" });
    let answer = server.post("/auth/register", body).await;
    answer.assert_status(201);
    let other = answer.json()["user"]["id"].clone();
    assert_ne!(other, tokens.user().to_string());
    for name in [EMAIL, "ada"] {
        server.try_sign_in(name, PASSWORD).await.assert_problem(401, "invalid_credentials");
        let signed_in = Tokens::of(&server.try_sign_in(name, "of somebody else").await);
        assert_eq!(signed_in.user().to_string(), other);
    }
    // What the first one still holds opens nothing of the second.
    server.get_as(&tokens.access, PATH).await.assert_problem(401, "session_revoked");
    server.try_refresh(&tokens.refresh).await.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn a_verified_address_gets_a_farewell_and_another_does_not() {
    let server = TestServer::start().await;
    let ada = server.verified_ada().await;
    server.put_user("eve@example.com", |_| ()).await;
    let eve = server.sign_in("eve@example.com").await;
    erase(&server, &ada).await.assert_status(204);
    erase(&server, &eve).await.assert_status(204);
    let mails = server.mails_to(EMAIL).await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(mails[0].subject, "Your Doorward account was deleted");
    assert_eq!((&mails[0].link, &mails[0].code), (&None, &None));
    assert!(server.mails_to("eve@example.com").await.is_empty());
}

#[tokio::test]
async fn mails_that_wait_for_the_user_are_gone_but_for_the_farewell() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    server.post("/auth/password/forgot", json!({ "email": EMAIL })).await.assert_status(202);
    let wanted = json!({ "email": "lovelace@example.com" });
    server.patch_as(&tokens.access, PATH, wanted).await.assert_status(200);
    // One of them is dead already.
    let refusing = ScriptedTransport::new(MailAnswer::Refused);
    assert_eq!(server.relay_mails(&refusing).await.given_up, 2);
    server.clock.advance(Duration::from_mins(3));
    server.post("/auth/password/forgot", json!({ "email": EMAIL })).await.assert_status(202);
    assert_eq!(server.service.list_mails(None, 10).await.unwrap().len(), 3);

    erase(&server, &tokens).await.assert_status(204);
    let left = server.service.list_mails(None, 10).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].mail.template.name(), "account_deleted");
    assert!(server.mails_to("lovelace@example.com").await.is_empty());
}

#[tokio::test]
async fn the_erasure_is_told_of() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    erase(&server, &tokens).await.assert_status(204);
    let user = tokens.user().to_string();
    let deleted = server.events_of_type("user.deleted").await;
    assert_eq!(deleted.len(), 1);
    assert_eq!(deleted[0]["data"], json!({ "id": user, "email": EMAIL }));
    assert_eq!((&deleted[0]["actor"], &deleted[0]["subject"]), (&json!(user), &json!(user)));
    assert_eq!(deleted[0]["subjectVersion"], 2);
    let revoked = server.events_of_type("session.revoked").await;
    assert_eq!(revoked[0]["data"], json!({ "userId": user, "reason": "account_deleted" }));
}

#[tokio::test]
async fn the_address_is_treated_like_an_unknown_one() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    server.post("/auth/password/forgot", json!({ "email": EMAIL })).await.assert_status(202);
    let reset = server.newest_mail_to(EMAIL).await;
    erase(&server, &tokens).await.assert_status(204);
    server.mails_to(EMAIL).await;
    for path in ["/auth/password/forgot", "/auth/verify-email/resend"] {
        let mut seen = Vec::new();
        for email in [EMAIL, "nobody@example.com"] {
            server.store.take_calls();
            let answer = server.post(path, json!({ "email": email })).await;
            answer.assert_status(202);
            seen.push((answer.folded(), server.store.take_calls()));
        }
        assert_eq!(seen[0], seen[1]);
    }
    assert_eq!(server.mails_to(EMAIL).await.len(), 2, "the reset and the farewell of before");
    for code in [
        json!({ "token": reset.token() }),
        json!({ "challengeId": reset.challenge(), "code": reset.code() }),
    ] {
        let mut body = code;
        body["newPassword"] = "a much better one".into();
        server.post("/auth/password/reset", body).await.assert_problem(400, "invalid_token");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_erasures_at_once_one_is_made_and_none_fails() {
    let server = Arc::new(TestServer::start().await);
    let tokens = server.verified_ada().await;
    let mut racing = JoinSet::new();
    for _ in 0..8 {
        let (server, tokens) = (Arc::clone(&server), tokens.clone());
        racing.spawn(async move { erase(&server, &tokens).await });
    }
    let answers = racing.join_all().await;
    assert!(answers.iter().any(|answer| answer.status == 204));
    for refused in answers.iter().filter(|answer| answer.status != 204) {
        refused.assert_problem(401, "session_revoked");
    }
    assert_eq!(server.events_of_type("user.deleted").await.len(), 1);
    assert_eq!(server.mails_to(EMAIL).await.len(), 1);
}

#[tokio::test]
async fn an_erasure_that_another_came_before_is_done() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let mut paused = server.store.pause("erase_user");
    let other = async {
        paused.reached().await;
        erase(&server, &tokens).await.assert_status(204);
        paused.resume();
    };
    let (answer, ()) = tokio::join!(erase(&server, &tokens), other);
    answer.assert_status(204);
    assert_eq!(server.events_of_type("user.deleted").await.len(), 1);
}

#[tokio::test]
async fn a_user_who_changes_meanwhile_is_erased_all_the_same() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let mut paused = server.store.pause("erase_user");
    let renaming = async {
        paused.reached().await;
        let name = json!({ "name": "Ada" });
        server.patch_as(&tokens.access, PATH, name).await.assert_status(200);
        paused.resume();
    };
    let (answer, ()) = tokio::join!(erase(&server, &tokens), renaming);
    answer.assert_status(204);
    assert!(server.store.inner().find_user(&tokens.user()).await.unwrap().is_none());
}

/// Whoever was shut out by a reset must not take the account with them.
#[tokio::test]
async fn a_session_that_ends_before_the_erasure_is_written_erases_nothing() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let answer = server.reset_before("erase_user", EMAIL, erase(&server, &tokens)).await;
    answer.assert_problem(401, "session_revoked");
    Tokens::of(&server.try_sign_in(EMAIL, NEW_PASSWORD).await);
}

/// A sign-in that had verified the password before the erasure was written.
#[tokio::test]
async fn a_sign_in_that_races_the_erasure_makes_no_session() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let mut paused = server.store.pause("insert_session");
    let erasing = async {
        paused.reached().await;
        erase(&server, &tokens).await.assert_status(204);
        paused.resume();
    };
    let (answer, ()) = tokio::join!(server.try_sign_in(EMAIL, PASSWORD), erasing);
    answer.assert_problem(401, "invalid_credentials");
}

#[tokio::test]
async fn an_erasure_that_cannot_be_written_erases_nothing() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    server.store.fail("erase_user");
    erase(&server, &tokens).await.assert_problem(503, "dependency_unavailable");
    server.sign_in(EMAIL).await;
    assert!(server.mails_to(EMAIL).await.is_empty());
    assert!(server.events_of_type("user.deleted").await.is_empty());
}

/// A thief who gives the account another address and erases it at once does not erase the warning.
#[tokio::test]
async fn the_old_address_hears_of_the_new_one_whatever_becomes_of_the_account() {
    const THIEF: &str = "thief@example.com";
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    server.patch_as(&tokens.access, PATH, json!({ "email": THIEF })).await.assert_status(200);
    let mail = server.newest_mail_to(THIEF).await;
    let heard = server.mails_to(EMAIL).await.len();
    let body = json!({ "token": mail.token() });
    server.post_json_as(&tokens.access, "/auth/verify-email", body).await.assert_status(200);
    erase(&server, &tokens).await.assert_status(204);
    server.service.purge().await.unwrap();
    let mails = server.mails_to(EMAIL).await;
    assert_eq!(mails.len(), heard + 1);
    assert!(mails[0].subject.contains("address"), "{}", mails[0].subject);
    assert_eq!(server.mails_to(THIEF).await.len(), 2, "and the farewell goes to the new one");
}
