//! A person's way through the server and a service that trusts its tokens.

use std::net::{Ipv4Addr, TcpListener, TcpStream};

use serde_json::{Value, json};

use crate::chatbot::Chatbot;
use crate::client::{PASSWORD, Tokens};
use crate::deployment::{Deployment, Server};
use crate::store::{Store, on_every_store};
use crate::waiting::{PATIENCE, within};

const EMAIL: &str = "ada@example.com";

on_every_store!(
    a_person_signs_up_in_and_out_and_a_service_follows,
    signing_out_everywhere_ends_every_session_at_every_service_and_no_other_persons,
);

async fn a_person_signs_up_in_and_out_and_a_service_follows(store: Store) {
    let deployment = store.deployment().await;
    let server = deployment.serve().await;
    let chatbot = Chatbot::start(&server.url).await;

    let person = json!({ "email": EMAIL, "password": PASSWORD, "name": "Ada Lovelace" });
    let registered = server.client.post("/auth/register", person).await.is(201);
    assert_eq!(registered.body["user"]["email"], EMAIL);
    assert_eq!(registered.headers["location"], format!("{}/auth/me", server.url));

    let first = server.client.log_in(EMAIL).await;
    let me = server.client.get_as("/auth/me", &first.access).await.is(200);
    assert_eq!(me.body["name"], "Ada Lovelace");
    let greeting = json!({ "response": "Hello, Ada Lovelace! You said: hi" });
    assert_eq!(chatbot.greet(&first.access).await.is(200).body, greeting);

    let second = server.client.refresh(&first.refresh).await.tokens();
    assert_ne!((&first.access, &first.refresh), (&second.access, &second.refresh));
    assert_eq!(chatbot.greet(&second.access).await.is(200).body, greeting);

    log_out(&server, &second).await;
    for tokens in [&first, &second] {
        chatbot.forgets(&tokens.access).await;
        assert_eq!(server.client.get_as("/auth/me", &tokens.access).await.is(401).code(), ENDED);
        assert_eq!(server.client.refresh(&tokens.refresh).await.is(401).code(), ENDED);
    }
}

async fn signing_out_everywhere_ends_every_session_at_every_service_and_no_other_persons(
    store: Store,
) {
    let deployment = store.deployment().await;
    let server = deployment.serve().await;
    let chatbot = Chatbot::start(&server.url).await;
    server.client.register(EMAIL).await;
    server.client.register("grace@example.com").await;
    let sessions = [server.client.log_in(EMAIL).await, server.client.log_in(EMAIL).await];
    let other = server.client.log_in("grace@example.com").await;
    for tokens in sessions.iter().chain([&other]) {
        chatbot.greet(&tokens.access).await.is(200);
    }

    server.client.post_as("/auth/logout-all", &sessions[0].access, Value::Null).await.is(204);
    for tokens in &sessions {
        assert_eq!(server.client.refresh(&tokens.refresh).await.is(401).code(), ENDED);
        chatbot.forgets(&tokens.access).await;
    }
    chatbot.greet(&other.access).await.is(200);
    // Whoever signs in anew is not taken for the one who left.
    let again = server.client.log_in(EMAIL).await;
    chatbot.greet(&again.access).await.is(200);
}

#[tokio::test]
async fn a_service_refuses_whoever_has_no_token_of_its_issuer() {
    let (ours, theirs) = (Deployment::new(), Deployment::new());
    let (server, other) = (ours.serve().await, theirs.serve().await);
    let chatbot = Chatbot::start(&server.url).await;

    let nobody = chatbot.greet_as_stranger().await.is(401);
    assert_eq!(nobody.headers["www-authenticate"], r#"Bearer realm="api""#);
    assert_eq!(nobody.code(), "invalid_token");

    other.client.register(EMAIL).await;
    let foreign = other.client.log_in(EMAIL).await;
    server.client.register(EMAIL).await;
    let good = server.client.log_in(EMAIL).await;
    for token in ["garbage", "a.b.c", &good.refresh, &foreign.access, &foreign.refresh] {
        let refusal = chatbot.greet(token).await.is(401);
        let challenge = refusal.headers["www-authenticate"].to_str().unwrap();
        assert!(challenge.contains(r#"error="invalid_token""#), "{challenge}");
    }
    assert_eq!(server.client.status_of(&foreign.access).await, 401);
    chatbot.greet(&good.access).await.is(200);
}

#[tokio::test]
async fn a_service_that_is_up_before_its_issuer_works_once_that_is_up() {
    let address = reserve_address();
    let deployment = Deployment::new().with("DOORWARD_SERVER__LISTEN", &address);
    let chatbot = Chatbot::start(&format!("http://{address}")).await;
    let stranger = Deployment::new();
    let stranger = stranger.serve().await;
    stranger.client.register(EMAIL).await;
    let foreign = stranger.client.log_in(EMAIL).await.access;
    // Nobody can say whether it is good, so it is not called bad.
    assert_eq!(chatbot.greet(&foreign).await.is(503).code(), "dependency_unavailable");

    let server = deployment.serve().await;
    server.client.register(EMAIL).await;
    let tokens = server.client.log_in(EMAIL).await;
    within(PATIENCE, "the service finds the keys", async || {
        let answer = chatbot.greet(&tokens.access).await;
        assert!(matches!(answer.status, 200 | 503), "{answer:?}");
        (answer.status == 200).then_some(())
    })
    .await;
    chatbot.greet(&foreign).await.is(401);
}

const ENDED: &str = "session_revoked";

async fn log_out(server: &Server, tokens: &Tokens) {
    let session = json!({ "refreshToken": tokens.refresh });
    server.client.post("/auth/logout", session.clone()).await.is(204);
    server.client.post("/auth/logout", session).await.is(204);
}

/// An address that is free for a server of ours, and that the system gives to nobody else for a
/// minute: it ended a connection there.
fn reserve_address() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let client = TcpStream::connect(address).unwrap();
    // The side that closes first keeps the port (TIME-WAIT, RFC 9293 §3.6.1).
    drop(listener.accept().unwrap());
    drop(client);
    address.to_string()
}
