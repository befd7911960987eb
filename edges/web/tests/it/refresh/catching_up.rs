//! A token that is newer than the record: a backup was restored, or a failover lost writes.

use std::sync::Arc;

use contracts::{Advance, Advanced, SessionStore as _};
use harness::{TestServer, Tokens};

use super::{AN_HOUR, count, race};

/// A session at generation 5, whose record has fallen back to generation 2.
async fn rolled_back(server: &TestServer) -> Tokens {
    let mut tokens = server.ada().await;
    for _ in 0..4 {
        tokens = server.refresh(&tokens.refresh).await;
    }
    let record = server.session(&tokens).await;
    assert_eq!(record.generation, 5);
    let back = Advance {
        user: record.user_id,
        session: record.id,
        from: 5,
        to: 2,
        at: record.rotated_at,
        by: record.rotated_by,
        idle_expires_at: record.idle_expires_at,
        resealed: None,
    };
    let outcome = server.store.inner().advance_generation(&back).await.unwrap();
    assert_eq!(outcome, Advanced::Yes);
    tokens
}

#[tokio::test]
async fn a_generation_ahead_of_the_record_moves_it_forward() {
    let server = TestServer::start().await;
    let tokens = rolled_back(&server).await;
    let next = server.refresh(&tokens.refresh).await;
    assert_eq!(server.session(&tokens).await.generation, 6);
    assert_eq!(count(&server, "caught_up").await, 1);
    assert!(server.events_of_type("session.replay_detected").await.is_empty());

    server.clock.advance(AN_HOUR);
    let next = server.refresh(&next.refresh).await;
    assert_eq!(server.session(&next).await.generation, 7);
}

#[tokio::test]
async fn an_older_generation_than_that_of_the_record_is_a_replay_after_a_roll_back_too() {
    let server = TestServer::start().await;
    let tokens = rolled_back(&server).await;
    server.refresh(&tokens.refresh).await;
    let answer = server.try_refresh(&tokens.refresh).await;
    answer.assert_status(200);
    server.refresh(&Tokens::of(&answer).refresh).await;
    server.try_refresh(&tokens.refresh).await.assert_problem(401, "session_revoked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_tokens_ahead_of_the_record_all_get_the_one_successor() {
    let server = Arc::new(TestServer::start().await);
    let tokens = rolled_back(&server).await;
    let successors = race(&server, &tokens.refresh, 64).await;
    assert_eq!(successors.len(), 1);
    assert_eq!(server.session(&tokens).await.generation, 6);
    assert_eq!(count(&server, "caught_up").await, 1);
}
