//! Password hashing as sign-ins meet it.

use std::sync::Arc;

use harness::crypto::{Argon2Params, BcryptCost, HashAlgorithm};
use harness::{EMAIL, PASSWORD, TestServer};
use serde_json::json;

const WRONG: &str = "not the password";

async fn stored_hash(server: &TestServer) -> String {
    server.account(EMAIL).await.user.password_hash.unwrap().expose().to_owned()
}

#[tokio::test]
async fn unknown_users_and_wrong_passwords_cost_the_same_calls() {
    let first = TestServer::start().await;
    first.register(EMAIL).await;
    let (builder, gate) = first.beside().hashing_gate();
    let server = Arc::new(builder.start().await);
    let mut waiting = Vec::new();
    for (count, name) in (1..).zip([EMAIL, "eve@example.com", "ada", EMAIL]) {
        let of_its_own = Arc::clone(&server);
        waiting.push(tokio::spawn(async move { of_its_own.try_sign_in(name, WRONG).await }));
        while server.service.passwords().waiting() < count {
            tokio::task::yield_now().await;
        }
        assert_eq!(server.store.take_calls(), ["find_user_by_login"], "{name}");
    }
    gate.open();
    for answer in waiting {
        answer.await.unwrap().assert_problem(401, "invalid_credentials");
    }
    assert!(server.store.take_calls().is_empty());
}

#[tokio::test]
async fn a_hash_of_other_parameters_is_replaced_at_the_next_sign_in() {
    let server = TestServer::start().await;
    server.register(EMAIL).await;
    assert!(stored_hash(&server).await.starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
    let bcrypt = HashAlgorithm::Bcrypt { cost: BcryptCost::new(4).unwrap() };
    let argon2 = HashAlgorithm::Argon2id(Argon2Params::new(16, 2, 1).unwrap());
    for (algorithm, beginning) in [(bcrypt, "$2b$04$"), (argon2, "$argon2id$v=19$m=16,t=2,p=1$")] {
        let next = server.beside().hashing(|hashing| hashing.algorithm = algorithm).start().await;
        let old = stored_hash(&next).await;
        next.try_sign_in(EMAIL, WRONG).await.assert_status(401);
        assert_eq!(stored_hash(&next).await, old, "a wrong password replaces nothing");

        next.sign_in(EMAIL).await;
        let new = stored_hash(&next).await;
        assert!(new.starts_with(beginning), "{new}");
        next.sign_in(EMAIL).await;
        assert_eq!(stored_hash(&next).await, new, "a hash as chosen stays");
        next.try_sign_in(EMAIL, WRONG).await.assert_status(401);
        server.sign_in(EMAIL).await;
    }
}

#[tokio::test]
async fn what_hashing_cannot_take_on_is_refused_at_once() {
    let first = TestServer::start().await;
    first.register(EMAIL).await;
    let (builder, gate) = first.beside().hashing(|hashing| hashing.queue_max = 0).hashing_gate();
    let server = Arc::new(builder.start().await);
    let of_its_own = Arc::clone(&server);
    let taken_on = tokio::spawn(async move { of_its_own.try_sign_in(EMAIL, PASSWORD).await });
    while server.service.passwords().waiting() == 0 {
        tokio::task::yield_now().await;
    }
    let refused = server.try_sign_in(EMAIL, PASSWORD).await;
    refused.assert_status(503);
    assert_eq!(refused.header("retry-after"), Some("1"));
    insta::assert_snapshot!(
        refused.folded(),
        @r#"
        {"type":"urn:doorward:problem:overloaded",
        "title":"Too much is going on",
        "status":503,
        "detail":"Try again after `Retry-After` seconds.",
        "code":"overloaded",
        "requestId":"req-1"}
        "#
    );
    server.try_sign_in("eve@example.com", PASSWORD).await.assert_problem(503, "overloaded");
    let body = json!({ "email": "eve@example.com", "password": PASSWORD });
    server.post("/auth/register", body).await.assert_problem(503, "overloaded");

    // Nothing else waits for it.
    let tokens = first.sign_in(EMAIL).await;
    server.refresh(&tokens.refresh).await;
    server.get_as(&tokens.access, "/auth/verify").await.assert_status(200);
    server.get("/readyz").await.assert_status(200);

    gate.open();
    taken_on.await.unwrap().assert_status(200);
}

#[tokio::test]
async fn a_sign_in_that_raced_the_end_of_all_sessions_does_not_survive_it() {
    let server = Arc::new(TestServer::start().await);
    let tokens = server.ada().await;
    let mut paused = server.store.pause("insert_session");
    let of_its_own = Arc::clone(&server);
    let racing = tokio::spawn(async move { of_its_own.try_sign_in(EMAIL, PASSWORD).await });
    paused.reached().await;
    server.post_as(&tokens.access, "/auth/logout-all").await.assert_status(204);
    paused.resume();
    racing.await.unwrap().assert_problem(401, "invalid_credentials");
    assert_eq!(server.events_of_type("user.login").await.len(), 1);
    server.sign_in(EMAIL).await;
}

/// The new password stays if it was changed while the old one was being hashed anew.
#[tokio::test]
async fn hashing_anew_does_not_bring_back_a_replaced_password() {
    let server = TestServer::start().await;
    server.register(EMAIL).await;
    let other = HashAlgorithm::Argon2id(Argon2Params::new(16, 1, 1).unwrap());
    let next = server.beside().hashing(|hashing| hashing.algorithm = other).start().await;
    let next = Arc::new(next);
    let mut paused = next.store.pause("replace_password_hash");
    let of_its_own = Arc::clone(&next);
    let racing = tokio::spawn(async move { of_its_own.try_sign_in(EMAIL, PASSWORD).await });
    paused.reached().await;
    let user = server.account(EMAIL).await.user;
    let changed = domain::PasswordHash::new("$argon2id$changed");
    let old = user.password_hash.unwrap();
    let users: &dyn contracts::UserStore = server.store.inner();
    users.replace_password_hash(&user.id, &old, &changed).await.unwrap();
    paused.resume();
    racing.await.unwrap();
    assert_eq!(stored_hash(&server).await, changed.expose());
}
