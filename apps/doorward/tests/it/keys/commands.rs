use std::time::Duration;

use serde_json::Value;

use super::kid;
use crate::deployment::Deployment;
use crate::store::{Store, on_every_store};
use crate::waiting::within;

const EMAIL: &str = "ada@example.com";

async fn json(deployment: &Deployment, arguments: &[&str]) -> Value {
    let ended = deployment.run(&[arguments, &["--json"]].concat()).await.is(0);
    serde_json::from_str(&ended.stdout).unwrap()
}

/// The names of the keys that do this.
async fn kids(deployment: &Deployment, phase: &str) -> Vec<String> {
    let listed = json(deployment, &["key", "list"]).await;
    let items = listed["items"].as_array().unwrap().iter();
    let those = items.filter(|key| key["phase"] == phase);
    those.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn there_is_no_key_before_the_server_has_made_one() {
    let deployment = Deployment::new();
    let ended = deployment.run(&["key", "list"]).await.is(0);
    assert_eq!(ended.stdout, "There is no key yet: the server makes one when it starts.\n");
    let refused = deployment.run(&["key", "rotate", "--now"]).await.is(1);
    assert!(refused.stderr.contains("run this with the settings of the server"), "{refused:?}");
}

#[tokio::test]
async fn a_generated_secret_has_256_bits_and_is_another_each_time() {
    let deployment = Deployment::new();
    let one = deployment.run(&["key", "generate"]).await.is(0).stdout;
    let other = deployment.run(&["key", "generate", "--json-key", "JWT_SECRET"]).await.is(0).stdout;
    let other: Value = serde_json::from_str(&other).unwrap();
    let other = other["JWT_SECRET"].as_str().unwrap();
    assert_eq!((one.trim_end().len(), other.len()), (43, 43), "32 bytes in base64url");
    assert_ne!(one.trim_end(), other);
    assert!(!deployment.path("data").exists(), "it opens nothing");
}

on_every_store! {
    a_key_is_rotated_beside_the_running_server,
    a_revoked_key_is_trusted_by_nobody,
}

async fn a_key_is_rotated_beside_the_running_server(store: Store) {
    let deployment = store
        .deployment()
        .await
        .with("DOORWARD_KEYS__PUBLISH_AHEAD", "4s")
        .with("DOORWARD_KEYS__ALGORITHM", "ES256");
    let server = deployment.serve().await;
    server.client.register(EMAIL).await;
    let mut tokens = server.client.log_in(EMAIL).await;
    let old = kid(&tokens.access);
    assert_eq!(kids(&deployment, "current").await, std::slice::from_ref(&old));

    let rotated = json(&deployment, &["key", "rotate"]).await;
    let new = rotated["next"]["kid"].as_str().unwrap();
    assert_eq!(rotated["displaced"]["kid"], old.as_str());
    let refused = deployment.run(&["key", "rotate"]).await.is(1);
    let is_done = refused.stderr.contains("waits to sign already");
    assert!(is_done || kids(&deployment, "current").await == [new], "{refused:?}");
    let patience = Duration::from_secs(20);
    within(patience, "the other key signs", async || {
        tokens = server.client.refresh(&tokens.refresh).await.tokens();
        assert_eq!(server.client.status_of(&tokens.access).await, 200);
        let published = server.client.published_keys().await;
        assert!(published.iter().any(|(name, _)| *name == kid(&tokens.access)));
        (kid(&tokens.access) == new).then_some(())
    })
    .await;
    assert_eq!(kids(&deployment, "retired").await, [old]);
}

async fn a_revoked_key_is_trusted_by_nobody(store: Store) {
    let deployment = store
        .deployment()
        .await
        .with("DOORWARD_KEYS__PUBLISH_AHEAD", "2s")
        .with("DOORWARD_KEYS__ALGORITHM", "ES256");
    let server = deployment.serve().await;
    server.client.register(EMAIL).await;
    let stolen = server.client.log_in(EMAIL).await;
    let said = deployment.run(&["key", "revoke", &kid(&stolen.access)]).await.is(0).stdout;
    for word in ["HTTP APIs for up to 2 h", "REST APIs for up to\n1 h", "signs now"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    within(Duration::from_secs(10), "the key is refused", async || {
        (server.client.status_of(&stolen.access).await == 401).then_some(())
    })
    .await;
    let tokens = server.client.refresh(&stolen.refresh).await.tokens();
    assert_ne!(kid(&tokens.access), kid(&stolen.access));
    let listed = deployment.run(&["key", "list"]).await.is(0).stdout;
    assert!(listed.contains(&format!("{} ES256  revoked  at 20", kid(&stolen.access))), "{listed}");
    let unknown = deployment.run(&["key", "revoke", "unknown"]).await.is(1);
    assert!(unknown.stderr.contains("there is no such key"), "{unknown:?}");
}

#[tokio::test]
async fn an_urgent_rotation_says_who_goes_on_trusting_the_old_key() {
    let deployment = Deployment::new().with("DOORWARD_KEYS__ALGORITHM", "EdDSA");
    deployment.serve().await.stop().await;
    let said = deployment.run(&["key", "rotate", "--now"]).await.is(0).stdout;
    for word in ["signs from", "verifies until", "doorward key revoke", "for up to 2 h", "1 h"] {
        assert!(said.contains(word), "{word}: {said}");
    }
}
