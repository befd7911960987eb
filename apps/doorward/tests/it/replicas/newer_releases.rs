//! A PostgreSQL that a newer release has upgraded, while this one is still there or comes back.

use crate::deployment::Deployment;
use crate::replicas::database::Database;

const EMAIL: &str = "ada@example.com";

/// A database of this release, and how many steps it has seen.
async fn used() -> (Database, Deployment, u32) {
    let database = Database::create().await;
    let deployment = database.deployment();
    deployment.run(&["migrate"]).await.is(0);
    let seen = database.sql("SELECT max(number) FROM schema_steps").await.parse().unwrap();
    (database, deployment, seen)
}

/// Does to the database what a newer release does that takes such a step.
async fn take_step(database: &Database, number: u32, works_with: u32) {
    let statements = format!(
        "ALTER TABLE users ADD COLUMN newer_{number} text;
         INSERT INTO schema_steps (number, name, works_with)
         VALUES ({number}, 'newer_{number}', {works_with})"
    );
    database.sql(&statements).await;
}

/// Every command that opens the database says why it does not.
async fn is_refused(deployment: &Deployment) {
    for arguments in [&["serve"][..], &["migrate"], &["migrate", "--check"]] {
        let refusal = deployment.run(arguments).await.is(1);
        assert_eq!(refusal.stdout, "", "{refusal:?}");
        assert!(refusal.stderr.contains("this release knows"), "{refusal:?}");
    }
}

#[tokio::test]
async fn a_server_goes_on_and_starts_again_beside_a_newer_one_that_says_it_may() {
    let (database, deployment, seen) = used().await;
    let server = deployment.serve().await;
    server.client.register(EMAIL).await;
    take_step(&database, seen + 1, seen).await;
    take_step(&database, seen + 2, seen).await;
    let tokens = server.client.log_in(EMAIL).await;
    server.stop().await;

    deployment.run(&["migrate", "--check"]).await.is(0);
    deployment.run(&["migrate"]).await.is(0);
    let server = deployment.serve().await;
    assert_eq!(server.client.status_of(&tokens.access).await, 200);
    server.client.refresh(&tokens.refresh).await.tokens();
    server.client.register("grace@example.com").await;
}

#[tokio::test]
async fn a_server_refuses_a_newer_database_that_says_it_may_not() {
    let (database, deployment, seen) = used().await;
    take_step(&database, seen + 1, seen).await;
    take_step(&database, seen + 2, seen + 1).await;
    is_refused(&deployment).await;
}

#[tokio::test]
async fn a_server_refuses_a_newer_database_with_a_step_that_nobody_recorded() {
    let (database, deployment, seen) = used().await;
    take_step(&database, seen + 2, seen).await;
    is_refused(&deployment).await;
}
