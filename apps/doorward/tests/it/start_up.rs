//! What a start makes, keeps, and refuses.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use doorward_verify::Verifier;

use crate::client::JWKS;
use crate::deployment::{Deployment, STABLE_ISSUER, Server};
use crate::waiting::{PATIENCE, within};

const EMAIL: &str = "ada@example.com";
/// Two data keys: 32 bytes in base64 each.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_KEY: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

#[tokio::test]
async fn the_first_start_makes_keys_and_a_database_and_the_next_one_uses_them() {
    let deployment = Deployment::with_stable_issuer();
    let server = deployment.serve().await;
    server.client.register(EMAIL).await;
    let tokens = server.client.log_in(EMAIL).await;
    let keys = server.client.published_keys().await;
    let data_key = fs::read(deployment.path("data/data.key")).unwrap();
    server.stop().await;

    let server = deployment.serve().await;
    assert_eq!(server.client.published_keys().await, keys);
    assert_eq!(fs::read(deployment.path("data/data.key")).unwrap(), data_key);
    assert_eq!(server.client.status_of(&tokens.access).await, 200);
    is_trusted(&tokens.access, &server).await;
    server.client.refresh(&tokens.refresh).await.tokens();
}

#[tokio::test]
async fn nobody_else_may_read_what_a_start_makes() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    server.client.register(EMAIL).await;
    let data = deployment.path("data");
    for entry in fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    for name in ["data.key", "doorward.db"] {
        assert!(data.join(name).exists(), "{name}");
    }
}

#[tokio::test]
async fn a_wrong_data_key_is_refused_with_advice_and_nothing_is_lost() {
    let right = Deployment::with_stable_issuer()
        .with("DOORWARD_DATA_KEY", "env:KEY")
        .with("KEY", KEY)
        .with("OTHER_KEY", OTHER_KEY);
    let server = right.serve().await;
    server.client.register(EMAIL).await;
    let tokens = server.client.log_in(EMAIL).await;
    server.stop().await;

    let wrong = right.with("DOORWARD_DATA_KEY", "env:OTHER_KEY");
    let refusal = wrong.run(&["serve"]).await;
    assert_eq!((refusal.code, refusal.stdout.as_str()), (Some(1), ""), "{refusal:?}");
    assert!(refusal.stderr.contains("sealed with another data key"), "{}", refusal.stderr);
    assert!(refusal.stderr.contains("Add that key to data_key"), "{}", refusal.stderr);

    // What the advice says, and then the other way round: what was sealed anew needs both.
    for keys in ["env:OTHER_KEY,env:KEY", "env:KEY,env:OTHER_KEY"] {
        let advised = wrong.clone().with("DOORWARD_DATA_KEY", keys);
        let server = advised.serve().await;
        assert_eq!(server.client.status_of(&tokens.access).await, 200);
        server.client.log_in(EMAIL).await;
        server.stop().await;
    }
}

#[tokio::test]
async fn a_data_key_that_is_none_is_refused() {
    for key in ["short", "", "not base64 at all, but long enough to be one"] {
        let deployment = Deployment::new().with("DOORWARD_DATA_KEY", "env:KEY").with("KEY", key);
        let refusal = deployment.run(&["serve"]).await;
        assert_eq!(refusal.code, Some(2), "{refusal:?}");
        assert!(refusal.stderr.contains("data_key") || refusal.stderr.contains("secret"));
        assert!(key.is_empty() || !refusal.stderr.contains(key), "{}", refusal.stderr);
        assert!(!deployment.path("data/doorward.db").exists());
    }
}

#[tokio::test]
async fn a_taken_port_is_refused_and_nothing_is_made() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for name in ["DOORWARD_SERVER__LISTEN", "DOORWARD_SERVER__OPERATIONS_LISTEN"] {
        let deployment = Deployment::new().with(name, &address);
        let refusal = deployment.run(&["serve"]).await;
        assert_eq!((refusal.code, refusal.stdout.as_str()), (Some(1), ""), "{refusal:?}");
        let message = format!("{address} cannot be listened on");
        assert!(refusal.stderr.contains(&message), "{}", refusal.stderr);
        assert!(refusal.stderr.contains("in use"), "{}", refusal.stderr);
        assert!(!deployment.path("data").exists());
    }
}

#[tokio::test]
async fn processes_that_start_at_once_on_an_empty_folder_share_their_keys() {
    let deployment = Deployment::with_stable_issuer();
    let starting = [(); 4].map(|()| deployment.start(&["serve"], ""));
    let mut servers = Vec::new();
    for process in starting {
        servers.push(Server::of(process).await);
    }
    let keys = servers[0].client.published_keys().await;
    assert_eq!(keys.len(), 1);
    servers[0].client.register(EMAIL).await;
    let tokens = servers[0].client.log_in(EMAIL).await;
    for server in &servers {
        assert_eq!(server.client.published_keys().await, keys);
        assert_eq!(server.client.status_of(&tokens.access).await, 200);
    }
}

#[tokio::test]
async fn a_first_start_that_is_killed_does_not_stand_in_the_way_of_the_next() {
    for made in ["data", "data/data.key", "data/doorward.db", "data/doorward.db-wal"] {
        let deployment = Deployment::new();
        let process = deployment.start(&["serve"], "");
        within(PATIENCE, made, async || deployment.path(made).exists().then_some(())).await;
        process.kill().await;
        let server = deployment.serve().await;
        server.client.register(EMAIL).await;
        server.client.log_in(EMAIL).await;
    }
}

#[tokio::test]
async fn tokens_of_the_old_algorithm_stay_good_when_another_is_chosen() {
    let deployment = Deployment::with_stable_issuer();
    let server = deployment.serve().await;
    server.client.register(EMAIL).await;
    let old = server.client.log_in(EMAIL).await;
    let old_keys = server.client.published_keys().await;
    server.stop().await;

    let deployment = deployment.with("DOORWARD_KEYS__ALGORITHM", "ES256");
    let server = deployment.serve().await;
    let new = server.client.log_in(EMAIL).await;
    for token in [&old.access, &new.access] {
        assert_eq!(server.client.status_of(token).await, 200);
        is_trusted(token, &server).await;
    }
    let keys = server.client.published_keys().await;
    let algorithms: Vec<&str> = keys.iter().map(|(_, algorithm)| algorithm.as_str()).collect();
    assert_eq!(algorithms, ["RS256", "ES256"]);
    assert_eq!(keys[..1], old_keys);
}

/// Whether a service that knows nothing but the published keys trusts the token.
async fn is_trusted(token: &str, server: &Server) {
    let verifier = Verifier::builder(STABLE_ISSUER)
        .audience("api")
        .jwks_url(format!("{}{JWKS}", server.url))
        .without_background_task();
    verifier.build().unwrap().verify(token).await.unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
