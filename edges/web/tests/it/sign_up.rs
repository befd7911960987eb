use std::sync::Arc;
use std::time::Duration;

use harness::{EMAIL, PASSWORD, TestServer};
use serde_json::json;
use tokio::task::JoinSet;

const PATH: &str = "/auth/register";

#[tokio::test]
async fn a_stranger_becomes_a_user() {
    let server = TestServer::start().await;
    let request = json!({
        "email": " Ada@Example.com ", "password": PASSWORD, "username": "Ada.L", "name": "Ada",
    });
    let answer = server.post(PATH, request).await;
    answer.assert_status(201);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("location"), Some(&*format!("{}/auth/me", server.public_url)));
    insta::assert_snapshot!(
        answer.folded(),
        @r#"
        {"user":{"id":"USER",
        "email":"Ada@Example.com",
        "emailVerified":false,
        "username":"ada.l",
        "name":"Ada",
        "role":"USER",
        "roles":["USER"],
        "permissions":["profile:read"],
        "mfaEnabled":false,
        "createdAt":"2024-11-11T13:51:40.000Z",
        "lastLoginAt":null},
        "verificationRequired":false,
        "challengeId":"CHALLENGE"}
        "#
    );
}

#[tokio::test]
async fn a_new_user_is_told_of() {
    let server = TestServer::start().await;
    let user = server.register(EMAIL).await["user"]["id"].clone();
    let events = server.events().await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["type"], "user.created");
    assert_eq!(events[0]["time"], "2024-11-11T13:51:40.000Z");
    assert_eq!(events[0]["requestId"], harness::REQUEST_ID);
    assert_eq!(events[0]["subject"], user);
    assert_eq!(events[0]["subjectVersion"], 1);
    let data =
        json!({ "id": user, "email": EMAIL, "username": null, "name": null, "roles": ["USER"] });
    assert_eq!(events[0]["data"], data);
}

#[tokio::test]
async fn an_address_belongs_to_one_user_in_whatever_case() {
    let server = TestServer::start().await;
    server.register(EMAIL).await;
    let body = json!({ "email": "ADA@EXAMPLE.COM", "password": "another good one" });
    let answer = server.post(PATH, body).await;
    answer.assert_status(409);
    insta::assert_snapshot!(
        answer.folded(),
        @r#"
        {"type":"urn:doorward:problem:email_taken",
        "title":"The address has an account",
        "status":409,
        "detail":"Sign in instead, or use another address.",
        "code":"email_taken",
        "requestId":"req-1"}
        "#
    );
    server.sign_in(EMAIL).await;
}

#[tokio::test]
async fn plus_signs_and_dots_make_another_address() {
    let server = TestServer::start().await;
    server.register(EMAIL).await;
    server.register("ada+shop@example.com").await;
    server.register("a.da@example.com").await;
}

#[tokio::test]
async fn a_user_name_belongs_to_one_user_in_whatever_case() {
    let server = TestServer::start().await;
    let of =
        |email: &str, name: &str| json!({ "email": email, "password": PASSWORD, "username": name });
    server.post(PATH, of(EMAIL, "ada")).await.assert_status(201);
    let answer = server.post(PATH, of("eve@example.com", "ADA")).await;
    answer.assert_status(409);
    insta::assert_snapshot!(
        answer.folded(),
        @r#"
        {"type":"urn:doorward:problem:username_taken",
        "title":"The user name is taken",
        "status":409,
        "detail":"Choose another.",
        "code":"username_taken",
        "requestId":"req-1"}
        "#
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_callers_gets_an_address() {
    let server = Arc::new(TestServer::start().await);
    let mut racing = JoinSet::new();
    for _ in 0..16 {
        let server = Arc::clone(&server);
        racing.spawn(async move {
            server.post(PATH, json!({ "email": EMAIL, "password": PASSWORD })).await.status
        });
    }
    let mut statuses = racing.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201);
    assert_eq!(statuses[1..], [409; 15]);
    assert_eq!(server.events().await.len(), 1);
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once() {
    let server = TestServer::start().await;
    let request = json!({ "email": "ada", "password": PASSWORD, "username": "a", "name": "" });
    let answer = server.post(PATH, request).await;
    answer.assert_status(400);
    insta::assert_snapshot!(
        answer.folded(),
        @r#"
        {"type":"urn:doorward:problem:validation_failed",
        "title":"Some values are not right",
        "status":400,
        "detail":"`errors` names each field with what is wrong.",
        "code":"validation_failed",
        "requestId":"req-1",
        "errors":[{"field":"email",
        "code":"invalid",
        "message":"this is not an e-mail address"},
        {"field":"username",
        "code":"invalid",
        "message":
        "a user name has 3 to 32 letters, digits and . _ -, and starts with a letter or digit"},
        {"field":"name",
        "code":"invalid",
        "message":"a name has 1 to 200 characters, none of them control characters"}]}
        "#
    );
}

#[tokio::test]
async fn a_stranger_cannot_choose_roles() {
    let server = TestServer::start().await;
    let request = json!({
        "email": EMAIL, "password": PASSWORD, "role": "ADMIN", "roles": ["ADMIN"],
        "permissions": ["users:write"], "emailVerified": true, "id": "user_1",
    });
    let answer = server.post(PATH, request).await;
    answer.assert_status(201);
    let user = &answer.json()["user"];
    assert_eq!(user["roles"], json!(["USER"]));
    assert_eq!(user["emailVerified"], false);
    assert_ne!(user["id"], "user_1");
}

#[tokio::test]
async fn nobody_signs_up_where_registration_is_closed() {
    let server =
        TestServer::builder().policy(|policy| policy.registration.is_open = false).start().await;
    let answer = server.post(PATH, json!({ "email": EMAIL, "password": PASSWORD })).await;
    answer.assert_status(403);
    insta::assert_snapshot!(
        answer.folded(),
        @r#"
        {"type":"urn:doorward:problem:forbidden",
        "title":"This is not allowed",
        "status":403,
        "detail":"Registration is closed here.",
        "code":"forbidden",
        "requestId":"req-1"}
        "#
    );
}

#[tokio::test]
async fn users_have_the_moment_they_signed_up() {
    let server = TestServer::start().await;
    server.clock.advance(Duration::from_millis(61_007));
    let body = server.register(EMAIL).await;
    assert_eq!(body["user"]["createdAt"], "2024-11-11T13:52:41.007Z");
}
