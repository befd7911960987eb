mod trouble;

use std::sync::Arc;
use std::time::Duration;

use contracts::{EpochRaise, Replaced, UserStore};
use domain::{Revocation, RevocationScope, UserId};
use doorward_claims::{Algorithm, RevocationClaims, RevocationEntry};
use harness::doorward_verify::{KeySet, Policy, revocation_digest, verify_revocations};
use harness::reqwest::Method;
use harness::{EMAIL, START, TestServer, Tokens};
use serde_json::json;
use tokio::task::JoinSet;

const PATH: &str = "/.well-known/revocations";
/// The list is at most this old.
const A_SECOND: Duration = Duration::from_secs(1);

/// The list as a follower reads it: signature, type, issuer and times are right.
async fn list(server: &TestServer) -> RevocationClaims {
    server.clock.advance(A_SECOND);
    let answer = server.get(PATH).await;
    answer.assert_status(200);
    let jwks = server.get("/.well-known/jwks.json").await;
    let keys = KeySet::parse(jwks.body.as_bytes()).unwrap();
    let policy = Policy { leeway: Duration::ZERO, ..Policy::new(&server.public_url, ["api"]) };
    let now = contracts::Clock::now(&server.clock).unix_seconds();
    verify_revocations(&answer.body, &keys, &policy, now).unwrap()
}

fn session_entry(tokens: &Tokens) -> RevocationEntry {
    RevocationEntry::Session { sid: revocation_digest(&tokens.session().to_string()) }
}

#[tokio::test]
async fn the_list_is_a_signed_document_for_everybody() {
    let server = TestServer::start().await;
    let answer = server.get(PATH).await;
    answer.assert_status(200);
    assert_eq!(answer.header("content-type"), Some("application/jwt"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=5"));
    let claims = list(&server).await;
    let wanted = RevocationClaims {
        iss: server.public_url.clone(),
        iat: START.unix_seconds(),
        exp: START.unix_seconds() + 60,
        seq: 0,
        entries: vec![],
        all_issued_before: None,
    };
    assert_eq!(claims, wanted);
}

#[tokio::test]
async fn every_algorithm_signs_it() {
    for algorithm in [Algorithm::RS256, Algorithm::EdDsa] {
        let server = TestServer::builder().algorithm(algorithm).start().await;
        list(&server).await;
    }
}

#[tokio::test]
async fn the_end_of_a_session_is_listed_however_it_ends() {
    let server = TestServer::start().await;
    let signed_out = server.ada().await;
    server.post_as(&signed_out.access, "/auth/logout").await.assert_status(204);
    assert_eq!(list(&server).await.entries, [session_entry(&signed_out)]);

    let ended = server.sign_in(EMAIL).await;
    let path = format!("/auth/sessions/{}", ended.session());
    server.delete_as(&ended.access, &path).await.assert_status(204);
    let claims = list(&server).await;
    assert_eq!(claims.entries, [session_entry(&ended), session_entry(&signed_out)]);

    let replayed = server.sign_in(EMAIL).await;
    let second = server.refresh(&replayed.refresh).await;
    server.refresh(&second.refresh).await;
    server.try_refresh(&replayed.refresh).await.assert_status(401);
    let claims = list(&server).await;
    assert_eq!((claims.seq, &claims.entries[0]), (3, &session_entry(&replayed)));
}

#[tokio::test]
async fn the_end_of_all_sessions_is_one_entry() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    server.sign_in(EMAIL).await;
    server.post_as(&tokens.access, "/auth/logout-all").await.assert_status(204);
    let sub = revocation_digest(tokens.user().as_str());
    let entry = RevocationEntry::Subject { sub, epoch_below: 1, except: None };
    assert_eq!(list(&server).await.entries, [entry]);
}

#[tokio::test]
async fn the_list_names_nobody() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    server.post_as(&tokens.access, "/auth/logout").await.assert_status(204);
    let text = format!("{:?}", list(&server).await);
    assert!(!text.contains(&tokens.session().to_string()), "{text}");
    assert!(!text.contains(tokens.user().as_str()), "{text}");
}

#[tokio::test]
async fn its_number_grows_and_never_falls() {
    let server = TestServer::start().await;
    for wanted in 1..=3 {
        let tokens = if wanted == 1 { server.ada().await } else { server.sign_in(EMAIL).await };
        server.post_as(&tokens.access, "/auth/logout").await.assert_status(204);
        assert_eq!(list(&server).await.seq, wanted);
    }
    // The last access token expires after 15 minutes; a minute more is for clocks that differ.
    server.clock.advance(Duration::from_mins(15));
    assert_eq!(list(&server).await.entries.len(), 3);
    server.clock.advance(Duration::from_mins(1));
    let claims = list(&server).await;
    assert_eq!((claims.seq, claims.entries.len()), (3, 0));
    server.clock.advance(Duration::from_hours(48));
    server.service.sweep().await.unwrap();
    assert_eq!(list(&server).await.seq, 3);
}

#[tokio::test]
async fn ending_a_session_again_changes_nothing() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    for _ in 0..3 {
        let body = json!({ "refreshToken": tokens.refresh });
        server.post("/auth/logout", body).await.assert_status(204);
    }
    assert_eq!(list(&server).await.seq, 1);
}

#[tokio::test]
async fn a_follower_that_knows_the_list_is_not_sent_it_again() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let first = server.get(PATH).await;
    let etag = first.header("etag").unwrap().to_owned();
    let again = || server.send(server.request(Method::GET, PATH).header("if-none-match", &etag));
    server.clock.advance(Duration::from_secs(5));
    assert_eq!(again().await.status, 304);
    server.post_as(&tokens.access, "/auth/logout").await.assert_status(204);
    server.clock.advance(A_SECOND);
    let changed = again().await;
    changed.assert_status(200);
    assert_ne!(changed.header("etag"), Some(etag.as_str()));
}

/// A follower treats an expired list as unreachable, so `304` must not confirm one for long.
#[tokio::test]
async fn a_list_without_changes_is_signed_anew_long_before_it_expires() {
    let server = TestServer::start().await;
    let first = list(&server).await;
    for _ in 0..12 {
        server.clock.advance(Duration::from_secs(5));
        let claims = list(&server).await;
        let now = contracts::Clock::now(&server.clock).unix_seconds();
        assert!(claims.exp - now >= 30, "{} s are left", claims.exp - now);
    }
    assert!(list(&server).await.iat > first.iat);
}

#[tokio::test]
async fn followers_cost_the_store_one_read_a_second() {
    let server = TestServer::start().await;
    for _ in 0..10 {
        server.get(PATH).await.assert_status(200);
    }
    assert_eq!(server.store.take_calls(), ["list_revocations"]);
}

/// Ends all sessions of a user again and again: many users at once, so that the store commits
/// their ends together.
async fn end_often(server: Arc<TestServer>, user: UserId, times: u64) {
    let store: &dyn UserStore = server.store.inner();
    for from in 0..times {
        let to = from + 1;
        let ended_at = START.plus(Duration::from_millis(from));
        let scope = RevocationScope::User { user: user.clone(), epoch_below: to, except: None };
        let expires_at = ended_at.plus(Duration::from_hours(1));
        let revocation = Revocation { scope, ended_at, expires_at };
        let raise = EpochRaise { user: user.clone(), from, to, revocation };
        assert_eq!(store.advance_session_epoch(&raise, &[]).await.unwrap(), Replaced::Yes);
    }
}

#[tokio::test]
async fn beyond_ten_thousand_ends_one_moment_stands_for_the_oldest() {
    let server = Arc::new(TestServer::start().await);
    let mut ending = JoinSet::new();
    for number in 0..201 {
        let user = server.put_user(&format!("user{number}@example.com"), |_| ()).await;
        ending.spawn(end_often(Arc::clone(&server), user, 50));
    }
    ending.join_all().await;
    let claims = list(&server).await;
    assert_eq!((claims.seq, claims.entries.len()), (10_050, 10_000));
    // The fifty that are left out ended in the first second; `iat` is rounded down.
    assert_eq!(claims.all_issued_before, Some(START.unix_seconds() + 1));
}
