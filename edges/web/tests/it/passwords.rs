//! What new passwords must be.

use harness::crypto::{BcryptCost, HashAlgorithm};
use harness::{Answer, EMAIL, TestServer};
use serde_json::json;

async fn choose(server: &TestServer, password: &str) -> Answer {
    let body = json!({ "email": EMAIL, "username": "lovelace", "password": password });
    server.post("/auth/register", body).await
}

#[tokio::test]
async fn a_refused_password_is_named_with_its_reason() {
    let server = TestServer::start().await;
    let answer = choose(&server, "short 7").await;
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
        "errors":[{"field":"password",
        "code":"too_short",
        "message":"use at least 8 characters"}]}
        "#
    );
}

#[tokio::test]
async fn each_reason_has_its_code() {
    let server = TestServer::start().await;
    let (long, longer) = ("x".repeat(513), "\u{e9}".repeat(4000));
    for (password, reason) in [
        ("", "too_short"),
        ("1234567", "too_short"),
        ("\u{1f600}\u{1f600}\u{1f600}", "too_short"),
        (&long, "too_long"),
        (&longer, "too_long"),
        ("password", "too_common"),
        ("PassWord1", "too_common"),
        ("12345678", "too_common"),
        (EMAIL, "too_personal"),
        ("ADA@example.com", "too_personal"),
        ("LoveLace", "too_personal"),
    ] {
        let answer = choose(&server, password).await;
        answer.assert_problem(400, "validation_failed");
        let errors = answer.json()["errors"].clone();
        assert_eq!(errors[0]["field"], "password", "{reason}");
        assert_eq!(errors[0]["code"], reason, "{:?}", password.get(..20));
    }
    assert!(server.events().await.is_empty());
}

#[tokio::test]
async fn lengths_count_code_points_after_normalisation_and_end_at_512_bytes() {
    for password in [
        "12345 78".to_owned(),
        "\u{1f600}".repeat(8),
        "x".repeat(512),
        // Each pair becomes one character of two bytes.
        "e\u{301}".repeat(256),
    ] {
        let server = TestServer::start().await;
        choose(&server, &password).await.assert_status(201);
        server.try_sign_in(EMAIL, &password).await.assert_status(200);
    }
    let server = TestServer::start().await;
    // Seven letters and their accents.
    let answer = choose(&server, &"e\u{301}".repeat(7)).await;
    assert_eq!(answer.json()["errors"][0]["code"], "too_short");
}

#[tokio::test]
async fn a_refused_password_costs_neither_hash_nor_write() {
    let server = TestServer::start().await;
    choose(&server, "short 7").await.assert_status(400);
    assert!(server.store.take_calls().is_empty());
}

#[tokio::test]
async fn bcrypt_refuses_what_it_would_cut() {
    let server = TestServer::builder()
        .hashing(|hashing| {
            hashing.algorithm = HashAlgorithm::Bcrypt { cost: BcryptCost::new(4).unwrap() };
        })
        .policy(|policy| policy.password.bytes_max = 72)
        .start()
        .await;
    let answer = choose(&server, &"x".repeat(73)).await;
    answer.assert_problem(400, "validation_failed");
    assert_eq!(answer.json()["errors"][0]["code"], "too_long");
    assert_eq!(answer.json()["errors"][0]["message"], "use at most 72 bytes");

    let longest = "x".repeat(72);
    choose(&server, &longest).await.assert_status(201);
    server.try_sign_in(EMAIL, &longest).await.assert_status(200);
    let longer = format!("{longest}y");
    server.try_sign_in(EMAIL, &longer).await.assert_problem(401, "invalid_credentials");
    let hash = server.account(EMAIL).await.user.password_hash.unwrap();
    assert!(hash.expose().starts_with("$2b$04$"));
}
