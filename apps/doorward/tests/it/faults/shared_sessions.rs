//! Redis in trouble while it keeps what refreshes move.

use serde_json::{Value, json};

use super::rig::Rig;
use super::watch::Watch;
use super::{
    EMAIL, Trouble, in_time, is_alive_but_not_ready, is_ready_soon_after, is_unavailable,
    succeeds_soon_after,
};
use crate::client::{PASSWORD, Tokens};
use crate::deployment::Server;
use crate::mails::Mailbox;
use crate::store::Store;

const OTHER_PASSWORD: &str = "another horse battery";
const ENDED: &str = "session_revoked";

#[tokio::test]
async fn while_redis_is_cut_off_no_session_goes_on_and_afterwards_every_one_does() {
    sessions_go_on_after(Trouble::IsCutOff).await;
}

#[tokio::test]
async fn while_redis_hangs_no_session_goes_on_and_afterwards_every_one_does() {
    sessions_go_on_after(Trouble::Hangs).await;
}

async fn sessions_go_on_after(trouble: Trouble) {
    let rig = Rig::of_redis().await;
    let server = serve(&rig).await;
    server.client.register(EMAIL).await;
    let tokens = server.client.log_in(EMAIL).await;
    let watch = Watch::begin(&server.client, &tokens.access);

    rig.begin(trouble).await;
    for _ in 0..2 {
        Box::pin(is_told(&server, &tokens)).await;
    }

    let back_at = rig.end(trouble).await;
    let (refreshed, ()) = tokio::join!(
        succeeds_soon_after(back_at, "a refresh", async || {
            server.client.refresh(&tokens.refresh).await
        }),
        is_ready_soon_after(&server.client, back_at),
    );
    watch.end().await;
    server.client.refresh(&refreshed.tokens().refresh).await.tokens();
    server.client.log_in(EMAIL).await;
    server.stop().await;
}

#[tokio::test]
async fn a_redis_that_has_died_and_is_empty_has_everybody_sign_in_again() {
    let rig = Rig::of_redis().await;
    let server = serve(&rig).await;
    server.client.register(EMAIL).await;
    let lost = server.client.log_in(EMAIL).await;

    rig.begin(Trouble::Dies).await;
    Box::pin(is_told(&server, &lost)).await;

    let back_at = rig.end(Trouble::Dies).await;
    let (tokens, ()) = tokio::join!(
        succeeds_soon_after(back_at, "a sign-in", async || server.client.try_log_in(EMAIL).await),
        is_ready_soon_after(&server.client, back_at),
    );
    server.client.refresh(&tokens.tokens().refresh).await.tokens();
    server.client.refresh(&lost.refresh).await.is(401);
    assert_eq!(server.client.status_of(&lost.access).await, 401);
    server.stop().await;
}

#[tokio::test]
async fn a_session_that_the_main_store_ended_while_redis_was_away_stays_ended() {
    let rig = Rig::of_redis().await;
    let mut server = serve(&rig).await;
    let mailbox = Mailbox::of(&mut server).await;
    let client = &server.client;
    client.register(EMAIL).await;
    let tokens = client.log_in(EMAIL).await;
    client.post("/auth/password/forgot", json!({ "email": EMAIL })).await.is(202);
    let mail = mailbox.mail(EMAIL, "Reset your password").await;

    rig.begin(Trouble::IsCutOff).await;
    // What the main store alone decides goes on.
    let reset = json!({ "token": mail.token(), "newPassword": OTHER_PASSWORD });
    in_time("a reset", client.post("/auth/password/reset", reset)).await.is(204);
    is_unavailable("/auth/refresh", client.refresh(&tokens.refresh)).await;

    let back_at = rig.end(Trouble::IsCutOff).await;
    is_ready_soon_after(client, back_at).await;
    assert_eq!(client.refresh(&tokens.refresh).await.is(401).code(), ENDED);
    assert_eq!(client.get_as("/auth/me", &tokens.access).await.is(401).code(), ENDED);
    client.try_log_in_with(EMAIL, OTHER_PASSWORD).await.tokens();
}

#[tokio::test]
async fn whoever_leaves_while_redis_hangs_is_told_to_try_again_and_then_has_left() {
    let rig = Rig::of_redis().await;
    let server = serve(&rig).await;
    let client = &server.client;
    client.register(EMAIL).await;
    let (one, all) = (client.log_in(EMAIL).await, client.log_in(EMAIL).await);
    let session = json!({ "refreshToken": one.refresh });

    rig.begin(Trouble::Hangs).await;
    is_unavailable("/auth/logout", client.post("/auth/logout", session.clone())).await;
    let everywhere = client.post_as("/auth/logout-all", &all.access, Value::Null);
    is_unavailable("/auth/logout-all", everywhere).await;

    let back_at = rig.end(Trouble::Hangs).await;
    is_ready_soon_after(client, back_at).await;
    client.post("/auth/logout", session).await.is(204);
    assert_eq!(client.refresh(&one.refresh).await.is(401).code(), ENDED);
    let all = client.refresh(&all.refresh).await.tokens();
    client.post_as("/auth/logout-all", &all.access, Value::Null).await.is(204);
    assert_eq!(client.refresh(&all.refresh).await.is(401).code(), ENDED);
}

/// A server that keeps what refreshes move in that Redis.
async fn serve(rig: &Rig) -> Server {
    let deployment = Store::Postgres.deployment().await;
    deployment
        .with("DOORWARD_EPHEMERAL__URL", &format!("redis://{}", rig.address()))
        .with("DOORWARD_EPHEMERAL__SESSIONS", "true")
        .serve()
        .await
}

/// Whoever needs a session is told at once that there is none now.
async fn is_told(server: &Server, tokens: &Tokens) {
    let client = &server.client;
    let person = json!({ "email": EMAIL, "password": PASSWORD });
    tokio::join!(
        is_unavailable("/auth/login", client.post("/auth/login", person)),
        is_unavailable("/auth/refresh", client.refresh(&tokens.refresh)),
        is_unavailable("/auth/me", client.get_as("/auth/me", &tokens.access)),
        is_alive_but_not_ready(client),
    );
}
