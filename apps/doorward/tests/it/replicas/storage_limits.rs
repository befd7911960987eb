//! Limits that servers share in their database, without any Redis.

use serde_json::json;
use tokio::task::JoinSet;

use crate::client::{Client, PASSWORD};
use crate::deployment::Server;
use crate::replicas::database::Database;

const EMAIL: &str = "ada@example.com";

/// Two servers that share a database, and nothing else.
struct Pair {
    servers: [Server; 2],
    _database: Database,
}

impl Pair {
    async fn start() -> Self {
        let database = Database::create().await;
        let deployment = database
            .deployment()
            .without_limits()
            .with("DOORWARD_LIMITS__LOGIN", "5/15m")
            .with("DOORWARD_EPHEMERAL__URL", "storage://");
        let (here, there) = tokio::join!(deployment.serve(), deployment.serve());
        here.client.register(EMAIL).await;
        Self { servers: [here, there], _database: database }
    }

    /// One server after the other, again and again.
    fn clients(&self) -> impl Iterator<Item = &Client> {
        self.servers.iter().map(|server| &server.client).cycle()
    }
}

async fn guess(client: &Client) -> u16 {
    client.try_log_in_with(EMAIL, "a wrong password").await.status
}

#[tokio::test]
async fn wrong_passwords_are_counted_over_all_servers_that_share_a_database() {
    let pair = Pair::start().await;
    for client in pair.clients().take(5) {
        assert_eq!(guess(client).await, 401);
    }
    for client in pair.clients().take(4) {
        assert_eq!(guess(client).await, 429);
        let refused = client.try_log_in_with(EMAIL, PASSWORD).await.is(429);
        assert_eq!(refused.code(), "rate_limited");
    }
    // Others have theirs.
    let [here, there] = &pair.servers;
    let grace = json!({ "email": "grace@example.com", "password": PASSWORD });
    here.client.post("/auth/register", grace).await.is(201);
    there.client.log_in("grace@example.com").await;
}

#[tokio::test]
async fn of_many_wrong_passwords_at_once_exactly_as_many_are_tried_as_the_shared_limit_says() {
    let pair = Pair::start().await;
    let mut guesses = JoinSet::new();
    for client in pair.clients().take(30) {
        let client = client.clone();
        guesses.spawn(async move { guess(&client).await });
    }
    let statuses = guesses.join_all().await;
    let count = |status| statuses.iter().filter(|one| **one == status).count();
    assert_eq!((count(401), count(429)), (5, 25), "{statuses:?}");
}
