use std::time::Duration;

use domain::RoleName;
use doorward_claims::Algorithm;
use harness::{TestSecrets, TestServer};
use service::{KeysReloaded, StartError};

use super::{key_set, published, reload, verified};

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const HOUR: Duration = Duration::from_hours(1);

/// The algorithms that the metadata names.
async fn named(server: &TestServer) -> Vec<String> {
    let metadata = server.get("/.well-known/openid-configuration").await.json();
    let named = metadata["id_token_signing_alg_values_supported"].as_array().unwrap().clone();
    named.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn another_algorithm_takes_over_as_any_other_key_does() {
    let server = TestServer::start().await;
    let old = server.ada().await;
    let next = server.beside().algorithm(Algorithm::EdDsa).start().await;
    assert_eq!(published(&next).await.len(), 2);
    assert_eq!(named(&next).await, ["ES256", "EdDSA"]);
    let same = next.refresh(&old.refresh).await;
    assert_eq!(same.header()["alg"], "ES256", "verifiers cannot know the other key yet");
    // The instance that runs with the old setting learns of it.
    server.service.reload_keys().await.unwrap();

    next.clock.advance(Duration::from_mins(175));
    let last = next.refresh(&same.refresh).await;
    next.clock.advance(Duration::from_mins(5));
    for instance in [&server, &next] {
        let new = instance.refresh(&last.refresh).await;
        assert_eq!(new.header()["alg"], "EdDSA");
        for token in [&last.access, &new.access] {
            server.get_as(token, "/auth/me").await.assert_status(200);
            next.get_as(token, "/auth/me").await.assert_status(200);
            verified(&next, &key_set(&next).await, token).unwrap();
        }
    }
    next.clock.advance(Duration::from_mins(20));
    assert_eq!(named(&next).await, ["EdDSA"]);
    assert_eq!(published(&next).await.len(), 1);
}

#[tokio::test]
async fn an_instance_that_runs_with_another_algorithm_follows_and_says_so() {
    let server = TestServer::start().await;
    let _next = server.beside().algorithm(Algorithm::EdDsa).start().await;
    let reloaded = server.service.reload_keys().await.unwrap();
    assert!(matches!(reloaded, KeysReloaded::Overruled), "{reloaded:?}");
}

#[tokio::test]
async fn whoever_changes_their_mind_goes_on_with_the_key_that_signed_all_along() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let _mistaken = server.beside().algorithm(Algorithm::EdDsa).start().await;
    let back = server.beside().start().await;
    assert_eq!(published(&back).await.len(), 1);
    back.clock.advance(HOUR * 4);
    reload(&back).await;
    assert_eq!(back.refresh(&tokens.refresh).await.header()["alg"], "ES256");
}

#[tokio::test]
async fn after_the_change_the_way_back_is_at_once_while_the_old_key_is_known() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let next = server.beside().algorithm(Algorithm::EdDsa).start().await;
    next.clock.advance(HOUR * 3 + Duration::from_mins(10));
    let changed = next.refresh(&tokens.refresh).await;
    assert_eq!(changed.header()["alg"], "EdDSA");
    let back = server.beside().start().await;
    let again = back.refresh(&changed.refresh).await;
    assert_eq!(again.header(), tokens.header());
    back.get_as(&changed.access, "/auth/me").await.assert_status(200);
}

#[tokio::test]
async fn a_shared_secret_gives_way_to_public_keys_without_a_refusal() {
    let secrets = TestSecrets::of(&[SECRET]);
    let shared = TestServer::builder().shared_secrets(&secrets).start().await;
    let old = shared.ada().await;
    assert_eq!(named(&shared).await, ["HS256"]);
    let public = shared.beside().algorithm(Algorithm::RS256).start().await;
    assert_eq!(published(&public).await.len(), 1, "a secret is never published");
    assert_eq!(public.refresh(&old.refresh).await.header()["alg"], "HS256");
    public.clock.advance(HOUR * 3);
    let new = public.refresh(&old.refresh).await;
    assert_eq!(new.header()["alg"], "RS256");
    public.clock.advance(Duration::from_mins(20));
    assert_eq!(named(&public).await, ["RS256"]);
    shared.service.reload_keys().await.unwrap();
    assert_eq!(shared.refresh(&new.refresh).await.header()["alg"], "RS256");
}

#[tokio::test]
async fn the_metrics_tell_how_many_tokens_of_each_algorithm_were_accepted() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    server.get_as(&tokens.access, "/auth/me").await.assert_status(200);
    server.get_as(&tokens.access, "/auth/me").await.assert_status(200);
    server.get_as(&tokens.refresh, "/auth/me").await.assert_status(401);
    let metrics = server.get_operations("/metrics").await.body;
    for line in [
        r#"doorward_access_tokens_total{algorithm="ES256"} 2"#,
        r#"doorward_access_tokens_total{algorithm="HS256"} 0"#,
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

#[tokio::test]
async fn a_start_that_fails_changes_nothing_of_the_keys() {
    let server = TestServer::start().await;
    let mistaken = server.beside().algorithm(Algorithm::EdDsa).policy(|policy| {
        policy.registration.default_roles = [RoleName::parse("NOBODY").unwrap()].into();
    });
    assert!(matches!(mistaken.try_start().await, Err(StartError::UnknownRole { .. })));
    reload(&server).await;
    assert_eq!(published(&server).await.len(), 1);
}
