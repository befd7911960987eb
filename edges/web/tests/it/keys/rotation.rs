use std::time::Duration;

use contracts::{Clock as _, OutboxStore as _};
use domain::Timestamp;
use harness::doorward_verify::KeySet;
use harness::{TestServer, Tokens};
use serde_json::Value;
use service::KeysReloaded;

use super::{JWKS, key_set, kid, published_kids, reload, verified};

const DAY: Duration = Duration::from_hours(24);
const HOUR: Duration = Duration::from_hours(1);
const STEP: Duration = Duration::from_mins(5);
/// As long as API Gateway keeps keys, and longer than anybody else does.
const CACHED_FOR: Duration = Duration::from_hours(2);

/// Rotates each day.
async fn daily() -> TestServer {
    TestServer::builder().policy(|policy| policy.keys.rotation_interval = DAY).start().await
}

async fn daily_beside(first: &TestServer) -> TestServer {
    first.beside().policy(|policy| policy.keys.rotation_interval = DAY).start().await
}

#[tokio::test]
async fn a_key_is_published_before_it_signs_and_until_its_last_token_has_expired() {
    let server = daily().await;
    let first = server.ada().await;
    server.clock.advance(HOUR * 20 + STEP * 11);
    reload(&server).await;
    assert_eq!(published_kids(&server).await, [kid(&first)]);

    server.clock.advance(STEP);
    reload(&server).await;
    let [old, new] = <[String; 2]>::try_from(published_kids(&server).await).unwrap();
    assert_eq!(old, kid(&first));
    let waiting = server.refresh(&first.refresh).await;
    assert_eq!(kid(&waiting), old, "the new one is published, and does not sign yet");

    // Nothing is read again from here on: the times are in the ring.
    server.clock.advance(HOUR * 3);
    let next = server.refresh(&waiting.refresh).await;
    assert_eq!(kid(&next), new);
    assert_eq!(published_kids(&server).await, [old, new.clone()]);
    server.clock.advance(Duration::from_mins(20));
    assert_eq!(published_kids(&server).await, [new]);
}

#[tokio::test]
async fn no_token_is_refused_while_three_instances_rotate_under_load() {
    let first = daily().await;
    let replicas = [daily_beside(&first).await, daily_beside(&first).await, first];
    let mut people = Vec::new();
    for number in 0..4 {
        let email = format!("person{number}@example.com");
        replicas[0].register(&email).await;
        people.push(replicas[0].sign_in(&email).await);
    }
    // They have read the keys at different times, and read them again only after two hours.
    let mut verifiers = Vec::new();
    for age in [Duration::ZERO, HOUR, STEP * 23] {
        let read_at = replicas[0].clock.now().minus(age);
        verifiers.push(Verifier { keys: key_set(&replicas[0]).await, read_at });
    }
    let mut issued: Vec<(Timestamp, String)> = Vec::new();
    let mut kids = std::collections::BTreeSet::new();
    // Two rotations.
    let steps = 2 * DAY.as_secs() / STEP.as_secs() + 12;
    for step in 0..u32::try_from(steps).unwrap() {
        let now = replicas[0].clock.now();
        // Each instance reads its keys when it comes to it.
        reload(&replicas[step as usize % 3]).await;
        for verifier in &mut verifiers {
            verifier.read_if_stale(&replicas[(step / 7) as usize % 3], now).await;
        }
        // People refresh hourly, all at once, wherever they come out.
        if step % 3 == 0 {
            let refreshing = people.iter().enumerate().map(|(number, tokens)| {
                replicas[(number + step as usize) % 3].refresh(&tokens.refresh)
            });
            people = futures_util::future::join_all(refreshing).await;
            issued.extend(people.iter().map(|tokens| (now, tokens.access.clone())));
            kids.extend(people.iter().map(kid));
        }
        issued.retain(|(at, _)| now.since(*at) < Duration::from_mins(15));
        for (_, token) in &issued {
            for verifier in &verifiers {
                verified(&replicas[0], &verifier.keys, token).unwrap();
            }
        }
        if let Some((_, token)) = issued.last() {
            let asked = replicas.iter().map(|replica| replica.get_as(token, "/auth/me"));
            for answer in futures_util::future::join_all(asked).await {
                answer.assert_status(200);
            }
        }
        replicas[0].clock.advance(STEP);
    }
    assert_eq!(kids.len(), 3, "it did rotate twice");
}

/// Keeps keys for as long as any verifier does, and looks for no key that it does not know.
struct Verifier {
    keys: KeySet,
    read_at: Timestamp,
}

impl Verifier {
    async fn read_if_stale(&mut self, replica: &TestServer, now: Timestamp) {
        if now.since(self.read_at) >= CACHED_FOR {
            *self = Self { keys: key_set(replica).await, read_at: now };
        }
    }
}

#[tokio::test]
async fn instances_that_find_a_rotation_due_at_once_make_one_key() {
    let first = daily().await;
    let mut others = Vec::new();
    for _ in 0..7 {
        others.push(daily_beside(&first).await);
    }
    first.clock.advance(DAY);
    futures_util::future::join_all(others.iter().map(reload)).await;
    reload(&first).await;
    assert_eq!(published_kids(&first).await.len(), 2);
    for other in &others {
        reload(other).await;
        assert_eq!(published_kids(other).await, published_kids(&first).await);
    }
}

#[tokio::test]
async fn a_rotation_is_told_once() {
    let server = daily().await;
    server.clock.advance(DAY);
    reload(&server).await;
    reload(&server).await;
    let new = published_kids(&server).await.pop().unwrap();
    let now = server.clock.now();
    let events = server.store.inner().claim_events(now, now.plus(HOUR), 10).await.unwrap();
    let told: Vec<Value> =
        events.iter().map(|event| serde_json::from_str(&event.envelope).unwrap()).collect();
    assert!(told.iter().all(|event| event["type"] == "key.rotated"), "{told:?}");
    let kids: Vec<&Value> = told.iter().map(|event| &event["data"]["kid"]).collect();
    assert_eq!(kids, [&new], "the first key displaced none");
    assert_eq!(told[0]["data"]["algorithm"], "ES256");
    assert_eq!(told[0].get("subject"), None);
}

#[tokio::test]
async fn a_store_that_is_down_keeps_nobody_from_signing_with_the_keys_that_were_read() {
    let server = daily().await;
    let tokens = server.ada().await;
    server.store.go_down();
    server.service.reload_keys().await.unwrap_err();
    assert_eq!(published_kids(&server).await, [kid(&tokens)]);
    server.store.come_up();
    server
        .get_as(&server.refresh(&tokens.refresh).await.access, "/auth/me")
        .await
        .assert_status(200);
}

#[tokio::test]
async fn an_instance_that_may_not_write_the_ring_follows_it() {
    let server = daily().await;
    let bound = daily_beside(&server).await;
    server.clock.advance(DAY);
    bound.store.fail("replace_record");
    let reloaded = bound.service.reload_keys().await.unwrap();
    assert!(matches!(reloaded, KeysReloaded::Partly(_)), "{reloaded:?}");
    reload(&server).await;
    reload(&bound).await;
    assert_eq!(published_kids(&bound).await, published_kids(&server).await);
}

#[tokio::test]
async fn a_key_set_never_has_more_than_ten_keys_nor_150_kilobytes() {
    let server = TestServer::builder()
        .algorithm(doorward_claims::Algorithm::RS256)
        .policy(|policy| policy.keys.grace = DAY * 30)
        .start()
        .await;
    for _ in 0..9 {
        server.service.rotate_keys(true).await.unwrap();
        server.clock.advance(Duration::from_mins(2));
    }
    let refused = server.service.rotate_keys(true).await.unwrap_err();
    assert!(refused.to_string().contains("10 keys are published already"), "{refused}");
    reload(&server).await;
    let answer = server.get(JWKS).await;
    assert_eq!(answer.json()["keys"].as_array().unwrap().len(), 10);
    assert!(answer.body.len() < 150 * 1024);
}

/// Shown by a service that keeps nothing: it reads the keys for each token.
#[tokio::test]
async fn whoever_reads_the_keys_anew_always_finds_the_one_that_signs() {
    let server = daily().await;
    let mut tokens: Tokens = server.ada().await;
    for _ in 0..(26 * 4) {
        server.clock.advance(Duration::from_mins(15));
        reload(&server).await;
        tokens = server.refresh(&tokens.refresh).await;
        verified(&server, &key_set(&server).await, &tokens.access).unwrap();
    }
}
