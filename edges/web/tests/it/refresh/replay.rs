use std::sync::Arc;

use harness::{Answer, TestServer, Tokens};
use serde_json::json;
use tokio::task::JoinSet;

use super::{AN_HOUR, count};

/// A session whose first token is a grandparent, with the newest tokens.
async fn two_rotations(server: &TestServer) -> (Tokens, Tokens) {
    let first = server.ada().await;
    let second = server.refresh(&first.refresh).await;
    let third = server.refresh(&second.refresh).await;
    (first, third)
}

#[tokio::test]
async fn a_replay_ends_the_session() {
    let server = TestServer::start().await;
    let (first, newest) = two_rotations(&server).await;
    server.clock.advance(AN_HOUR);
    let newest = server.refresh(&newest.refresh).await;

    let answer = server.try_refresh(&first.refresh).await;
    answer.assert_status(401);
    insta::assert_snapshot!(
        answer.folded(),
        @r#"
        {"type":"urn:doorward:problem:session_revoked",
        "title":"The session has ended",
        "status":401,
        "detail":"Sign in again.",
        "code":"session_revoked",
        "requestId":"req-1"}
        "#
    );
    assert_eq!(count(&server, "replayed").await, 1);

    let refused = server.try_refresh(&newest.refresh).await;
    refused.assert_problem(401, "session_revoked");
    let refused = server.get_as(&newest.access, "/auth/me").await;
    refused.assert_problem(401, "session_revoked");
    server.sign_in(harness::EMAIL).await;
}

#[tokio::test]
async fn a_replay_is_told_of() {
    let server = TestServer::start().await;
    let (first, _) = two_rotations(&server).await;
    server.try_refresh(&first.refresh).await.assert_problem(401, "session_revoked");

    let (user, session) = (first.user().to_string(), first.session().to_string());
    for name in ["session.replay_detected", "session.revoked"] {
        let events = server.events_of_type(name).await;
        assert_eq!(events.len(), 1, "{name}");
        let data = json!({ "id": session, "userId": user, "reason": "replay" });
        assert_eq!(events[0]["data"], data, "{name}");
        assert_eq!(events[0]["requestId"], harness::REQUEST_ID);
    }
}

#[tokio::test]
async fn a_grandparent_is_a_replay_inside_the_leeway_too() {
    let server = TestServer::start().await;
    let (first, newest) = two_rotations(&server).await;
    server.try_refresh(&first.refresh).await.assert_problem(401, "session_revoked");
    server.try_refresh(&newest.refresh).await.assert_problem(401, "session_revoked");
}

#[tokio::test]
async fn a_thief_who_stays_one_step_behind_is_caught_at_his_second_step() {
    let server = TestServer::start().await;
    let stolen = server.ada().await;
    let owner = server.refresh(&stolen.refresh).await;
    server.clock.advance(AN_HOUR);
    let thief = server.try_refresh_by("thief/1", &stolen.refresh).await;
    assert_eq!(Tokens::of(&thief).refresh, owner.refresh);

    server.clock.advance(AN_HOUR);
    let owner = server.refresh(&owner.refresh).await;
    server.clock.advance(AN_HOUR);
    let thief = server.try_refresh_by("thief/1", &Tokens::of(&thief).refresh).await;
    thief.assert_problem(401, "session_revoked");
    server.try_refresh(&owner.refresh).await.assert_problem(401, "session_revoked");
}

#[tokio::test]
async fn an_owner_who_stays_one_step_behind_a_thief_ends_the_session_at_the_second_step() {
    let server = TestServer::start().await;
    let stolen = server.ada().await;
    let thief = Tokens::of(&server.try_refresh_by("thief/1", &stolen.refresh).await);
    server.clock.advance(AN_HOUR);
    let owner = server.refresh(&stolen.refresh).await;
    let thief = Tokens::of(&server.try_refresh_by("thief/1", &thief.refresh).await);
    server.clock.advance(AN_HOUR);
    server.try_refresh(&owner.refresh).await.assert_problem(401, "session_revoked");
    server.try_refresh(&thief.refresh).await.assert_problem(401, "session_revoked");
}

#[tokio::test]
async fn a_replay_ends_no_other_session() {
    let server = TestServer::start().await;
    let (first, _) = two_rotations(&server).await;
    let elsewhere = server.sign_in(harness::EMAIL).await;
    server.try_refresh(&first.refresh).await.assert_status(401);
    server.refresh(&elsewhere.refresh).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_replays_end_the_session_once() {
    let server = Arc::new(TestServer::start().await);
    let (first, _) = two_rotations(&server).await;
    let mut racing = JoinSet::new();
    for _ in 0..32 {
        let (server, token) = (Arc::clone(&server), first.refresh.clone());
        racing.spawn(async move { server.try_refresh(&token).await });
    }
    let answers: Vec<Answer> = racing.join_all().await;
    for answer in answers {
        answer.assert_problem(401, "session_revoked");
    }
    assert_eq!(server.events_of_type("session.replay_detected").await.len(), 1);
    assert_eq!(server.events_of_type("session.revoked").await.len(), 1);
}
