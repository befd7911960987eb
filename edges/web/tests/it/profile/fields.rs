//! Name and user name.

use std::sync::Arc;
use std::time::Duration;

use harness::{EMAIL, PASSWORD, TestServer, Tokens};
use serde_json::json;
use tokio::task::JoinSet;

use super::patch;

#[tokio::test]
async fn a_user_gets_another_name_and_user_name() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let answer = patch(&server, &tokens, json!({ "name": "Ada", "username": "Ada.L" })).await;
    answer.assert_status(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    insta::assert_snapshot!(
        answer.folded(),
        @r#"
        {"id":"USER",
        "email":"ada@example.com",
        "emailVerified":false,
        "username":"ada.l",
        "name":"Ada",
        "role":"USER",
        "roles":["USER"],
        "permissions":["profile:read"],
        "mfaEnabled":false,
        "createdAt":"2024-11-11T13:51:40.000Z",
        "lastLoginAt":"2024-11-11T13:51:40.000Z"}
        "#
    );
    assert_eq!(server.get_as(&tokens.access, super::PATH).await.json(), answer.json());
    Tokens::of(&server.try_sign_in("ada.l", PASSWORD).await);
    let next = server.refresh(&tokens.refresh).await.claims();
    assert_eq!((&next["name"], &next["username"]), (&json!("Ada"), &json!("ada.l")));
}

#[tokio::test]
async fn what_is_absent_stays_and_what_is_null_goes() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    for (wanted, name, username) in [
        (json!({ "name": "Ada", "username": "ada" }), json!("Ada"), json!("ada")),
        (json!({ "name": "Lady Ada" }), json!("Lady Ada"), json!("ada")),
        (json!({ "username": "lovelace" }), json!("Lady Ada"), json!("lovelace")),
        (json!({ "name": null }), json!(null), json!("lovelace")),
        (json!({ "username": null, "unknown": 1 }), json!(null), json!(null)),
    ] {
        let answer = patch(&server, &tokens, wanted.clone()).await;
        answer.assert_status(200);
        let user = answer.json();
        assert_eq!((&user["name"], &user["username"]), (&name, &username), "{wanted}");
    }
    server.try_sign_in("lovelace", PASSWORD).await.assert_status(401);
}

#[tokio::test]
async fn a_user_name_that_was_given_up_is_free() {
    let server = TestServer::start().await;
    let ada = server.ada().await;
    server.register("eve@example.com").await;
    let eve = server.sign_in("eve@example.com").await;
    patch(&server, &ada, json!({ "username": "countess" })).await.assert_status(200);
    let wanted = json!({ "username": "countess" });
    patch(&server, &eve, wanted.clone()).await.assert_problem(409, "username_taken");
    patch(&server, &ada, json!({ "username": null })).await.assert_status(200);
    patch(&server, &eve, wanted).await.assert_status(200);
}

#[tokio::test]
async fn what_is_wrong_is_told_by_field_and_changes_nothing() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let long = "x".repeat(201);
    for (wanted, field, code) in [
        (json!({ "name": 1, "username": "ada" }), "name", "wrong_type"),
        (json!({ "name": ["Ada"] }), "name", "wrong_type"),
        (json!({ "username": true }), "username", "wrong_type"),
        (json!({ "email": {} }), "email", "wrong_type"),
        (json!({ "name": "", "username": "ada" }), "name", "invalid"),
        (json!({ "name": "a\nb" }), "name", "invalid"),
        (json!({ "name": long }), "name", "invalid"),
        (json!({ "username": "a", "name": "Ada" }), "username", "invalid"),
        (json!({ "username": "ada@example.com" }), "username", "invalid"),
        (json!({ "username": "x".repeat(33) }), "username", "invalid"),
        (json!({ "email": "nonsense", "name": "Ada" }), "email", "invalid"),
    ] {
        let answer = patch(&server, &tokens, wanted.clone()).await;
        answer.assert_problem(400, "validation_failed");
        let errors = answer.json()["errors"].clone();
        assert_eq!((&errors[0]["field"], &errors[0]["code"]), (&json!(field), &json!(code)));
        assert_eq!(errors.as_array().unwrap().len(), 1, "{wanted}: {errors}");
    }
    let all = json!({ "name": "", "username": "a", "email": "b" });
    let errors = patch(&server, &tokens, all).await.json()["errors"].clone();
    assert_eq!(errors.as_array().unwrap().len(), 3, "{errors}");
    let user = server.account(EMAIL).await.user;
    assert_eq!((user.version, user.name, user.username), (1, None, None));
}

#[tokio::test]
async fn a_patch_that_changes_nothing_is_told_to_nobody() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let wanted = json!({ "name": "Ada", "username": "ada" });
    patch(&server, &tokens, wanted.clone()).await.assert_status(200);
    let told = server.events().await.len();
    server.store.take_calls();
    for same in [
        wanted,
        json!({}),
        json!({ "username": "ADA" }),
        json!({ "email": EMAIL }),
        json!({ "email": "ADA@Example.com" }),
    ] {
        let answer = patch(&server, &tokens, same.clone()).await;
        answer.assert_status(200);
        assert!(answer.json().get("emailChange").is_none(), "{same}: {answer:?}");
        assert_eq!(server.store.take_calls(), ["find_session"], "{same}");
    }
    assert_eq!(server.events().await.len(), told);
    assert_eq!(server.account(EMAIL).await.user.version, 2);
}

#[tokio::test]
async fn a_change_is_told_with_its_fields_and_the_version_rises() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let user = tokens.user().to_string();
    let mut told = Vec::new();
    for wanted in [
        json!({ "name": "Ada", "username": "ada" }),
        json!({ "name": "Ada", "username": "lovelace" }),
        json!({ "name": null }),
    ] {
        server.clock.advance(Duration::from_secs(1));
        patch(&server, &tokens, wanted).await.assert_status(200);
    }
    for event in server.events_of_type("user.updated").await {
        assert_eq!((&event["actor"], &event["subject"]), (&json!(user), &json!(user)));
        assert_eq!(event["data"]["email"], EMAIL);
        assert_eq!(event["requestId"], harness::REQUEST_ID);
        told.push((event["subjectVersion"].clone(), event["data"]["fields"].clone()));
    }
    let wanted = [
        (json!(2), json!(["name", "username"])),
        (json!(3), json!(["username"])),
        (json!(4), json!(["name"])),
    ];
    assert_eq!(told, wanted);
    assert!(server.mails_to(EMAIL).await.len() == 1, "only that of the registration");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_users_one_gets_a_user_name() {
    let server = Arc::new(TestServer::start().await);
    let mut racing = JoinSet::new();
    for number in 0..12 {
        let email = format!("user{number}@example.com");
        server.put_user(&email, |_| ()).await;
        let tokens = server.sign_in(&email).await;
        let server = Arc::clone(&server);
        let wanted = json!({ "username": "countess" });
        racing.spawn(async move { patch(&server, &tokens, wanted).await });
    }
    let answers = racing.join_all().await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 11));
    for answer in lost {
        answer.assert_problem(409, "username_taken");
    }
    let owner = server.account("countess").await.user.id.to_string();
    assert_eq!(won[0].json()["id"], owner);
    assert_eq!(server.events_of_type("user.updated").await.len(), 1);
}

#[tokio::test]
async fn a_name_needs_no_recent_sign_in() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    server.clock.advance(Duration::from_mins(14));
    patch(&server, &tokens, json!({ "name": "Ada" })).await.assert_status(200);
}

#[tokio::test]
async fn two_changes_at_once_are_both_made() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let mut paused = server.store.pause("replace_user");
    let renaming = async {
        paused.reached().await;
        patch(&server, &tokens, json!({ "username": "ada" })).await.assert_status(200);
        paused.resume();
    };
    let (answer, ()) = tokio::join!(patch(&server, &tokens, json!({ "name": "Ada" })), renaming);
    answer.assert_status(200);
    assert_eq!(answer.json()["username"], "ada");
    let user = server.account(EMAIL).await.user;
    assert_eq!((user.version, user.name.is_some(), user.username.is_some()), (3, true, true));
}

#[tokio::test]
async fn whoever_is_signed_out_meanwhile_changes_nothing() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let mut paused = server.store.pause("replace_user");
    let ending = async {
        paused.reached().await;
        server.post_as(&tokens.access, "/auth/logout-all").await.assert_status(204);
        paused.resume();
    };
    let (answer, ()) = tokio::join!(patch(&server, &tokens, json!({ "name": "Eve" })), ending);
    answer.assert_problem(401, "session_revoked");
    assert_eq!(server.account(EMAIL).await.user.name, None);
}
