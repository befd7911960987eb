//! The main store in trouble.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::rig::Rig;
use super::series::Series;
use super::watch::Watch;
use super::{
    EMAIL, Trouble, in_time, is_alive_but_not_ready, is_ready_soon_after, is_unavailable,
    succeeds_soon_after,
};
use crate::client::{PASSWORD, Tokens};
use crate::deployment::Server;
use crate::store::{Store, on_store};

macro_rules! on_every_server {
    ($($case:ident),+ $(,)?) => {
        on_store!(postgres, Postgres, $($case),+);
        on_store!(mongodb, Mongodb, $($case),+);
        on_store!(dynamodb, Dynamodb, $($case),+);
    };
}

on_every_server!(
    a_store_that_dies_is_told_to_everybody_at_once_until_it_is_back,
    a_store_that_is_cut_off_is_told_to_everybody_at_once_until_it_is_back,
    a_store_that_hangs_is_told_to_everybody_at_once_until_it_goes_on,
    with_a_slow_store_everything_works,
    short_cuts_in_a_series_of_refreshes_end_no_session,
);

async fn a_store_that_dies_is_told_to_everybody_at_once_until_it_is_back(store: Store) {
    is_told_until_it_is_over(store, Trouble::Dies).await;
}

async fn a_store_that_is_cut_off_is_told_to_everybody_at_once_until_it_is_back(store: Store) {
    is_told_until_it_is_over(store, Trouble::IsCutOff).await;
}

async fn a_store_that_hangs_is_told_to_everybody_at_once_until_it_goes_on(store: Store) {
    is_told_until_it_is_over(store, Trouble::Hangs).await;
}

async fn is_told_until_it_is_over(store: Store, trouble: Trouble) {
    let rig = Rig::of_store(store).await;
    let server = rig.deployment().await.serve().await;
    server.client.register(EMAIL).await;
    let tokens = server.client.log_in(EMAIL).await;
    let watch = Watch::begin(&server.client, &tokens.access);

    rig.begin(trouble).await;
    // First with the connections from before, then with none.
    for name in ["first", "second"] {
        is_told(&server, &tokens, &format!("{name}@example.com")).await;
        is_alive_but_not_ready(&server.client).await;
    }

    let back_at = rig.end(trouble).await;
    let (refreshed, ()) = tokio::join!(
        succeeds_soon_after(back_at, "a refresh", async || {
            server.client.refresh(&tokens.refresh).await
        }),
        is_ready_soon_after(&server.client, back_at),
    );
    let tokens = refreshed.tokens();
    server.client.get_as("/auth/me", &tokens.access).await.is(200);
    server.client.log_in(EMAIL).await;
    server.client.register("third@example.com").await;
    server.client.refresh(&tokens.refresh).await.tokens();
    watch.end().await;
    server.stop().await;
}

/// Whatever needs the store says at once that it is not there.
async fn is_told(server: &Server, tokens: &Tokens, new: &str) {
    let client = &server.client;
    let person = |email: &str| json!({ "email": email, "password": PASSWORD });
    tokio::join!(
        is_unavailable("/auth/login", client.post("/auth/login", person(EMAIL))),
        is_unavailable("/auth/refresh", client.refresh(&tokens.refresh)),
        is_unavailable("/auth/register", client.post("/auth/register", person(new))),
        is_unavailable("/auth/me", client.get_as("/auth/me", &tokens.access)),
    );
}

async fn with_a_slow_store_everything_works(store: Store) {
    const DELAY: Duration = Duration::from_millis(100);
    let rig = Rig::of_store(store).await;
    let server = rig.deployment().await.serve().await;
    rig.delay(DELAY);
    let client = &server.client;
    // Connections are made meanwhile, too.
    for email in [EMAIL, "grace@example.com"] {
        client.register(email).await;
        let tokens = client.log_in(email).await;
        let tokens = in_time("a refresh", client.refresh(&tokens.refresh)).await.tokens();
        in_time("/auth/me", client.get_as("/auth/me", &tokens.access)).await.is(200);
        in_time("/readyz", client.get("/readyz")).await.is(200);
        let session = json!({ "refreshToken": tokens.refresh });
        client.post("/auth/logout", session).await.is(204);
        client.refresh(&tokens.refresh).await.is(401);
    }
    server.stop().await;
}

async fn short_cuts_in_a_series_of_refreshes_end_no_session(store: Store) {
    const SESSIONS: usize = 4;
    let rig = Rig::of_store(store).await;
    let server = rig.deployment().await.without_limits().serve().await;
    server.client.register(EMAIL).await;
    let series = Series::begin(&server.client, SESSIONS).await;
    for cut in 0..5 {
        series.succeeds(4 * SESSIONS).await;
        rig.begin(Trouble::IsCutOff).await;
        sleep(Duration::from_millis(50 * cut)).await;
        rig.end(Trouble::IsCutOff).await;
    }
    series.succeeds(4 * SESSIONS).await;
    for token in series.end().await {
        let next = server.client.refresh(&token).await.tokens();
        server.client.refresh(&next.refresh).await.tokens();
    }
    server.stop().await;
}
