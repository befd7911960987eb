//! Whatever goes wrong before the password is set, the code still works.

use std::sync::Arc;

use harness::{EMAIL, NEW_PASSWORD, PASSWORD, TestServer};
use serde_json::json;

use super::{PATH, start};

#[tokio::test]
async fn a_weak_password_is_named_and_costs_neither_link_nor_try() {
    let (server, _, mail) = start().await;
    server.store.take_calls();
    for (weak, reason) in [("short 7", "too_short"), ("password1", "too_common")] {
        for body in [
            json!({ "token": mail.token(), "newPassword": weak }),
            json!({ "challengeId": mail.challenge(), "code": mail.code(), "newPassword": weak }),
        ] {
            for _ in 0..3 {
                let answer = server.post(PATH, body.clone()).await;
                answer.assert_problem(400, "validation_failed");
                let error = &answer.json()["errors"][0];
                assert_eq!(
                    (&error["field"], &error["code"]),
                    (&json!("newPassword"), &json!(reason))
                );
            }
        }
    }
    assert!(server.store.take_calls().is_empty(), "not even that the code exists is said");
    server.reset_typed(mail.challenge(), mail.code()).await.assert_status(204);
}

#[tokio::test]
async fn ones_own_names_are_no_password() {
    let server = TestServer::start().await;
    let body = json!({ "email": EMAIL, "password": PASSWORD, "username": "lovelace" });
    server.post("/auth/register", body).await.assert_status(201);
    let mail = server.forgot_mail(EMAIL).await;
    for personal in [EMAIL, "ADA@example.com", "LoveLace"] {
        let link = json!({ "token": mail.token(), "newPassword": personal });
        // One of the tries goes, since only the code tells whose names are meant.
        let mut typed = json!({ "challengeId": mail.challenge(), "code": mail.code() });
        typed["newPassword"] = personal.into();
        for body in [link, typed] {
            let answer = server.post(PATH, body).await;
            answer.assert_problem(400, "validation_failed");
            let error = &answer.json()["errors"][0];
            assert_eq!(
                (&error["field"], &error["code"]),
                (&json!("newPassword"), &json!("too_personal"))
            );
        }
    }
    server.sign_in(EMAIL).await;
    server.reset_typed(mail.challenge(), mail.code()).await.assert_status(204);
}

#[tokio::test]
async fn a_reset_that_hashing_cannot_take_on_leaves_the_code() {
    let (first, _, mail) = start().await;
    let (builder, gate) = first.beside().hashing(|hashing| hashing.queue_max = 0).hashing_gate();
    let busy = Arc::new(builder.start().await);
    let of_its_own = Arc::clone(&busy);
    let taken_on = tokio::spawn(async move { of_its_own.try_sign_in(EMAIL, PASSWORD).await });
    while busy.service.passwords().waiting() == 0 {
        tokio::task::yield_now().await;
    }
    busy.reset(mail.token()).await.assert_problem(503, "overloaded");
    let refused = busy.reset_typed(mail.challenge(), mail.code()).await;
    refused.assert_problem(503, "overloaded");
    assert_eq!(refused.header("retry-after"), Some("1"));
    gate.open();
    taken_on.await.unwrap().assert_status(200);
    first.reset_typed(mail.challenge(), mail.code()).await.assert_status(204);
    first.try_sign_in(EMAIL, NEW_PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn a_reset_that_cannot_be_written_leaves_everything() {
    let (server, tokens, mail) = start().await;
    let user = server.account(EMAIL).await.user;
    for broken in ["find_code", "find_user", "replace_user"] {
        let next = server.beside().start().await;
        next.store.fail(broken);
        next.reset(mail.token()).await.assert_problem(503, "dependency_unavailable");
        assert_eq!(server.account(EMAIL).await.user, user, "{broken}");
    }
    server.refresh(&tokens.refresh).await;
    server.reset(mail.token()).await.assert_status(204);
}

/// Something else of the user changes while the new password is being hashed.
#[tokio::test]
async fn a_change_at_the_same_moment_is_not_lost() {
    let (server, tokens, mail) = start().await;
    let server = Arc::new(server);
    let mut paused = server.store.pause("replace_user");
    let (of_its_own, token) = (Arc::clone(&server), mail.token().to_owned());
    let racing = tokio::spawn(async move { of_its_own.reset(&token).await });
    paused.reached().await;
    let named = server.patch_as(&tokens.access, "/auth/me", json!({ "name": "Ada" })).await;
    named.assert_status(200);
    paused.resume();
    racing.await.unwrap().assert_status(204);
    let user = server.account(EMAIL).await.user;
    assert_eq!((user.version, user.name.unwrap().as_str()), (3, "Ada"));
    server.try_sign_in(EMAIL, NEW_PASSWORD).await.assert_status(200);
}
