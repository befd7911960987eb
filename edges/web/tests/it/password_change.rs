//! `POST /auth/password/change`.

use std::sync::Arc;
use std::time::Duration;

use doorward_claims::RevocationEntry;
use harness::doorward_verify::{KeySet, Policy, revocation_digest, verify_revocations};
use harness::{Answer, EMAIL, NEW_PASSWORD, PASSWORD, TestServer, Tokens};
use serde_json::json;

const PATH: &str = "/auth/password/change";
const NEW: &str = "a much better one";

async fn change(server: &TestServer, tokens: &Tokens, current: &str, new: &str) -> Answer {
    let body = json!({ "currentPassword": current, "newPassword": new });
    server.post_json_as(&tokens.access, PATH, body).await
}

/// Fails unless the old password is still the one.
async fn assert_unchanged(server: &TestServer) {
    let user = server.account(EMAIL).await.user;
    assert_eq!((user.version, user.session_epoch), (1, 0));
    server.sign_in(EMAIL).await;
    assert!(server.events_of_type("user.password_changed").await.is_empty());
}

#[tokio::test]
async fn the_new_password_signs_in_and_the_old_one_does_not() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let answer = change(&server, &tokens, PASSWORD, NEW).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    let old = server.try_sign_in(EMAIL, PASSWORD).await;
    old.assert_problem(401, "invalid_credentials");
    Tokens::of(&server.try_sign_in(EMAIL, NEW).await);
}

#[tokio::test]
async fn the_session_that_asks_lives_on_and_every_other_one_ends() {
    let server = TestServer::start().await;
    let here = server.verified_ada().await;
    let there = server.sign_in(EMAIL).await;
    let elsewhere = server.sign_in(EMAIL).await;
    server.register("eve@example.com").await;
    let eve = server.sign_in("eve@example.com").await;
    change(&server, &here, PASSWORD, NEW).await.assert_status(204);

    for dead in [&there, &elsewhere] {
        let answer = server.get_as(&dead.access, "/auth/me").await;
        answer.assert_problem(401, "session_revoked");
        server.try_refresh(&dead.refresh).await.assert_problem(401, "session_revoked");
    }
    server.get_as(&here.access, "/auth/me").await.assert_status(200);
    let next = server.refresh(&here.refresh).await;
    assert_eq!(next.claims()["session_epoch"], 1);
    server.get_as(&next.access, "/auth/me").await.assert_status(200);
    server.refresh(&next.refresh).await;
    let list = server.get_as(&next.access, "/auth/sessions").await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    server.get_as(&eve.access, "/auth/me").await.assert_status(200);
}

#[tokio::test]
async fn followers_learn_of_all_sessions_but_the_one_that_lives_on() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    server.sign_in(EMAIL).await;
    change(&server, &tokens, PASSWORD, NEW).await.assert_status(204);

    server.clock.advance(Duration::from_secs(1));
    let list = server.get("/.well-known/revocations").await;
    let jwks = server.get("/.well-known/jwks.json").await;
    let keys = KeySet::parse(jwks.body.as_bytes()).unwrap();
    let policy = Policy::new(&server.public_url, ["api"]);
    let now = contracts::Clock::now(&server.clock).unix_seconds();
    let claims = verify_revocations(&list.body, &keys, &policy, now).unwrap();
    let wanted = RevocationEntry::Subject {
        sub: revocation_digest(tokens.user().as_str()),
        epoch_below: 1,
        except: Some(revocation_digest(&tokens.session().to_string())),
    };
    assert_eq!(claims.entries, [wanted]);
}

#[tokio::test]
async fn a_wrong_current_password_changes_nothing() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    for wrong in ["not the password", "", " ", &PASSWORD.to_uppercase()] {
        let answer = change(&server, &tokens, wrong, NEW).await;
        answer.assert_problem(401, "invalid_credentials");
    }
    assert_unchanged(&server).await;
    server.refresh(&tokens.refresh).await;
}

#[tokio::test]
async fn a_weak_new_password_is_refused_and_says_why() {
    let server = TestServer::start().await;
    let name = domain::Username::parse("ada.lovelace").unwrap();
    server.put_user(EMAIL, |user| user.username = Some(name)).await;
    let tokens = server.sign_in(EMAIL).await;
    for (new, reason) in [
        ("brief", "too_short"),
        ("password", "too_common"),
        ("Ada.Lovelace", "too_personal"),
        ("ADA@example.com", "too_personal"),
        (&"x".repeat(513), "too_long"),
    ] {
        let answer = change(&server, &tokens, PASSWORD, new).await;
        answer.assert_problem(400, "validation_failed");
        let errors = &answer.json()["errors"];
        assert_eq!(errors[0]["field"], "newPassword", "{errors}");
        assert_eq!(errors[0]["code"], reason, "{errors}");
        assert!(!answer.body.contains(new) || new == "password", "{answer:?}");
    }
    assert_unchanged(&server).await;
}

#[tokio::test]
async fn both_passwords_have_to_be_given() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    for body in [
        json!({}),
        json!({ "newPassword": NEW }),
        json!({ "currentPassword": PASSWORD }),
        json!({ "currentPassword": PASSWORD, "newPassword": null }),
        json!({ "currentPassword": 1, "newPassword": NEW }),
    ] {
        let answer = server.post_json_as(&tokens.access, PATH, body).await;
        answer.assert_problem(400, "validation_failed");
    }
    let body = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    server.post(PATH, body).await.assert_problem(401, "invalid_token");
    assert_unchanged(&server).await;
}

#[tokio::test]
async fn a_sign_in_of_ten_minutes_ago_is_too_old() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    server.clock.advance(Duration::from_mins(10));
    let answer = change(&server, &tokens, PASSWORD, NEW).await;
    answer.assert_status(401);
    assert_eq!(
        answer.header("www-authenticate"),
        Some(r#"Bearer error="insufficient_user_authentication", max_age="600""#)
    );
    insta::assert_snapshot!(
        answer.folded(),
        @r#"
        {"type":"urn:doorward:problem:step_up_required",
        "title":"Your sign-in is too old or too weak for this",
        "status":401,
        "detail":"Call `/auth/step-up`, then try again.",
        "code":"step_up_required",
        "requestId":"req-1"}
        "#
    );
    // A rotation proves no password.
    let next = server.refresh(&tokens.refresh).await;
    change(&server, &next, PASSWORD, NEW).await.assert_problem(401, "step_up_required");
    assert_unchanged(&server).await;
}

#[tokio::test]
async fn a_sign_in_of_almost_ten_minutes_ago_counts() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    server.clock.advance(Duration::from_millis(600_000 - 1));
    change(&server, &tokens, PASSWORD, NEW).await.assert_status(204);
}

#[tokio::test]
async fn codes_that_were_mailed_before_die() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    server.post("/auth/password/forgot", json!({ "email": EMAIL })).await.assert_status(202);
    let wanted = json!({ "email": "lovelace@example.com" });
    server.patch_as(&tokens.access, "/auth/me", wanted).await.assert_status(200);
    let reset = server.newest_mail_to(EMAIL).await;
    let confirm = server.newest_mail_to("lovelace@example.com").await;
    change(&server, &tokens, PASSWORD, NEW).await.assert_status(204);

    for code in [
        json!({ "token": reset.token() }),
        json!({ "challengeId": reset.challenge(), "code": reset.code() }),
    ] {
        let mut body = code;
        body["newPassword"] = "of whoever reads the mail".into();
        server.post("/auth/password/reset", body).await.assert_problem(400, "invalid_token");
    }
    let body = json!({ "token": confirm.token(), "password": NEW });
    server.post("/auth/verify-email", body).await.assert_problem(400, "invalid_token");
    assert_eq!(server.account(EMAIL).await.user.id, tokens.user());
}

#[tokio::test]
async fn a_verified_address_is_told_and_another_is_not() {
    let server = TestServer::start().await;
    let ada = server.verified_ada().await;
    server.put_user("eve@example.com", |_| ()).await;
    let eve = server.sign_in("eve@example.com").await;
    change(&server, &ada, PASSWORD, NEW).await.assert_status(204);
    change(&server, &eve, PASSWORD, NEW).await.assert_status(204);

    let mails = server.mails_to(EMAIL).await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(mails[0].subject, "Your password for Doorward was changed");
    assert_eq!((&mails[0].link, &mails[0].code), (&None, &None));
    for words in ["harness/1", "127.0.0.1"] {
        assert!(mails[0].text.contains(words) && mails[0].html.contains(words), "{words}");
    }
    assert!(!mails[0].text.contains(NEW) && !mails[0].html.contains(NEW));
    assert!(server.mails_to("eve@example.com").await.is_empty());
}

#[tokio::test]
async fn the_change_is_told_of() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    change(&server, &tokens, PASSWORD, NEW).await.assert_status(204);
    let user = tokens.user().to_string();
    let changed = server.events_of_type("user.password_changed").await;
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0]["actor"], user);
    assert_eq!(changed[0]["subject"], user);
    assert_eq!(changed[0]["subjectVersion"], 2);
    assert_eq!(changed[0]["requestId"], harness::REQUEST_ID);
    assert_eq!(changed[0]["data"], json!({ "id": user, "ip": "127.0.0.1" }));
    let revoked = server.events_of_type("session.revoked").await;
    assert_eq!(revoked.len(), 1);
    assert_eq!(revoked[0]["data"], json!({ "userId": user, "reason": "password_changed" }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_changes_at_once_one_wins_and_its_password_is_the_one() {
    for _ in 0..8 {
        let server = Arc::new(TestServer::start().await);
        let here = server.verified_ada().await;
        let there = server.sign_in(EMAIL).await;
        let words = ["the words of one", "the words of another"];
        let (one, another) = tokio::join!(
            change(&server, &here, PASSWORD, words[0]),
            change(&server, &there, PASSWORD, words[1])
        );
        let (won, lost) = if one.status == 204 { (0, another) } else { (1, one) };
        lost.assert_status(401);
        assert!(["session_revoked", "invalid_credentials"].contains(&&*lost.problem()), "{lost:?}");
        Tokens::of(&server.try_sign_in(EMAIL, words[won]).await);
        for wrong in [words[1 - won], PASSWORD] {
            server.try_sign_in(EMAIL, wrong).await.assert_status(401);
        }
        let (alive, dead) = if won == 0 { (here, there) } else { (there, here) };
        server.refresh(&alive.refresh).await;
        server.try_refresh(&dead.refresh).await.assert_problem(401, "session_revoked");
        assert_eq!(server.events_of_type("user.password_changed").await.len(), 1);
    }
}

/// Whoever shut others out by mail stays the one who knows the password.
#[tokio::test]
async fn a_change_does_not_undo_a_reset_that_came_before_it_was_written() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let changing = change(&server, &tokens, PASSWORD, NEW);
    let answer = server.reset_before("replace_user", EMAIL, changing).await;
    answer.assert_problem(401, "session_revoked");
    server.try_sign_in(EMAIL, NEW).await.assert_status(401);
    Tokens::of(&server.try_sign_in(EMAIL, NEW_PASSWORD).await);
    server.try_refresh(&tokens.refresh).await.assert_problem(401, "session_revoked");
}

#[tokio::test]
async fn a_change_survives_a_new_name_that_came_in_between() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let mut paused = server.store.pause("replace_user");
    let renaming = async {
        paused.reached().await;
        let name = json!({ "name": "Ada" });
        server.patch_as(&tokens.access, "/auth/me", name).await.assert_status(200);
        paused.resume();
    };
    let (answer, ()) = tokio::join!(change(&server, &tokens, PASSWORD, NEW), renaming);
    answer.assert_status(204);
    let user = Tokens::of(&server.try_sign_in(EMAIL, NEW).await).body["user"].clone();
    assert_eq!(user["name"], "Ada");
}

#[tokio::test]
async fn a_change_that_cannot_be_written_leaves_nothing() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    server.store.fail("replace_user");
    let answer = change(&server, &tokens, PASSWORD, NEW).await;
    answer.assert_problem(503, "dependency_unavailable");
    assert!(server.mails_to(EMAIL).await.is_empty());
    assert_unchanged(&server).await;
    server.refresh(&tokens.refresh).await;
}
