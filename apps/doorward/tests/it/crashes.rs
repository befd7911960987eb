//! What was acknowledged survives a `kill -9` the instant after.

use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::task::JoinSet;

use crate::client::{Client, PASSWORD};
use crate::store::{Store, on_every_store};
use crate::waiting::{PATIENCE, within};

on_every_store!(
    a_registration_that_was_acknowledged_survives_a_crash_and_none_is_half_there,
    a_refresh_token_that_was_handed_out_survives_a_crash,
);

/// At work at once when the server dies.
const CLIENTS: usize = 8;

async fn a_registration_that_was_acknowledged_survives_a_crash_and_none_is_half_there(
    store: Store,
) {
    let deployment = store.deployment().await.without_limits();
    let server = deployment.serve().await;
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(register_until_it_dies(
            server.client.clone(),
            number,
            Arc::clone(&acknowledged),
        ));
    }
    within(PATIENCE, "people sign up", async || {
        (acknowledged.lock().unwrap().len() >= 2 * CLIENTS).then_some(())
    })
    .await;
    server.process.kill().await;
    let unanswered = clients.join_all().await;

    let server = deployment.serve().await;
    let acknowledged = std::mem::take(&mut *acknowledged.lock().unwrap());
    for email in acknowledged {
        server.client.log_in(&email).await;
    }
    for email in unanswered {
        // Either all of it was kept, or nothing.
        let person = json!({ "email": email, "password": PASSWORD });
        let again = server.client.post("/auth/register", person).await;
        assert!(matches!(again.status, 201 | 409), "{again:?}");
        server.client.log_in(&email).await;
    }
}

async fn a_refresh_token_that_was_handed_out_survives_a_crash(store: Store) {
    let deployment = store.deployment().await.without_limits();
    let server = deployment.serve().await;
    server.client.register("ada@example.com").await;
    let handed_out = Arc::new(Mutex::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let token = server.client.log_in("ada@example.com").await.refresh;
        clients.spawn(refresh_until_it_dies(server.client.clone(), token, Arc::clone(&handed_out)));
    }
    within(PATIENCE, "tokens are refreshed", async || {
        (*handed_out.lock().unwrap() >= 10 * CLIENTS).then_some(())
    })
    .await;
    server.process.kill().await;
    let last_tokens = clients.join_all().await;

    let server = deployment.serve().await;
    for token in last_tokens {
        let next = server.client.refresh(&token).await.tokens();
        server.client.refresh(&next.refresh).await.tokens();
    }
}

/// Returns the address of the registration that was not answered.
async fn register_until_it_dies(
    client: Client,
    number: usize,
    acknowledged: Arc<Mutex<Vec<String>>>,
) -> String {
    let mut count = 0;
    loop {
        let email = format!("person-{number}-{count}@example.com");
        let person = json!({ "email": email, "password": PASSWORD });
        match client.try_post("/auth/register", person).await {
            Ok(answer) => answer.is(201),
            Err(_) => return email,
        };
        acknowledged.lock().unwrap().push(email);
        count += 1;
    }
}

/// Returns the last token that was handed out.
async fn refresh_until_it_dies(
    client: Client,
    mut token: String,
    handed_out: Arc<Mutex<usize>>,
) -> String {
    while let Ok(answer) = client.try_post("/auth/refresh", json!({ "refreshToken": token })).await
    {
        token = answer.tokens().refresh;
        *handed_out.lock().unwrap() += 1;
    }
    token
}
