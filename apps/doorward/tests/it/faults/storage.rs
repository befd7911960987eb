//! The main store in trouble.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
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

/// In each direction, so that an answer takes a tenth of a second.
const SLOW: Duration = Duration::from_millis(50);

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
    a_crowd_that_comes_at_once_to_a_slow_store_is_served,
    a_registration_succeeds_though_the_store_takes_a_while_for_each_answer,
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
        Box::pin(is_told(&server, &tokens, &format!("{name}@example.com"))).await;
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
        is_alive_but_not_ready(client),
    );
}

async fn with_a_slow_store_everything_works(store: Store) {
    let rig = Rig::of_store(store).await;
    let server = rig.deployment().await.serve().await;
    rig.delay(SLOW);
    let client = &server.client;
    let person = json!({ "email": EMAIL, "password": PASSWORD });
    let register = client.post("/auth/register", person.clone());
    in_time("/auth/register", register).await.is(201);
    let tokens = in_time("/auth/login", client.post("/auth/login", person)).await.tokens();
    let tokens = in_time("/auth/refresh", client.refresh(&tokens.refresh)).await.tokens();
    in_time("/auth/me", client.get_as("/auth/me", &tokens.access)).await.is(200);
    in_time("/readyz", client.get("/readyz")).await.is(200);
    let session = json!({ "refreshToken": tokens.refresh });
    in_time("/auth/logout", client.post("/auth/logout", session)).await.is(204);
    in_time("/auth/refresh", client.refresh(&tokens.refresh)).await.is(401);
    server.stop().await;
}

async fn a_registration_succeeds_though_the_store_takes_a_while_for_each_answer(store: Store) {
    let rig = Rig::of_store(store).await;
    let server = rig.deployment().await.serve().await;
    rig.delay(Duration::from_millis(90));
    let person = json!({ "email": EMAIL, "password": PASSWORD });
    in_time("/auth/register", server.client.post("/auth/register", person)).await.is(201);
    server.stop().await;
}

async fn a_crowd_that_comes_at_once_to_a_slow_store_is_served(store: Store) {
    const PEOPLE: usize = 32;
    let rig = Rig::of_store(store).await;
    let server = rig.deployment().await.serve().await;
    server.client.register(EMAIL).await;
    let token = server.client.log_in(EMAIL).await.access;
    rig.delay(SLOW);
    let mut crowd = JoinSet::new();
    for _ in 0..PEOPLE {
        let (client, token) = (server.client.clone(), token.clone());
        crowd.spawn(async move { in_time("/auth/me", client.get_as("/auth/me", &token)).await });
    }
    let answers = crowd.join_all().await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200; PEOPLE]);
    server.stop().await;
}

async fn short_cuts_in_a_series_of_refreshes_end_no_session(store: Store) {
    const SESSIONS: usize = 4;
    let rig = Rig::of_store(store).await;
    let server = rig.deployment().await.without_limits().serve().await;
    server.client.register(EMAIL).await;
    let series = Series::begin(&server.client, SESSIONS).await;
    for cut in 0..4 {
        series.succeeds(4 * SESSIONS).await;
        rig.begin(Trouble::IsCutOff).await;
        sleep(Duration::from_millis(60 * cut)).await;
        rig.end(Trouble::IsCutOff).await;
    }
    series.succeeds(4 * SESSIONS).await;
    for token in series.end().await {
        let next = server.client.refresh(&token).await.tokens();
        server.client.refresh(&next.refresh).await.tokens();
    }
    server.stop().await;
}
