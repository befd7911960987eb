use std::time::Duration;

use harness::{TestServer, Tokens};
use serde_json::json;

use super::{AN_HOUR, count};

#[tokio::test]
async fn each_use_gives_new_tokens_of_the_same_session() {
    let server = TestServer::start().await;
    let mut tokens = server.ada().await;
    let session = tokens.session();
    for generation in 2..=20 {
        server.clock.advance(AN_HOUR);
        let next = server.refresh(&tokens.refresh).await;
        assert_ne!(next.refresh, tokens.refresh);
        assert_ne!(next.access, tokens.access);
        assert_eq!(next.session(), session);
        assert_eq!(server.session(&next).await.generation, generation);
        tokens = next;
    }
    assert_eq!(count(&server, "rotated").await, 19);
    server.get_as(&tokens.access, "/auth/me").await.assert_status(200);
}

#[tokio::test]
async fn the_answer_has_the_shape_of_the_contract_and_is_not_stored_on_the_way() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let answer = server.try_refresh(&tokens.refresh).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let body = answer.json();
    let mut members: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    let wanted =
        ["accessToken", "expiresIn", "refreshExpiresIn", "refreshToken", "tokenType", "user"];
    assert_eq!(members, wanted);
    assert_eq!(body["tokenType"], "Bearer");
    assert_eq!(body["expiresIn"], 900);
    assert_eq!(body["refreshExpiresIn"], 30 * 24 * 3600);
    assert_eq!(body["user"], tokens.body["user"]);
}

#[tokio::test]
async fn the_authentication_time_stays_that_of_the_sign_in() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    server.clock.advance(AN_HOUR);
    let next = server.refresh(&tokens.refresh).await;
    assert_eq!(next.claims()["auth_time"], tokens.claims()["auth_time"]);
    assert_eq!(next.claims()["iat"], tokens.claims()["iat"].as_i64().unwrap() + 3600);
    assert_ne!(next.claims()["jti"], tokens.claims()["jti"]);
}

#[tokio::test]
async fn new_roles_reach_the_access_token_with_the_next_refresh() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let admin = [domain::RoleName::parse("ADMIN").unwrap()].into();
    let origin = service::Origin { request_id: None, client: domain::Client::new(None, None) };
    server.service.set_roles(harness::EMAIL, &admin, &origin).await.unwrap();
    let next = server.refresh(&tokens.refresh).await;
    assert_eq!(next.claims()["roles"], json!(["ADMIN"]));
    assert_eq!(next.body["user"]["role"], "ADMIN");
}

#[tokio::test]
async fn the_token_of_an_instance_is_good_at_another() {
    let server = TestServer::start().await;
    let other = server.beside().start().await;
    let tokens = server.ada().await;
    let next = other.refresh(&tokens.refresh).await;
    server.get_as(&next.access, "/auth/me").await.assert_status(200);
    other.get_as(&tokens.access, "/auth/me").await.assert_status(200);
}

#[tokio::test]
async fn a_session_survives_a_restart() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let restarted = server.beside();
    drop(server);
    let server = restarted.start().await;
    server.clock.advance(Duration::from_mins(5));
    server.get_as(&tokens.access, "/auth/me").await.assert_status(200);
    Tokens::of(&server.try_refresh(&tokens.refresh).await);
}
