//! Sessions when servers are told to keep them elsewhere, as `docs/operating/storage.md` has it.

use crate::client::Tokens;
use crate::deployment::{Deployment, Server};
use crate::replicas::database::Database;
use crate::store::{unique_name, variable};

const EMAIL: &str = "ada@example.com";

/// Two servers at a time, that are stopped and started again with another setting.
struct Moving {
    deployment: Deployment,
    database: Database,
}

impl Moving {
    async fn new() -> Self {
        let database = Database::create().await;
        let deployment = database
            .deployment()
            .without_limits()
            .with("DOORWARD_EPHEMERAL__URL", &variable("TEST_REDIS_URL"))
            .with("DOORWARD_EPHEMERAL__KEY_PREFIX", &format!("{}:", unique_name()));
        Self { deployment, database }
    }

    async fn serve_with_sessions_in_redis(&self) -> [Server; 2] {
        let deployment = self.deployment.clone().with("DOORWARD_EPHEMERAL__SESSIONS", "true");
        tokio::join!(deployment.serve(), deployment.serve()).into()
    }

    async fn serve_with_sessions_in_the_database(&self) -> [Server; 2] {
        tokio::join!(self.deployment.serve(), self.deployment.serve()).into()
    }

    /// No session was ended, and verifiers were told of none.
    async fn has_ended_nobody(&self) {
        let ended = "SELECT count(*) FROM sessions WHERE ended_at_ms IS NOT NULL";
        assert_eq!(self.database.sql(ended).await, "0");
        assert_eq!(self.database.sql("SELECT count(*) FROM revocations").await, "0");
    }
}

/// Tokens of one session, the newest last, and of one that has just begun.
async fn sign_in([here, there]: &[Server; 2]) -> Vec<Tokens> {
    let first = here.client.log_in(EMAIL).await;
    let second = there.client.refresh(&first.refresh).await.tokens();
    let third = here.client.refresh(&second.refresh).await.tokens();
    vec![first, second, third, there.client.log_in(EMAIL).await]
}

/// What is said of a refresh token and of an access token.
struct Refusals {
    refresh: &'static str,
    access: &'static str,
}

/// None of the tokens is good for anything at any server.
async fn are_signed_out(servers: &[Server; 2], tokens: &[Tokens], why: Refusals) {
    for server in servers {
        for one in tokens {
            let refused = server.client.refresh(&one.refresh).await.is(401);
            assert_eq!(refused.code(), why.refresh);
            let refused = server.client.get_as("/auth/me", &one.access).await.is(401);
            assert_eq!(refused.code(), why.access);
        }
    }
}

/// Whoever signs in anew has one session, and it goes on at every server.
async fn goes_on(servers: &[Server; 2]) {
    let [here, there] = servers;
    let tokens = here.client.log_in(EMAIL).await;
    let listed = there.client.get_as("/auth/sessions", &tokens.access).await.is(200);
    assert_eq!(listed.body["items"].as_array().map(Vec::len), Some(1), "{listed:?}");
    let next = there.client.refresh(&tokens.refresh).await.tokens();
    here.client.refresh(&next.refresh).await.tokens();
}

async fn stop(servers: [Server; 2]) {
    for server in servers {
        server.stop().await;
    }
}

#[tokio::test]
async fn when_sessions_leave_redis_their_tokens_have_expired_and_nobody_is_ended_as_a_replay() {
    let moving = Moving::new().await;
    let servers = moving.serve_with_sessions_in_redis().await;
    servers[0].client.register(EMAIL).await;
    let tokens = sign_in(&servers).await;
    stop(servers).await;

    let servers = moving.serve_with_sessions_in_the_database().await;
    let expired = Refusals { refresh: "token_expired", access: "token_expired" };
    are_signed_out(&servers, &tokens, expired).await;
    moving.has_ended_nobody().await;
    goes_on(&servers).await;
    stop(servers).await;
}

#[tokio::test]
async fn when_sessions_move_to_redis_their_tokens_are_unknown_and_nobody_is_ended_as_a_replay() {
    let moving = Moving::new().await;
    let servers = moving.serve_with_sessions_in_the_database().await;
    servers[0].client.register(EMAIL).await;
    let tokens = sign_in(&servers).await;
    stop(servers).await;

    let servers = moving.serve_with_sessions_in_redis().await;
    let unknown = Refusals { refresh: "invalid_token", access: "session_revoked" };
    are_signed_out(&servers, &tokens, unknown).await;
    moving.has_ended_nobody().await;
    goes_on(&servers).await;
    stop(servers).await;
}
