use std::time::Duration;

use harness::reqwest::Method;
use harness::{EMAIL, PASSWORD, TestServer, Tokens};
use serde_json::{Value, json};

const PATH: &str = "/auth/sessions";

async fn list(server: &TestServer, tokens: &Tokens, query: &str) -> Value {
    let answer = server.get_as(&tokens.access, &format!("{PATH}{query}")).await;
    answer.assert_status(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.json()
}

fn ids(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn me_is_the_user() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let answer = server.get_as(&tokens.access, "/auth/me").await;
    answer.assert_status(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.json(), tokens.body["user"]);
    insta::assert_snapshot!(
        answer.folded(),
        @r#"
        {"id":"USER",
        "email":"ada@example.com",
        "emailVerified":false,
        "username":null,
        "name":null,
        "role":"USER",
        "roles":["USER"],
        "permissions":["profile:read"],
        "mfaEnabled":false,
        "createdAt":"2024-11-11T13:51:40.000Z",
        "lastLoginAt":"2024-11-11T13:51:40.000Z"}
        "#
    );
}

#[tokio::test]
async fn the_list_shows_every_session_and_which_is_this() {
    let server = TestServer::start().await;
    let first = server.ada().await;
    server.clock.advance(Duration::from_mins(1));
    let request = server.request(Method::POST, "/auth/login").header("user-agent", "phone/1");
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let phone = Tokens::of(&server.send(request.json(&body)).await);
    server.clock.advance(Duration::from_mins(1));
    server.refresh(&first.refresh).await;

    let page = server.get_as(&phone.access, PATH).await;
    insta::assert_snapshot!(
        page.folded(),
        @r#"
        {"items":[{"id":"SESSION",
        "device":"harness/1",
        "ip":"127.0.0.1",
        "createdAt":"2024-11-11T13:51:40.000Z",
        "lastUsedAt":"2024-11-11T13:53:40.000Z",
        "current":false},
        {"id":"SESSION",
        "device":"phone/1",
        "ip":"127.0.0.1",
        "createdAt":"2024-11-11T13:52:40.000Z",
        "lastUsedAt":"2024-11-11T13:52:40.000Z",
        "current":true}]}
        "#
    );
    assert_eq!(ids(&page.json()), [first.session().to_string(), phone.session().to_string()]);
}

#[tokio::test]
async fn the_list_comes_in_pages() {
    let server = TestServer::start().await;
    let mut wanted = vec![server.ada().await];
    for _ in 1..5 {
        server.clock.advance(Duration::from_secs(1));
        wanted.push(server.sign_in(EMAIL).await);
    }
    let mut wanted: Vec<String> =
        wanted.iter().map(|tokens| tokens.session().to_string()).collect();
    server.clock.advance(Duration::from_secs(1));
    let ended = server.sign_in(EMAIL).await;
    server.post_as(&ended.access, "/auth/logout").await.assert_status(204);
    let tokens = server.sign_in(EMAIL).await;

    let mut seen = Vec::new();
    let mut query = "?limit=2".to_owned();
    for _ in 0..4 {
        let page = list(&server, &tokens, &query).await;
        assert!(ids(&page).len() <= 2);
        seen.extend(ids(&page).into_iter().map(str::to_owned));
        match page["nextCursor"].as_str() {
            Some(cursor) => query = format!("?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    wanted.push(tokens.session().to_string());
    assert_eq!(seen, wanted);
}

#[tokio::test]
async fn a_page_has_a_limit() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    for limit in ["1", "200"] {
        list(&server, &tokens, &format!("?limit={limit}")).await;
    }
    let wrong = ["0", "201", "-1", "65536", "99999999999999999999", "ten", "", "1.5", "1&limit=2"];
    for limit in wrong {
        let answer = server.get_as(&tokens.access, &format!("{PATH}?limit={limit}")).await;
        answer.assert_problem(400, "validation_failed");
    }
    for cursor in ["nonsense", "", "user_01jcdv4h8c0000000000000000", "%00", "%FF"] {
        let answer = server.get_as(&tokens.access, &format!("{PATH}?cursor={cursor}")).await;
        answer.assert_problem(400, "validation_failed");
    }
    list(&server, &tokens, "?unknown=1").await;
}

#[tokio::test]
async fn a_user_ends_a_session_elsewhere() {
    let server = TestServer::start().await;
    let here = server.ada().await;
    let there = server.sign_in(EMAIL).await;
    let path = format!("{PATH}/{}", there.session());
    let answer = server.delete_as(&here.access, &path).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    server.get_as(&there.access, "/auth/me").await.assert_problem(401, "session_revoked");
    server.try_refresh(&there.refresh).await.assert_problem(401, "session_revoked");
    assert_eq!(ids(&list(&server, &here, "").await), [here.session().to_string()]);
    let events = server.events_of_type("session.revoked").await;
    assert_eq!(events[0]["data"]["reason"], "ended_by_user");

    let again = server.delete_as(&here.access, &path).await;
    again.assert_status(404);
    insta::assert_snapshot!(
        again.folded(),
        @r#"
        {"type":"urn:doorward:problem:not_found",
        "title":"There is nothing here",
        "status":404,
        "detail":"Check the path and the id.",
        "code":"not_found",
        "requestId":"req-1"}
        "#
    );
}

#[tokio::test]
async fn a_user_ends_the_session_that_they_call_from() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let path = format!("{PATH}/{}", tokens.session());
    server.delete_as(&tokens.access, &path).await.assert_status(204);
    server.get_as(&tokens.access, PATH).await.assert_problem(401, "session_revoked");
}

#[tokio::test]
async fn nobody_ends_the_session_of_another() {
    let server = TestServer::start().await;
    let ada = server.ada().await;
    server.register("eve@example.com").await;
    let eve = server.sign_in("eve@example.com").await;
    let foreign = server.delete_as(&eve.access, &format!("{PATH}/{}", ada.session())).await;
    let unknown =
        server.delete_as(&eve.access, &format!("{PATH}/sess_00000000000000000000000000")).await;
    let nonsense = server.delete_as(&eve.access, &format!("{PATH}/nonsense")).await;
    foreign.assert_problem(404, "not_found");
    assert_eq!((foreign.body.clone(), foreign.body), (unknown.body, nonsense.body));
    server.get_as(&ada.access, "/auth/me").await.assert_status(200);
}

#[tokio::test]
async fn nobody_sees_the_sessions_of_another() {
    let server = TestServer::start().await;
    server.ada().await;
    server.register("eve@example.com").await;
    let eve = server.sign_in("eve@example.com").await;
    assert_eq!(ids(&list(&server, &eve, "").await), [eve.session().to_string()]);
}

#[tokio::test]
async fn dead_sessions_are_not_listed_and_cannot_be_ended() {
    let server = TestServer::start().await;
    let expired = server.ada().await;
    server.clock.advance(Duration::from_hours(31 * 24));
    let tokens = server.sign_in(EMAIL).await;
    assert_eq!(ids(&list(&server, &tokens, "").await), [tokens.session().to_string()]);
    let path = format!("{PATH}/{}", expired.session());
    server.delete_as(&tokens.access, &path).await.assert_problem(404, "not_found");

    server.post_as(&tokens.access, "/auth/logout-all").await.assert_status(204);
    let again = server.sign_in(EMAIL).await;
    let path = format!("{PATH}/{}", tokens.session());
    server.delete_as(&again.access, &path).await.assert_problem(404, "not_found");
    assert_eq!(ids(&list(&server, &again, "").await), [again.session().to_string()]);
}
