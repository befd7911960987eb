//! The schema of a PostgreSQL that several processes find empty, or as the release before left it.

use crate::deployment::Deployment;
use crate::process::Ended;
use crate::replicas::database::Database;

const EMAIL: &str = "ada@example.com";

const UNDO_THE_LAST_STEP: &str = "
    DROP TABLE pending_sign_ins, trusted_devices;
    ALTER TABLE users
        DROP COLUMN totp_sealed_secret, DROP COLUMN totp_begun_at_ms,
        DROP COLUMN totp_enabled_at_ms, DROP COLUMN totp_last_step, DROP COLUMN totp_backup_codes;
    DELETE FROM schema_steps WHERE name = 'factors'";

/// The steps that `migrate --json` names under that word.
fn steps(ended: &Ended, word: &str) -> Vec<String> {
    let steps = &ended.json()[word];
    let steps = steps.as_array().unwrap_or_else(|| panic!("{ended:?}")).iter();
    steps.map(|step| step.as_str().unwrap().to_owned()).collect()
}

async fn pending(deployment: &Deployment, code: i32) -> Vec<String> {
    let ended = deployment.run(&["migrate", "--check", "--json"]).await.is(code);
    steps(&ended, "pending")
}

#[tokio::test]
async fn processes_that_migrate_at_once_take_each_step_once() {
    let database = Database::create().await;
    let deployment = database.deployment();
    let all = pending(&deployment, 1).await;
    assert!(!all.is_empty());
    let tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'";
    assert_eq!(database.sql(tables).await, "0", "to check changes nothing");

    let migrating = [(); 8].map(|()| deployment.start(&["migrate", "--json"], ""));
    let mut taken = Vec::new();
    for process in migrating {
        taken.extend(steps(&process.end().await.is(0), "done"));
    }
    taken.sort_by_key(|step| all.iter().position(|one| one == step));
    assert_eq!(taken, all);
    let kept = database.sql("SELECT name FROM schema_steps ORDER BY number").await;
    assert_eq!(kept.lines().collect::<Vec<_>>(), all);

    assert_eq!(pending(&deployment, 0).await, [""; 0]);
    let again = deployment.run(&["migrate", "--json"]).await.is(0);
    assert_eq!(steps(&again, "done"), [""; 0]);
}

#[tokio::test]
async fn a_server_upgrades_the_database_of_the_release_before_and_nobody_is_signed_out() {
    let database = Database::create().await;
    let deployment = database.deployment();
    let server = deployment.serve().await;
    server.client.register(EMAIL).await;
    let tokens = server.client.log_in(EMAIL).await;
    let keys = server.client.published_keys().await;
    server.stop().await;
    // The release before did not know the last step.
    database.sql(UNDO_THE_LAST_STEP).await;

    assert_eq!(pending(&deployment, 1).await, ["factors"]);
    let server = deployment.serve().await;
    assert_eq!(pending(&deployment, 0).await, [""; 0]);
    assert_eq!(server.client.published_keys().await, keys);
    assert_eq!(server.client.status_of(&tokens.access).await, 200);
    server.client.refresh(&tokens.refresh).await.tokens();
    server.client.log_in(EMAIL).await;
}
