use std::fs;
use std::time::Duration;

use super::kid;
use crate::deployment::Deployment;
use crate::waiting::within;

const EMAIL: &str = "ada@example.com";
const SECRET: &str = "a secret that is shared, of more than 32 bytes";

fn hs256(secret: &str) -> Deployment {
    Deployment::new()
        .with("DOORWARD_KEYS__ALGORITHM", "HS256")
        .with("DOORWARD_KEYS__SHARED_PUBLISH_AHEAD", "2s")
        .with("DOORWARD_KEYS__SHARED_SECRET", secret)
}

#[tokio::test]
async fn a_secret_is_found_in_the_shapes_that_deployments_have() {
    let in_json = |name: &str| serde_json::json!({ "other": 1, name: SECRET }).to_string();
    let texts = [SECRET.to_owned(), in_json("JWT_SECRET"), in_json("JWT_ACCESS_SECRET")];
    let mut kids = Vec::new();
    for text in texts {
        let deployment = hs256("env:SHARED").with("SHARED", &text);
        let server = deployment.serve().await;
        server.client.register(EMAIL).await;
        kids.push(kid(&server.client.log_in(EMAIL).await.access));
        fs::write(deployment.path("secret"), format!("{text}\n")).unwrap();
        let by_file = deployment.with("DOORWARD_KEYS__SHARED_SECRET", "file:secret").serve().await;
        kids.push(kid(&by_file.client.log_in(EMAIL).await.access));
    }
    assert!(kids.iter().all(|kid| *kid == kids[0]), "{kids:?}");
}

#[tokio::test]
async fn a_secret_that_can_be_guessed_is_refused_with_the_reason() {
    let short = hs256("env:SHARED").with("SHARED", r#"{"JWT_SECRET": "hunter2hunter2hunter2"}"#);
    let refused = short.run(&["serve"]).await.is(2);
    assert!(refused.stderr.contains("at least 32 bytes, not 21"), "{refused:?}");
    assert!(!refused.stderr.contains("hunter2"), "{refused:?}");
    let none = hs256("env:SHARED").with("SHARED", r#"{"SECRET": "hunter2hunter2hunter2"}"#);
    let refused = none.run(&["serve"]).await.is(2);
    assert!(refused.stderr.contains("neither JWT_SECRET nor JWT_ACCESS_SECRET"), "{refused:?}");
    assert!(!refused.stderr.contains("hunter2"), "{refused:?}");
}

#[tokio::test]
async fn a_secret_in_a_file_is_replaced_under_the_running_server() {
    let deployment = hs256("file:secret");
    let secret = deployment.run(&["key", "generate"]).await.is(0).stdout;
    fs::write(deployment.path("secret"), secret).unwrap();
    let server = deployment.serve().await;
    server.client.register(EMAIL).await;
    let mut tokens = server.client.log_in(EMAIL).await;
    let old = kid(&tokens.access);

    let next = deployment.run(&["key", "generate", "--json-key", "JWT_SECRET"]).await.is(0).stdout;
    fs::write(deployment.path("new"), next).unwrap();
    fs::rename(deployment.path("new"), deployment.path("secret")).unwrap();
    within(Duration::from_secs(20), "the new secret signs", async || {
        let before = tokens.access.clone();
        tokens = server.client.refresh(&tokens.refresh).await.tokens();
        assert_eq!(server.client.status_of(&tokens.access).await, 200);
        assert_eq!(server.client.status_of(&before).await, 200);
        (kid(&tokens.access) != old).then_some(())
    })
    .await;
    // It was never told the old one, and knows it none the less.
    let other = deployment.serve().await;
    assert_eq!(other.client.log_in(EMAIL).await.access.split('.').count(), 3);
}
