use std::sync::Arc;

use harness::TestServer;

use super::{AN_HOUR, count, race};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_refreshes_of_one_token_all_get_the_one_successor() {
    let server = Arc::new(TestServer::start().await);
    let tokens = server.ada().await;
    let successors = race(&server, &tokens.refresh, 64).await;
    assert_eq!(successors.len(), 1);
    assert_eq!(server.session(&tokens).await.generation, 2);
    assert_eq!(count(&server, "rotated").await, 1);
    assert_eq!(count(&server, "leeway").await, 63);
    server.refresh(&successors[0]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_retries_of_a_lost_answer_an_hour_later_all_get_the_newest_token() {
    let server = Arc::new(TestServer::start().await);
    let tokens = server.ada().await;
    let lost = server.refresh(&tokens.refresh).await;
    server.clock.advance(AN_HOUR);
    let answered = race(&server, &tokens.refresh, 64).await;
    assert_eq!(answered, [lost.refresh]);
    let session = server.session(&tokens).await;
    assert_eq!((session.generation, session.forgiven_generation), (2, 2));
    assert_eq!(count(&server, "forgiven").await, 64);
    server.refresh(&answered[0]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_refreshes_without_a_leeway_all_get_the_one_successor() {
    let server =
        TestServer::builder().policy(|policy| policy.refresh_leeway = std::time::Duration::ZERO);
    let server = Arc::new(server.start().await);
    let tokens = server.ada().await;
    let successors = race(&server, &tokens.refresh, 64).await;
    assert_eq!(successors.len(), 1);
    assert_eq!(count(&server, "forgiven").await, 63);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_instances_give_concurrent_callers_the_one_successor() {
    let server = Arc::new(TestServer::start().await);
    let other = Arc::new(server.beside().start().await);
    let tokens = server.ada().await;
    let (mut here, there) =
        tokio::join!(race(&server, &tokens.refresh, 32), race(&other, &tokens.refresh, 32));
    here.extend(there);
    here.dedup();
    assert_eq!(here.len(), 1);
    assert_eq!(server.session(&tokens).await.generation, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_tabs_that_always_refresh_at_once_keep_their_session() {
    let server = Arc::new(TestServer::start().await);
    let mut token = server.ada().await.refresh;
    for _ in 0..20 {
        server.clock.advance(AN_HOUR);
        let successors = race(&server, &token, 2).await;
        assert_eq!(successors.len(), 1);
        token.clone_from(&successors[0]);
    }
}
