use std::time::Duration;

use harness::doorward_verify::{KeySet, VerifyingKey};
use harness::{TestSecrets, TestServer};
use service::{KeysReloaded, StartError};

use super::{kid, published, reload, verified, with_a_new_secret};

const OLD: &[u8] = b"an old secret of more than 32 bytes, shared";
const NEW: &[u8] = b"a new secret of more than 32 bytes, shared";
const MINUTE: Duration = Duration::from_mins(1);

fn knowing(secrets: &[&[u8]]) -> KeySet {
    secrets.iter().map(|secret| VerifyingKey::from_shared_secret(secret).unwrap()).collect()
}

#[tokio::test]
async fn a_secret_verifies_before_it_signs_and_after_it_has_signed() {
    let secrets = TestSecrets::of(&[OLD]);
    let server = TestServer::builder().shared_secrets(&secrets).start().await;
    let old = server.ada().await;
    let foreseen = server.beside().shared_secrets(&TestSecrets::of(&[NEW])).start().await;
    // One knows only the new secret, the other was told only of the old one.
    for instance in [&server, &foreseen] {
        instance.get_as(&old.access, "/auth/me").await.assert_status(200);
        assert!(published(instance).await.is_empty());
    }
    server.clock.advance(Duration::from_millis(15 * 60_000 - 1));
    let last = foreseen.refresh(&old.refresh).await;
    assert_eq!(kid(&last), kid(&old), "verifiers have a quarter of an hour to read it");
    server.clock.advance(Duration::from_millis(1));
    let new = foreseen.refresh(&last.refresh).await;
    assert_ne!(kid(&new), kid(&old));
    for instance in [&server, &foreseen] {
        instance.get_as(&new.access, "/auth/me").await.assert_status(200);
        instance.get_as(&last.access, "/auth/me").await.assert_status(200);
    }
    verified(&server, &knowing(&[NEW]), &new.access).unwrap();
    server.clock.advance(MINUTE * 20);
    assert_eq!(kid(&server.refresh(&new.refresh).await), kid(&new));
}

/// The other side reads its secrets at most a quarter of an hour after us, or any time before us,
/// and keeps the one before for as long as its tokens live.
#[tokio::test]
async fn no_token_is_refused_in_either_order_of_reading() {
    for (ours_at, theirs_at) in [(10, 24), (30, 5)] {
        let secrets = TestSecrets::of(&[OLD]);
        let server = TestServer::builder().shared_secrets(&secrets).start().await;
        let mut tokens = server.ada().await;
        for minute in 0..60 {
            if minute == ours_at {
                secrets.replace(&[NEW]);
            }
            reload(&server).await;
            let theirs: &[&[u8]] = if minute < theirs_at { &[OLD] } else { &[NEW, OLD] };
            let previous = tokens.access.clone();
            tokens = server.refresh(&tokens.refresh).await;
            for token in [&previous, &tokens.access] {
                verified(&server, &knowing(theirs), token).unwrap();
                server.get_as(token, "/auth/me").await.assert_status(200);
            }
            server.clock.advance(MINUTE);
        }
        assert!(verified(&server, &knowing(&[OLD]), &tokens.access).is_err(), "it did rotate");
    }
}

#[tokio::test]
async fn an_instance_that_starts_with_the_new_secret_signs_with_the_old_one_until_its_time() {
    let server = TestServer::builder().shared_secrets(&TestSecrets::of(&[OLD])).start().await;
    let old = server.ada().await;
    let next = server.beside().shared_secrets(&TestSecrets::of(&[NEW])).start().await;
    assert_eq!(kid(&next.refresh(&old.refresh).await), kid(&old), "though it was never told it");
}

#[tokio::test]
async fn secrets_that_cannot_be_read_are_used_as_they_were() {
    let secrets = TestSecrets::of(&[OLD]);
    let server = TestServer::builder().shared_secrets(&secrets).start().await;
    let tokens = server.ada().await;
    secrets.set_out_of_reach(true);
    let reloaded = server.service.reload_keys().await.unwrap();
    assert!(matches!(reloaded, KeysReloaded::Partly(_)), "{reloaded:?}");
    server.refresh(&tokens.refresh).await;
    secrets.set_out_of_reach(false);
    reload(&server).await;
}

#[tokio::test]
async fn a_short_secret_that_comes_later_is_refused_and_the_old_one_goes_on() {
    let secrets = TestSecrets::of(&[OLD]);
    let server = TestServer::builder().shared_secrets(&secrets).start().await;
    let tokens = server.ada().await;
    secrets.replace(&[b"short", OLD]);
    let KeysReloaded::Partly(error) = server.service.reload_keys().await.unwrap() else {
        panic!("a short secret was taken")
    };
    assert!(contracts::chain(&error).contains("at least 32 bytes, not 5"), "{error:?}");
    server.clock.advance(MINUTE * 16);
    assert_eq!(kid(&server.refresh(&tokens.refresh).await), kid(&tokens));
}

#[tokio::test]
async fn a_revoked_secret_cannot_come_back() {
    let (server, _, old) = with_a_new_secret(OLD, NEW).await;
    server.clock.advance(MINUTE * 15);
    server.service.revoke_key(&kid(&old)).await.unwrap();
    reload(&server).await;
    server.get_as(&old.access, "/auth/me").await.assert_problem(401, "invalid_token");
    let refused = server.beside().shared_secrets(&TestSecrets::of(&[OLD])).try_start().await;
    let Err(StartError::Keys(error)) = refused else { panic!("it started") };
    assert!(error.to_string().contains("was revoked"), "{error}");
}

#[tokio::test]
async fn a_secret_that_stands_in_the_settings_verifies_without_a_gap() {
    let secrets = TestSecrets::of(&[OLD]);
    // Its tokens outlive the grace.
    let server = TestServer::builder()
        .shared_secrets(&secrets)
        .policy(|policy| policy.access_ttl = MINUTE * 90)
        .start()
        .await;
    let old = server.ada().await;
    secrets.replace(&[NEW, OLD]);
    reload(&server).await;
    for _ in 0..60 {
        server.clock.advance(MINUTE);
        server.get_as(&old.access, "/auth/me").await.assert_status(200);
    }
}

#[tokio::test]
async fn a_secret_that_was_displaced_long_ago_is_new_again() {
    let server = TestServer::builder().shared_secrets(&TestSecrets::of(&[OLD])).start().await;
    let old = server.ada().await;
    let next = server.beside().shared_secrets(&TestSecrets::of(&[NEW])).start().await;
    next.clock.advance(MINUTE * 60);
    let new = next.refresh(&old.refresh).await;
    let back = server.beside().shared_secrets(&TestSecrets::of(&[OLD])).start().await;
    assert_eq!(kid(&back.refresh(&new.refresh).await), kid(&new));
    back.clock.advance(MINUTE * 15);
    assert_eq!(kid(&back.refresh(&new.refresh).await), kid(&old));
}
