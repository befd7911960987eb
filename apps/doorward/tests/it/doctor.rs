//! What `doorward doctor` finds on its own machine.

use std::fs;

use serde_json::Value;

use crate::catcher::Catcher;
use crate::database::{dump, run_sql};
use crate::deployment::Deployment;
use crate::detour::Detour;
use crate::process::Ended;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_KEY: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

/// What was found about one thing.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) verdict: String,
    pub(crate) seen: String,
    /// Empty if nothing has to be mended.
    pub(crate) mend: String,
}

/// What doctor said, which ended with that code.
pub(crate) async fn examine(deployment: &Deployment, code: i32) -> Vec<(String, Finding)> {
    let ended = deployment.run(&["doctor", "--json"]).await.is(code);
    let found: Value = ended.json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let findings = found["findings"].as_array().unwrap().iter();
    let findings = findings.map(|one| {
        let (verdict, seen, mend) = (text(&one["verdict"]), text(&one["seen"]), text(&one["mend"]));
        assert_eq!(verdict == "wrong", !mend.is_empty(), "{one}");
        (text(&one["what"]), Finding { verdict, seen, mend })
    });
    findings.collect()
}

/// The finding about that, and that it is the only thing wrong.
pub(crate) async fn only_wrong(deployment: &Deployment, what: &str) -> Finding {
    let findings = examine(deployment, 1).await;
    let wrong = findings.into_iter().filter(|(_, finding)| finding.verdict == "wrong");
    let mut wrong: Vec<_> = wrong.collect();
    assert!(wrong.len() == 1 && wrong[0].0 == what, "{wrong:?}");
    wrong.remove(0).1
}

fn of<'a>(findings: &'a [(String, Finding)], what: &str) -> &'a Finding {
    let found = findings.iter().find(|(name, _)| name == what);
    &found.unwrap_or_else(|| panic!("nothing about {what}: {findings:?}")).1
}

/// A deployment whose server has run and was stopped.
async fn used(deployment: Deployment) -> Deployment {
    let server = deployment.serve().await;
    server.client.register("ada@example.com").await;
    server.stop().await;
    deployment
}

#[tokio::test]
async fn in_an_empty_folder_nothing_is_wrong_and_nothing_is_made() {
    let deployment = Deployment::new();
    let text = deployment.run(&["doctor"]).await.is(0);
    assert_eq!(text.stderr, "");
    assert!(text.stdout.contains("fine       settings: right, for development\n"), "{text:?}");
    assert!(text.stdout.contains("not tried  storage: there is no database data/doorward.db yet"));
    let findings = examine(&deployment, 0).await;
    assert_eq!(of(&findings, "public URL").verdict, "not tried");
    assert_eq!(fs::read_dir(deployment.path("")).unwrap().count(), 0);
}

#[tokio::test]
async fn beside_a_server_that_runs_everything_is_fine() {
    let catcher = Catcher::healthy().await;
    for deployment in [Deployment::new(), Deployment::new().with_relay(catcher.port)] {
        let mut server = deployment.serve().await;
        let here = deployment.beside(&mut server).await;
        let findings = examine(&here, 0).await;
        for (what, finding) in &findings {
            assert_eq!(finding.verdict, "fine", "{what}: {finding:?}");
        }
        let names: Vec<_> = findings.iter().map(|(what, _)| what.as_str()).collect();
        let beside = "clock beside the public URL's";
        assert_eq!(
            names,
            [
                "settings",
                "clock",
                "storage",
                "keys",
                "outbox",
                "mail",
                "public URL",
                beside,
                "proxies"
            ]
        );
        assert!(of(&findings, "keys").seen.contains("RS256"));
        assert!(of(&findings, "proxies").seen.contains("0, as server.trusted_proxies says"));
        // The server lost nothing by it.
        server.client.register("ada@example.com").await;
    }
    assert_eq!(catcher.all_taken().len(), 0);
}

#[tokio::test]
async fn a_mail_server_that_cannot_be_used_is_told_with_what_to_mend() {
    let detour = Detour::open().await;
    let port = detour.address.port();
    let finding = only_wrong(&Deployment::new().with_relay(port), "mail").await;
    let told = format!("smtp://127.0.0.1:{port}?tls=none cannot be used: the connection failed");
    assert!(finding.seen.starts_with(&told), "{finding:?}");
    assert!(finding.mend.contains("mail.smtp_url"), "{finding:?}");

    let catcher = Catcher::start(&["--auth", "relay:right"]).await;
    let deployment = Deployment::new()
        .with_relay(catcher.port)
        .with("DOORWARD_MAIL__CREDENTIALS", "env:RELAY")
        .with("RELAY", r#"{"username":"relay","password":"wrong-one"}"#);
    let finding = only_wrong(&deployment, "mail").await;
    assert!(finding.seen.contains("AUTH with 535"), "{finding:?}");
    assert!(finding.mend.contains("mail.credentials"), "{finding:?}");
    assert!(!format!("{finding:?}").contains("wrong-one"), "{finding:?}");
    let right = deployment.with("RELAY", r#"{"username":"relay","password":"right"}"#);
    assert_eq!(of(&examine(&right, 0).await, "mail").verdict, "fine");
}

#[tokio::test]
async fn credentials_that_are_not_there_are_told() {
    let catcher = Catcher::healthy().await;
    let deployment = Deployment::new()
        .with_relay(catcher.port)
        .with("DOORWARD_MAIL__CREDENTIALS", "file:nowhere.json");
    let finding = only_wrong(&deployment, "mail").await;
    assert!(finding.seen.contains("nowhere.json"), "{finding:?}");
    let deployment = Deployment::new()
        .with_relay(catcher.port)
        .with("DOORWARD_MAIL__SMTP_URL", "smtps://127.0.0.1:1")
        .with("DOORWARD_MAIL__SMTP_CA_FILE", "nowhere.pem");
    let finding = only_wrong(&deployment, "mail").await;
    assert!(finding.seen.contains("nowhere.pem cannot be read"), "{finding:?}");
}

#[tokio::test]
async fn a_wrong_data_key_is_told() {
    let right = Deployment::new().with("DOORWARD_DATA_KEY", "env:KEY").with("KEY", KEY);
    let wrong = used(right).await.with("KEY", OTHER_KEY);
    let finding = only_wrong(&wrong, "keys").await;
    assert!(finding.seen.contains("sealed with another data key"), "{finding:?}");
    assert!(finding.mend.contains("data_key"), "{finding:?}");
}

#[tokio::test]
async fn a_database_that_nobody_has_served_yet_is_examined_and_then_served() {
    let generated = Deployment::new();
    let given = Deployment::new().with("DOORWARD_DATA_KEY", "env:KEY").with("KEY", KEY);
    // An operator's shell may have another key than the server.
    let wrong = given.clone().with("KEY", OTHER_KEY);
    for (deployment, examined) in [(&generated, &generated), (&given, &wrong)] {
        deployment.run(&["migrate"]).await.is(0);
        let database = deployment.path("data/doorward.db");
        let before = dump(&database).await;
        assert!(before.contains("CREATE TABLE records"), "{before}");
        let findings = examine(examined, 0).await;
        assert_eq!(of(&findings, "storage").verdict, "fine");
        assert_eq!(of(&findings, "keys").verdict, "not tried");
        assert_eq!(dump(&database).await, before);
        assert!(!deployment.path("data/data.key").exists());
        used(deployment.clone()).await;
    }
}

#[tokio::test]
async fn a_data_key_that_is_missing_is_told_and_none_is_made() {
    let deployment = used(Deployment::new()).await;
    let (key, database) = (deployment.path("data/data.key"), deployment.path("data/doorward.db"));
    fs::remove_file(&key).unwrap();
    // Any of these is enough to miss the key.
    for forgotten in ["", "DELETE FROM records WHERE name != 'key_ring';"] {
        run_sql(&database, forgotten).await;
        let before = dump(&database).await;
        let finding = only_wrong(&deployment, "keys").await;
        assert_eq!(finding.seen, "there is no data/data.key, and the store was sealed with it");
        assert!(finding.mend.contains("put the file back"), "{finding:?}");
        assert!(!key.exists());
        assert_eq!(dump(&database).await, before);
    }
}

#[tokio::test]
async fn default_roles_that_are_not_defined_are_told_and_not_taken_for_keys() {
    let deployment = used(Deployment::new()).await;
    let wrong = deployment.with("DOORWARD_REGISTRATION__DEFAULT_ROLES", "emperor");
    let finding = only_wrong(&wrong, "roles").await;
    let told = "the role emperor in registration.default_roles is not defined";
    assert!(finding.seen.contains(told), "{finding:?}");
    assert!(finding.mend.contains("roles that are defined"), "{finding:?}");
}

#[tokio::test]
async fn a_database_that_does_not_fit_this_release_is_told() {
    let newer = used(Deployment::new()).await;
    run_sql(&newer.path("data/doorward.db"), "PRAGMA user_version = 99;").await;
    let finding = only_wrong(&newer, "storage").await;
    assert!(finding.seen.contains("99; this release knows 4"), "{finding:?}");
    assert!(finding.mend.contains("newer release"), "{finding:?}");

    let older = Deployment::new();
    fs::create_dir(older.path("data")).unwrap();
    let schema =
        include_str!("../../../../backends/storage-sql/src/schema/sqlite/0001_accounts.sql");
    let statements = format!("{schema}\nPRAGMA user_version = 1;");
    run_sql(&older.path("data/doorward.db"), &statements).await;
    let finding = only_wrong(&older, "storage").await;
    assert!(finding.seen.contains("pending steps: mail"), "{finding:?}");
    assert!(finding.mend.contains("doorward migrate"), "{finding:?}");
    older.run(&["migrate", "--check"]).await.is(1);
    older.run(&["migrate"]).await.is(0);
    // Nothing was sealed yet, so no key is missed.
    examine(&older, 0).await;
    assert!(!older.path("data/data.key").exists());
}

#[tokio::test]
async fn a_database_that_is_none_is_told_and_left_alone() {
    let deployment = Deployment::new();
    fs::create_dir(deployment.path("data")).unwrap();
    let database = deployment.path("data/doorward.db");
    let notes = "these are notes, and more of them than a header is long: ".repeat(20);
    fs::write(&database, &notes).unwrap();
    let finding = only_wrong(&deployment, "storage").await;
    assert!(finding.seen.contains("not a database"), "{finding:?}");
    assert_eq!(fs::read_to_string(&database).unwrap(), notes);
}

#[tokio::test]
async fn dead_mails_are_told_with_the_command_that_lists_them() {
    let catcher = Catcher::start(&["--refuse-recipient"]).await;
    let deployment = Deployment::new().with_relay(catcher.port);
    let mut server = deployment.serve().await;
    server.client.register("bounce@example.com").await;
    assert_eq!(deployment.mail_that_failed().await["state"], "dead");
    let here = deployment.beside(&mut server).await;
    let finding = only_wrong(&here, "outbox").await;
    assert_eq!(finding.seen, "1 mail was given up");
    assert!(finding.mend.contains("doorward outbox list"), "{finding:?}");
    assert!(finding.mend.contains("doorward outbox retry --all"), "{finding:?}");
    says_how_many_are_wrong(&here, "one thing is wrong").await;
}

#[tokio::test]
async fn dead_mails_are_wrong_only_while_they_can_be_sent_again_and_all_mails_are_counted() {
    let catcher = Catcher::start(&["--refuse-recipient"]).await;
    let deployment = Deployment::new().with_relay(catcher.port);
    let server = deployment.serve().await;
    for number in 1..=3 {
        server.client.register(&format!("bounce-{number}@example.com")).await;
    }
    deployment.all_mails_fail().await;
    server.stop().await;
    let database = deployment.path("data/doorward.db");
    let expire = async |count: u32| {
        let some = format!("SELECT id FROM mails ORDER BY id LIMIT {count}");
        let statement = format!("UPDATE mails SET expires_at_ms = 0 WHERE id IN ({some});");
        run_sql(&database, &statement).await;
    };

    assert_eq!(only_wrong(&deployment, "outbox").await.seen, "3 mails were given up");
    expire(1).await;
    let one = "1 mail was given up and has expired: the person has to ask again";
    let seen = only_wrong(&deployment, "outbox").await.seen;
    assert_eq!(seen, format!("2 mails were given up; {one}"));
    run_sql(&database, WAIT_BEFORE_ALL_OTHERS).await;
    let seen = only_wrong(&deployment, "outbox").await.seen;
    assert_eq!(seen, format!("2 mails were given up; {one}"));
    run_sql(&database, "DELETE FROM mails WHERE state = 'waiting';").await;
    expire(3).await;
    let all = "3 mails were given up and have expired: the people have to ask again";
    let findings = examine(&deployment, 0).await;
    assert_eq!(of(&findings, "outbox").seen, format!("no mail waits; {all}"));
}

/// Adds more mails than are read at once.
const WAIT_BEFORE_ALL_OTHERS: &str = "
    WITH RECURSIVE numbers(number) AS
        (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 1200)
    INSERT INTO mails
        (id, user_id, template, recipient, sealed_values, created_at_ms, expires_at_ms, state,
         attempts, due_at_ms)
    SELECT substr(id, 1, length(id) - 26) || printf('%026d', number), user_id, template, recipient,
           sealed_values, created_at_ms, expires_at_ms, 'waiting', 0, due_at_ms
      FROM numbers, (SELECT * FROM mails LIMIT 1);";

async fn says_how_many_are_wrong(deployment: &Deployment, words: &str) {
    let Ended { stdout, stderr, .. } = deployment.run(&["doctor"]).await.is(1);
    assert!(stderr.contains(words), "{stderr}");
    assert!(stdout.lines().any(|line| line.starts_with("wrong      ")), "{stdout}");
}

#[tokio::test]
async fn settings_that_are_wrong_are_told_before_anything_is_tried() {
    let deployment = Deployment::new().with("DOORWARD_MAIL__TRANSPORT", "pigeon");
    let refusal = deployment.run(&["doctor"]).await.is(2);
    assert_eq!(refusal.stdout, "");
    assert!(refusal.stderr.contains("mail.transport"), "{refusal:?}");
}

#[tokio::test]
async fn a_server_that_is_examined_keeps_its_keys_and_its_sessions() {
    let deployment = Deployment::new();
    let mut server = deployment.serve().await;
    server.client.register("ada@example.com").await;
    let tokens = server.client.log_in("ada@example.com").await;
    let keys = server.client.published_keys().await;
    // An operator's shell seldom has all that the server was given.
    let here = deployment.beside(&mut server).await.with("DOORWARD_KEYS__ALGORITHM", "ES256");
    let findings = examine(&here, 0).await;
    assert_eq!(of(&findings, "keys").verdict, "fine");
    assert_eq!(server.client.published_keys().await, keys);
    server.client.refresh(&tokens.refresh).await.tokens();
}
