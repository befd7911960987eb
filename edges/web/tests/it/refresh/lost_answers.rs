use std::time::Duration;

use harness::TestServer;

use super::{AN_HOUR, count};

#[tokio::test]
async fn the_token_just_replaced_is_answered_with_the_same_successor() {
    let server = TestServer::start().await;
    let first = server.ada().await;
    let second = server.refresh(&first.refresh).await;
    server.clock.advance(Duration::from_millis(9_999));
    let again = server.refresh(&first.refresh).await;
    assert_eq!(again.refresh, second.refresh);
    assert_ne!(again.access, second.access);
    let session = server.session(&first).await;
    assert_eq!((session.generation, session.forgiven_generation), (2, 0));
    assert_eq!(count(&server, "leeway").await, 1);
}

#[tokio::test]
async fn the_leeway_ends_after_ten_seconds() {
    let server = TestServer::start().await;
    let first = server.ada().await;
    let second = server.refresh(&first.refresh).await;
    server.clock.advance(Duration::from_millis(10_001));
    let again = server.refresh(&first.refresh).await;
    assert_eq!(again.refresh, second.refresh);
    assert_eq!(server.session(&first).await.forgiven_generation, 2);
    assert_eq!(count(&server, "forgiven").await, 1);
}

#[tokio::test]
async fn a_lost_answer_is_forgiven_however_often_it_is_asked_for() {
    let server = TestServer::start().await;
    let first = server.ada().await;
    let lost = server.refresh(&first.refresh).await;
    for _ in 0..5 {
        server.clock.advance(AN_HOUR);
        assert_eq!(server.refresh(&first.refresh).await.refresh, lost.refresh);
    }
    server.refresh(&lost.refresh).await;
}

#[tokio::test]
async fn a_lost_answer_after_a_good_one_is_forgiven_again() {
    let server = TestServer::start().await;
    let mut tokens = server.ada().await;
    for _ in 0..5 {
        server.clock.advance(AN_HOUR);
        let lost = server.refresh(&tokens.refresh).await;
        server.clock.advance(AN_HOUR);
        let forgiven = server.refresh(&tokens.refresh).await;
        assert_eq!(forgiven.refresh, lost.refresh);
        server.clock.advance(AN_HOUR);
        tokens = server.refresh(&forgiven.refresh).await;
    }
}

#[tokio::test]
async fn answers_lost_in_two_consecutive_generations_end_the_session() {
    let server = TestServer::start().await;
    let first = server.ada().await;
    server.refresh(&first.refresh).await;
    server.clock.advance(AN_HOUR);
    let second = server.refresh(&first.refresh).await;
    let third = server.refresh(&second.refresh).await;
    server.clock.advance(AN_HOUR);
    server.try_refresh(&second.refresh).await.assert_problem(401, "session_revoked");
    server.try_refresh(&third.refresh).await.assert_problem(401, "session_revoked");
}

#[tokio::test]
async fn a_forgiven_answer_does_not_lengthen_the_session() {
    let server = TestServer::start().await;
    let first = server.ada().await;
    server.refresh(&first.refresh).await;
    let before = server.session(&first).await;
    server.clock.advance(AN_HOUR);
    let again = server.refresh(&first.refresh).await;
    let after = server.session(&first).await;
    assert_eq!(after.idle_expires_at, before.idle_expires_at);
    assert_eq!(again.body["refreshExpiresIn"], 30 * 24 * 3600 - 3600);
}
