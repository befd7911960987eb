//! Deployments that set nothing but names which they have already. Only the ports are ours, so that
//! tests do not meet.

use base64::Engine as _;
use serde_json::{Value, json};

use crate::client::JWKS;
use crate::deployment::{Deployment, Server};

const EMAIL: &str = "ada@example.com";
const SECRET: &str = "a secret that is shared, of more than 32 bytes";
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

#[tokio::test]
async fn a_deployment_starts_from_database_url_alone() {
    for (name, url) in [("own.db", "sqlite://own.db".to_owned()), ("deep/own.db", String::new())] {
        let deployment = Deployment::new();
        let absolute = format!("sqlite://{}", deployment.path(name).display());
        let url = if url.is_empty() { absolute } else { url };
        let deployment = deployment.with("DATABASE_URL", &url);
        let server = deployment.serve().await;
        server.client.register(EMAIL).await;
        assert!(deployment.path(name).exists(), "{url}");
        assert!(!deployment.path("data/doorward.db").exists(), "{url}");
    }
}

#[tokio::test]
async fn a_deployment_starts_from_a_jwt_secret_alone_and_is_told_that_hs256_follows() {
    for name in ["JWT_SECRET", "JWT_SECRET_KEY", "JWT_ACCESS_SECRET"] {
        let deployment = Deployment::new().with(name, SECRET);
        let server = deployment.serve().await;
        server.process.logs(&format!("(implied by {name})")).await;
        let log = server.process.said();
        let warning = log.lines().find(|line| line.contains("implied by")).unwrap();
        assert!(warning.contains(r#""level":"WARN""#) && warning.contains("HS256"), "{warning}");
        assert!(!log.contains(SECRET));

        assert_eq!(server.client.get(JWKS).await.is(200).body, json!({ "keys": [] }));
        server.client.register(EMAIL).await;
        let token = server.client.log_in(EMAIL).await.access;
        assert_eq!(header(&token)["alg"], "HS256");
        assert_eq!(server.client.status_of(&token).await, 200);
    }
}

#[tokio::test]
async fn a_jwt_secret_that_is_too_short_is_refused_and_not_shown() {
    let deployment = Deployment::new().with("JWT_SECRET", "hunter2");
    let refusal = deployment.run(&["serve"]).await.is(2);
    assert!(refusal.stderr.contains("32 bytes"), "{refusal:?}");
    assert!(!(refusal.stdout + &refusal.stderr).contains("hunter2"));
}

#[tokio::test]
async fn a_jwt_secret_is_passed_over_where_another_algorithm_is_set() {
    let deployment =
        Deployment::new().with("JWT_SECRET", SECRET).with("DOORWARD_KEYS__ALGORITHM", "EdDSA");
    let checked = deployment.run(&["config", "check"]).await.is(0).stdout;
    assert!(checked.contains("(implied by JWT_SECRET): not used"), "{checked}");
    let server = deployment.serve().await;
    server.client.register(EMAIL).await;
    assert_eq!(header(&server.client.log_in(EMAIL).await.access)["alg"], "EdDSA");
}

#[tokio::test]
async fn a_deployment_starts_from_environment_alone() {
    let server = Deployment::new().with("ENVIRONMENT", "dev").serve().await;
    server.client.register(EMAIL).await;
}

#[tokio::test]
async fn a_deployment_starts_from_log_level_alone() {
    let server = Deployment::new().with("LOG_LEVEL", "DEBUG").serve().await;
    server.client.get("/livez").await.is(200);
    server.process.logs(r#""level":"DEBUG""#).await;
}

#[tokio::test]
async fn names_of_backends_that_this_version_lacks_are_refused() {
    for (name, value, backend) in [
        ("DATABASE_URL", "mysql://ada:hunter2@host/db", "MySQL"),
        ("COGNITO_USER_POOL_ID", "pool", "Cognito"),
        ("COGNITO_CLIENT_ID", "client", "Cognito"),
    ] {
        let deployment = Deployment::new().with(name, value);
        let refusal = deployment.run(&["serve"]).await.is(2);
        let told = format!("(implied by {name}): this version has no {backend} backend; ");
        assert!(refusal.stderr.contains(&told), "{refusal:?}");
        assert!(!refusal.stderr.contains("hunter2"), "{refusal:?}");
        assert!(!deployment.path("data").exists());
    }
}

#[tokio::test]
async fn names_of_servers_are_understood_and_shown_without_passwords() {
    for (name, value, setting, shown) in [
        ("DATABASE_URL", "postgres://ada:hunter2@host/db", "storage.url", "//ada:***@host/db"),
        ("MONGODB_URI", "mongodb://ada:hunter2@a,b/db", "storage.url", "//ada:***@a,b/db"),
        ("USERS_TABLE_NAME", "users", "storage.url", "dynamodb://users"),
        ("REDIS_URL", "redis://:hunter2@host", "ephemeral.url", "//:***@host"),
    ] {
        let deployment = Deployment::new().with(name, value);
        let said = deployment.run(&["config", "show"]).await.is(0).stdout;
        let line = said.lines().find(|line| line.split(' ').next() == Some(setting)).unwrap();
        assert!(line.contains(shown), "{line}");
        assert!(line.ends_with(&format!("# implied by {name}")), "{line}");
        assert!(!said.contains("hunter2"), "{said}");
        assert!(!deployment.path("data").exists());
    }
}

#[tokio::test]
async fn credentials_without_a_server_and_two_stores_are_refused_and_not_shown() {
    let credentials = r#"{"username":"ada","password":"hunter2"}"#;
    let alone = Deployment::new().with("DOCUMENTDB_CREDENTIALS", credentials);
    let two = Deployment::new()
        .with("DATABASE_URL", "postgres://ada:hunter2@host/db")
        .with("MONGODB_URI", "mongodb://ada:hunter2@host/db");
    for (deployment, told) in [
        (alone, "(implied by DOCUMENTDB_CREDENTIALS): is for a DocumentDB cluster, but none is"),
        (two, "DATABASE_URL and MONGODB_URI disagree; unset one of them, or set storage.url"),
    ] {
        let refusal = deployment.run(&["serve"]).await.is(2);
        assert!(refusal.stderr.contains(told), "{refusal:?}");
        assert!(!refusal.stderr.contains("hunter2"), "{refusal:?}");
        assert!(!deployment.path("data").exists());
    }
}

#[tokio::test]
async fn staging_and_production_refuse_what_is_only_convenient() {
    for (word, environment) in [("stage", "staging"), ("prod", "production")] {
        let deployment = Deployment::new()
            .with("ENVIRONMENT", word)
            .with("DOORWARD_SERVER__PUBLIC_URL", "http://auth.example.com")
            .with("DOORWARD_KEYS__ALGORITHM", "HS256")
            .with("DOORWARD_KEYS__SHARED_SECRET", SECRET);
        let refusal = deployment.run(&["serve"]).await.is(2);
        for told in [
            "there are 5 mistakes".to_owned(),
            format!("lets each process count for itself, which {environment} refuses"),
            format!("mail.transport (default): keeps mails in memory, which {environment} refuses"),
            "data_key (default): must be set outside development".to_owned(),
            format!("is plain http, which {environment} refuses"),
            format!("holds a secret itself, which {environment} refuses"),
        ] {
            assert!(refusal.stderr.contains(&told), "{told}: {}", refusal.stderr);
        }
        assert!(!refusal.stderr.contains(SECRET));
        assert!(!deployment.path("data").exists());
    }
}

#[tokio::test]
async fn production_starts_with_an_https_issuer_and_named_secrets() {
    let deployment = Deployment::new()
        .with("ENVIRONMENT", "production")
        .with("DOORWARD_SERVER__PUBLIC_URL", "https://auth.example.com")
        .with("DOORWARD_DATA_KEY", "file:data-key")
        .with("DOORWARD_MAIL__TRANSPORT", "smtp")
        .with("DOORWARD_MAIL__FROM", "no-reply@example.com")
        .with("DOORWARD_MAIL__SMTP_URL", "smtps://mail.example.com")
        .with("DOORWARD_SERVER__SINGLE_INSTANCE", "true")
        .with("JWT_SECRET", SECRET);
    std::fs::write(deployment.path("data-key"), KEY).unwrap();
    let server = deployment.serve().await;
    let metadata = server.client.get("/.well-known/openid-configuration").await.is(200).body;
    assert_eq!(metadata["issuer"], "https://auth.example.com");
    assert!(!deployment.path("data/data.key").exists());
    says_nothing_to_try(server).await;
}

/// What is for a developer's terminal does not stand in the logs of production.
async fn says_nothing_to_try(server: Server) {
    server.process.signal(rustix::process::Signal::TERM);
    let ended = server.process.end().await.is(0);
    assert_eq!(ended.stdout.lines().count(), 1, "{ended:?}");
}

fn header(token: &str) -> Value {
    let encoded = token.split('.').next().unwrap();
    let text = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(encoded).unwrap();
    serde_json::from_slice(&text).unwrap()
}
