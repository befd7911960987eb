//! Whatever is logged, nothing that is secret or personal.

use std::fs;

use serde_json::{Value, json};

use crate::chatbot::Chatbot;
use crate::client::{Client, Tokens};
use crate::deployment::{Deployment, Server};

const EMAIL: &str = "ada.lovelace@example.com";
const PASSWORD: &str = "a password that nobody logs";
const WRONG_PASSWORD: &str = "a wrong one that nobody logs either";
const NAME: &str = "Augusta Ada King-Noel";
const USER_AGENT: &str = "AnalyticalEngine/1.0 (1843)";
const SECRET: &str = "a shared secret of more than 32 bytes";
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

#[tokio::test]
async fn nothing_secret_or_personal_is_logged_with_key_pairs() {
    let deployment = Deployment::new().with("DOORWARD_LOG__LEVEL", "trace");
    let server = deployment.serve().await;
    let data_key = fs::read_to_string(deployment.path("data/data.key")).unwrap();
    let log = is_silent(&deployment, server, data_key.trim()).await;
    for line in log.lines() {
        let message: Value = serde_json::from_str(line).expect("each line is JSON for machines");
        assert!(message["level"].is_string() && message["timestamp"].is_string(), "{line}");
    }
}

#[tokio::test]
async fn nothing_secret_or_personal_is_logged_with_shared_secrets() {
    let deployment = Deployment::new()
        .with("LOG_LEVEL", "TRACE")
        .with("DOORWARD_LOG__FORMAT", "pretty")
        .with("DOORWARD_DATA_KEY", KEY)
        .with("DOORWARD_KEYS__ALGORITHM", "HS256")
        .with("DOORWARD_KEYS__SHARED_SECRET", SECRET);
    is_silent(&deployment, deployment.serve().await, KEY).await;
}

/// Returns the server's log.
async fn is_silent(deployment: &Deployment, server: Server, data_key: &str) -> String {
    let client = Client::with_user_agent(&server.url, USER_AGENT);
    let chatbot = Chatbot::start(&server.url).await;
    let seen = journey(&client, &chatbot).await;
    let shown = deployment.run(&["user", "show", EMAIL]).await.is(0);
    assert_eq!(shown.stderr, "");
    // What was logged is published by the relay, once it is told to stop at the latest.
    server.process.logs("session.revoked").await;
    server.process.signal(rustix::process::Signal::TERM);
    chatbot.process.signal(rustix::process::Signal::TERM);
    let (server, chatbot) = (server.process.end().await.is(0), chatbot.process.end().await.is(0));

    assert!(server.stderr.contains("answered"), "it did log in detail");
    // What is shown to try at the start holds another person.
    let said = [&*server.stdout, &server.stderr, &chatbot.stdout, &chatbot.stderr].concat();
    let personal = [EMAIL, "ada.lovelace", NAME, USER_AGENT, "AnalyticalEngine"];
    let secret = [PASSWORD, WRONG_PASSWORD, SECRET, data_key];
    let tokens = seen.iter().flat_map(|tokens| {
        let parts = tokens.access.split('.').skip(1).chain([tokens.refresh.as_str()]);
        parts.map(|part| &part[..part.len().min(40)])
    });
    for text in personal.into_iter().chain(secret).chain(tokens) {
        assert!(!said.contains(text), "{text:?} is logged");
    }
    server.stderr
}

/// What a person does, and what goes wrong with it. Returns all tokens that were handed out.
async fn journey(client: &Client, chatbot: &Chatbot) -> Vec<Tokens> {
    let person = json!({ "email": EMAIL, "password": PASSWORD, "name": NAME });
    client.post("/auth/register", person.clone()).await.is(201);
    client.post("/auth/register", person).await.is(409);
    client
        .post("/auth/register", json!({ "email": PASSWORD, "password": [PASSWORD] }))
        .await
        .is(400);
    let credentials = |password| json!({ "email": EMAIL, "password": password });
    client.post("/auth/login", credentials(WRONG_PASSWORD)).await.is(401);
    client.post("/auth/login", json!({ "email": PASSWORD, "password": PASSWORD })).await.is(401);

    let mut seen = vec![client.post("/auth/login", credentials(PASSWORD)).await.tokens()];
    for _ in 0..3 {
        seen.push(client.refresh(&seen.last().unwrap().refresh).await.tokens());
    }
    // It knows no secret, so under HS256 it refuses the token, and says why.
    let is_trusted = !client.published_keys().await.is_empty();
    chatbot.greet(&seen[0].access).await.is(if is_trusted { 200 } else { 401 });
    chatbot.greet(&seen[0].refresh).await.is(401);
    client.get_as("/auth/sessions", &seen[1].access).await.is(200);
    let forged = format!("{}AAAA", seen[1].refresh);
    client.refresh(&forged).await.is(401);
    // A replay ends the session.
    client.refresh(&seen[0].refresh).await.is(401);
    client.get_as("/auth/me", &seen[3].access).await.is(401);

    seen.push(client.post("/auth/login", credentials(PASSWORD)).await.tokens());
    let last = seen.last().unwrap();
    client.post_as("/auth/logout-all", &last.access, Value::Null).await.is(204);
    client.get_as(&format!("/{}", last.access), &last.access).await.is(404);
    seen
}
