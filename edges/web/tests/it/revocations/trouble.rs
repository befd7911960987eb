//! A store that fails or is slow, and keys that change, while followers ask for the list.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use contracts::Clock as _;
use harness::doorward_verify::{KeySet, Policy, VerifyError, verify_revocations};
use harness::{Answer, TestServer};
use serde_json::Value;
use tokio::task::JoinSet;

use super::{A_SECOND, PATH};

/// The name of the key that a list is signed with.
fn kid(list: &Answer) -> String {
    let header = list.body.split('.').next().unwrap();
    let header = BASE64_URL_SAFE_NO_PAD.decode(header).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

async fn list(server: &TestServer) -> Answer {
    let answer = server.get(PATH).await;
    answer.assert_status(200);
    answer
}

/// What a follower says of a list who has just read the keys.
async fn trusted(server: &TestServer, list: &Answer) -> Result<(), VerifyError> {
    let jwks = server.get("/.well-known/jwks.json").await;
    let keys = KeySet::parse(jwks.body.as_bytes()).unwrap();
    let policy = Policy::new(&server.public_url, ["api"]);
    let now = server.clock.now().unix_seconds();
    verify_revocations(&list.body, &keys, &policy, now).map(|_| ())
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_the_last_one_while_that_lasts_and_no_empty_list() {
    let server = TestServer::start().await;
    let last = list(&server).await;
    server.store.go_down();
    for _ in 0..54 {
        server.clock.advance(A_SECOND);
        assert_eq!(list(&server).await.body, last.body);
        trusted(&server, &last).await.unwrap();
    }
    // A cache may keep it for five seconds more.
    server.clock.advance(A_SECOND);
    server.get(PATH).await.assert_problem(503, "dependency_unavailable");
    server.store.come_up();
    server.clock.advance(A_SECOND);
    assert_ne!(list(&server).await.body, last.body);
}

#[tokio::test]
async fn nobody_waits_for_a_slow_store_but_who_asks_it() {
    let server = Arc::new(TestServer::start().await);
    let tokens = server.ada().await;
    let last = list(&server).await;
    server.post_as(&tokens.access, "/auth/logout").await.assert_status(204);
    server.clock.advance(A_SECOND);
    let mut paused = server.store.pause("list_revocations");
    let asking = {
        let server = Arc::clone(&server);
        tokio::spawn(async move { list(&server).await })
    };
    paused.reached().await;
    for _ in 0..3 {
        assert_eq!(list(&server).await.body, last.body);
    }
    paused.resume();
    let next = asking.await.unwrap();
    assert_ne!(next.body, last.body);
    assert_eq!(list(&server).await.body, next.body);
}

/// So many ask at once, the first of whom the store keeps waiting. Returns their answers.
async fn ask_at_once(server: &Arc<TestServer>, followers: usize, meanwhile: Duration) -> Vec<u16> {
    let mut asking = JoinSet::new();
    let mut ask = || {
        let server = Arc::clone(server);
        asking.spawn(async move { server.get(PATH).await.status });
    };
    let mut paused = server.store.pause("list_revocations");
    ask();
    paused.reached().await;
    (1..followers).for_each(|_| ask());
    server.clock.advance(meanwhile);
    paused.resume();
    asking.join_all().await
}

#[tokio::test]
async fn the_first_list_is_made_once_for_all_who_wait_for_it_however_long_it_takes() {
    let server = Arc::new(TestServer::start().await);
    let statuses = ask_at_once(&server, 16, Duration::from_secs(2)).await;
    assert_eq!(statuses, [200; 16]);
    let reads = server.store.take_calls().len();
    // Whoever came last may have found a list that was read two seconds ago.
    assert!(reads <= 2, "{reads} reads");
}

#[tokio::test]
async fn a_failure_is_everybodys_for_a_second() {
    let server = Arc::new(TestServer::start().await);
    server.store.go_down();
    let statuses = ask_at_once(&server, 16, Duration::from_secs(2)).await;
    assert_eq!(statuses, [503; 16]);
    assert_eq!(server.store.take_calls(), ["list_revocations"]);

    server.store.come_up();
    server.clock.advance(Duration::from_millis(999));
    server.get(PATH).await.assert_problem(503, "dependency_unavailable");
    server.clock.advance(Duration::from_millis(1));
    list(&server).await;
}

#[tokio::test]
async fn when_its_key_is_revoked_the_list_is_signed_with_the_next_one_at_once() {
    let server = TestServer::start().await;
    let last = list(&server).await;
    server.service.revoke_key(&kid(&last)).await.unwrap();
    server.service.reload_keys().await.unwrap();
    let next = list(&server).await;
    assert_ne!(kid(&next), kid(&last));
    trusted(&server, &next).await.unwrap();
    trusted(&server, &last).await.unwrap_err();
}

#[tokio::test]
async fn a_list_whose_key_was_revoked_stands_in_for_none() {
    let server = TestServer::start().await;
    let last = list(&server).await;
    server.service.revoke_key(&kid(&last)).await.unwrap();
    server.service.reload_keys().await.unwrap();
    server.store.go_down();
    server.get(PATH).await.assert_problem(503, "dependency_unavailable");
}

#[tokio::test]
async fn a_list_whose_key_was_displaced_stands_in_and_is_signed_with_the_new_key_when_it_can_be() {
    let server = TestServer::start().await;
    server.service.rotate_keys(true).await.unwrap();
    server.service.reload_keys().await.unwrap();
    server.clock.advance(Duration::from_secs(50));
    let last = list(&server).await;
    server.clock.advance(Duration::from_secs(10));
    server.store.go_down();
    assert_eq!(list(&server).await.body, last.body);
    trusted(&server, &last).await.unwrap();

    server.store.come_up();
    server.clock.advance(A_SECOND);
    let next = list(&server).await;
    assert_ne!(kid(&next), kid(&last));
    trusted(&server, &next).await.unwrap();
}
