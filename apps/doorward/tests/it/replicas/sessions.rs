//! Sessions that every server knows alike.

use std::collections::HashSet;
use std::time::Duration;

use doorward_verify::{Revocations, Verifier, VerifyError};
use serde_json::json;
use tokio::task::JoinSet;

use crate::client::{JWKS, Tokens};
use crate::replicas::cluster::{Cluster, Instance, Upstream};
use crate::waiting::within;

const EMAIL: &str = "ada@example.com";
/// How soon a service that asks any server knows that a session has ended.
const REVOCATION_TIME_MAX: Duration = Duration::from_secs(10);

#[tokio::test]
async fn many_refreshes_of_one_token_at_once_yield_one_successor() {
    refresh_at_once(&[]).await;
}

#[tokio::test]
async fn many_refreshes_of_one_token_at_once_yield_one_successor_with_sessions_in_redis() {
    refresh_at_once(&[("DOORWARD_EPHEMERAL__SESSIONS", "true")]).await;
}

async fn refresh_at_once(settings: &[(&str, &str)]) {
    let cluster = Cluster::start(Upstream::AsByDefault, settings).await;
    let client = cluster.client();
    client.register(EMAIL).await;
    let first = client.log_in(EMAIL).await;
    let mut asking = JoinSet::new();
    for _ in 0..200 {
        let (client, token) = (client.clone(), first.refresh.clone());
        asking.spawn(async move {
            let answer = client.refresh(&token).await.is(200);
            let server = answer.headers["x-upstream"].to_str().unwrap().to_owned();
            (server, answer.tokens())
        });
    }
    let refreshed = asking.join_all().await;
    let servers: HashSet<_> = refreshed.iter().map(|(server, _)| server.clone()).collect();
    assert_eq!(servers, cluster.addresses().into_iter().collect());
    let successors: HashSet<_> = refreshed.iter().map(|(_, tokens)| &tokens.refresh).collect();
    assert_eq!(successors.len(), 1);
    for (_, tokens) in &refreshed {
        assert_eq!(client.status_of(&tokens.access).await, 200);
    }

    let next = client.refresh(&refreshed[0].1.refresh).await.tokens();
    assert_ne!(next.refresh, refreshed[0].1.refresh);
    client.refresh(&next.refresh).await.tokens();
}

#[tokio::test]
async fn servers_that_start_at_once_trust_each_others_tokens_and_follow_each_others_logouts() {
    let cluster = Cluster::start(Upstream::AsByDefault, &[]).await;
    let keys = cluster.client().published_keys().await;
    assert_eq!(keys.len(), 1);
    cluster.client().register(EMAIL).await;
    for signing in &cluster.instances {
        let tokens = signing.client.log_in(EMAIL).await;
        for other in &cluster.instances {
            assert_eq!(other.client.published_keys().await, keys);
            assert_eq!(other.client.status_of(&tokens.access).await, 200);
            verifier(&cluster, other).verify(&tokens.access).await.unwrap();
        }
        log_out_and_follow(&cluster, signing, &tokens).await;
    }
}

/// Signs out at one server, and finds that at every other.
async fn log_out_and_follow(cluster: &Cluster, instance: &Instance, tokens: &Tokens) {
    let session = json!({ "refreshToken": tokens.refresh });
    instance.client.post("/auth/logout", session).await.is(204);
    for other in &cluster.instances {
        let refused = other.client.get_as("/auth/me", &tokens.access).await.is(401);
        assert_eq!(refused.code(), "session_revoked");
        let refused = other.client.refresh(&tokens.refresh).await.is(401);
        assert_eq!(refused.code(), "session_revoked");
    }
    for other in &cluster.instances {
        within(REVOCATION_TIME_MAX, "the list names the session", async || {
            // It has not read any list yet.
            match verifier(cluster, other).verify(&tokens.access).await {
                Ok(_) => None,
                Err(VerifyError::Revoked) => Some(()),
                Err(error) => panic!("{error:?}"),
            }
        })
        .await;
    }
}

/// A service that knows nothing but the public documents of one server.
fn verifier(cluster: &Cluster, instance: &Instance) -> Verifier {
    let url = &instance.url();
    let verifier = Verifier::builder(cluster.url()).audience("api");
    let verifier = verifier.revocations(Revocations::FailClosed);
    let verifier = verifier
        .jwks_url(format!("{url}{JWKS}"))
        .revocations_url(format!("{url}/.well-known/revocations"));
    verifier.without_background_task().build().unwrap()
}
