//! Databases of the release before.

use std::fs;

use crate::client::{Client, Tokens};
use crate::database::run_sql;
use crate::deployment::Deployment;

const EMAIL: &str = "ada@example.com";
/// The schema of the release before, which later ones only add to.
const ACCOUNTS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../backends/storage-sql/src/schema/sqlite/0001_accounts.sql"
);

/// What that schema knows of a user.
const USER_COLUMNS: &str = "id, email, email_key, email_verified, username, name, status, \
                            password_hash, session_epoch, version, created_at_ms, last_login_at_ms";

/// Makes `data/old.db` as the release before left it, with what a server has put into
/// `data/doorward.db`. The server is stopped.
async fn leave_an_old_database(deployment: &Deployment) {
    let schema = fs::read_to_string(ACCOUNTS).unwrap();
    let new = deployment.path("data/doorward.db");
    let copied =
        [("users", USER_COLUMNS), ("user_roles", "*"), ("sessions", "*"), ("records", "*")]
            .map(|(table, columns)| {
                format!("INSERT INTO {table} SELECT {columns} FROM new.{table};\n")
            })
            .concat();
    let statements = format!(
        "PRAGMA journal_mode = WAL;\n{schema}\nPRAGMA user_version = 1;\n\
         ATTACH '{}' AS new;\n{copied}",
        new.display()
    );
    run_sql(&deployment.path("data/old.db"), &statements).await;
}

async fn sign_up_and_in(client: &Client) -> Tokens {
    client.register(EMAIL).await;
    client.log_in(EMAIL).await
}

#[tokio::test]
async fn a_server_upgrades_the_database_of_the_release_before_and_nobody_is_signed_out() {
    let deployment = Deployment::with_stable_issuer();
    let server = deployment.serve().await;
    let tokens = sign_up_and_in(&server.client).await;
    let keys = server.client.published_keys().await;
    server.stop().await;
    leave_an_old_database(&deployment).await;

    let deployment = deployment.with("DOORWARD_STORAGE__URL", "sqlite://data/old.db");
    let pending = deployment.run(&["migrate", "--check"]).await.is(1);
    assert_eq!(pending.stdout, "pending: mail, limits, factors\n");
    let server = deployment.serve().await;
    assert_eq!(server.client.published_keys().await, keys);
    assert_eq!(server.client.status_of(&tokens.access).await, 200);
    let next = server.client.refresh(&tokens.refresh).await.tokens();
    server.client.refresh(&next.refresh).await.tokens();
    server.client.log_in(EMAIL).await;
    deployment.run(&["migrate", "--check"]).await.is(0);
}

#[tokio::test]
async fn a_database_that_was_upgraded_by_hand_does_what_a_new_one_does() {
    let deployment = Deployment::with_stable_issuer();
    let server = deployment.serve().await;
    let tokens = sign_up_and_in(&server.client).await;
    server.stop().await;
    leave_an_old_database(&deployment).await;

    let deployment = deployment.with("DOORWARD_STORAGE__URL", "sqlite://data/old.db");
    let done = deployment.run(&["migrate"]).await.is(0);
    assert_eq!(done.stdout, "done: mail, limits, factors\n");
    let server = deployment.serve().await;
    server.client.delete_as("/auth/me", &tokens.access).await.is(204);
    server.client.refresh(&tokens.refresh).await.is(401);
    server.client.try_log_in(EMAIL).await.is(401);
    server.client.register(EMAIL).await;
}
