//! The commands that are not about users or settings.

use serde_json::{Value, json};

use crate::deployment::Deployment;
use crate::process::Ended;

const COMMANDS: [&[&str]; 19] = [
    &[],
    &["serve"],
    &["migrate"],
    &["user"],
    &["user", "create"],
    &["user", "show"],
    &["user", "list"],
    &["user", "set-roles"],
    &["mail"],
    &["mail", "preview"],
    &["outbox"],
    &["outbox", "list"],
    &["outbox", "retry"],
    &["doctor"],
    &["config"],
    &["config", "check"],
    &["config", "show"],
    &["healthcheck"],
    &["openapi"],
];

impl Ended {
    /// What it printed, which is JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// How it ended, which is with that code.
    pub(crate) fn is(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}

#[tokio::test]
async fn the_help_of_every_command_shows_an_example() {
    let deployment = Deployment::new();
    for command in COMMANDS {
        let help = deployment.run(&[command, &["--help"]].concat()).await.is(0);
        let example = format!("doorward {}", command.join(" "));
        let shown = help.stdout.lines().find(|line| line.starts_with("Example: "));
        assert!(shown.is_some_and(|line| line.contains(example.trim())), "{command:?}: {help:?}");
        assert!(!deployment.path("data").exists());
    }
}

#[tokio::test]
async fn wrong_usage_ends_with_2() {
    let deployment = Deployment::new();
    for arguments in [
        &["severe"] as &[&str],
        &["user"],
        &["user", "list", "--limit", "0"],
        &["user", "create"],
        &["mail"],
        &["outbox", "list", "--limit", "1001"],
        &["outbox", "retry"],
        &["outbox", "retry", "mail_1", "--all"],
        &["serve", "--port", "1"],
    ] {
        let refusal = deployment.run(arguments).await.is(2);
        assert_eq!(refusal.stdout, "");
        assert!(refusal.stderr.contains("--help"), "{refusal:?}");
    }
}

#[tokio::test]
async fn migrate_makes_the_schema_once_and_check_says_what_is_pending() {
    let deployment = Deployment::new();
    let pending = deployment.run(&["migrate", "--check"]).await.is(1);
    assert_eq!(pending.stdout, "pending: accounts, mail, limits, factors\n");
    assert!(pending.stderr.contains("run `doorward migrate`"), "{pending:?}");
    let pending = deployment.run(&["migrate", "--check", "--json"]).await.is(1);
    assert_eq!(pending.json(), json!({ "pending": ["accounts", "mail", "limits", "factors"] }));

    let done = deployment.run(&["--json", "migrate"]).await.is(0);
    assert_eq!(done.json(), json!({ "done": ["accounts", "mail", "limits", "factors"] }));
    for arguments in [&["migrate"] as &[&str], &["migrate", "--check"]] {
        let nothing = deployment.run(arguments).await.is(0);
        assert_eq!(nothing.stdout, "The schema is up to date.\n");
    }
    let pending = deployment.run(&["migrate", "--check", "--json"]).await.is(0);
    assert_eq!(pending.json(), json!({ "pending": [] }));
    deployment.serve().await;
}

#[tokio::test]
async fn migrate_of_a_file_that_is_no_database_is_refused_and_changes_nothing() {
    let deployment = Deployment::new().with("DOORWARD_STORAGE__URL", "sqlite://notes.txt");
    let notes = deployment.path("notes.txt");
    let text = "these are notes, and more of them than a header is long: ".repeat(20);
    std::fs::write(&notes, &text).unwrap();
    for arguments in [&["migrate"] as &[&str], &["migrate", "--check"], &["serve"]] {
        let refusal = deployment.run(arguments).await.is(1);
        assert!(refusal.stderr.contains("the database notes.txt cannot be"), "{refusal:?}");
        assert!(refusal.stderr.contains("not a database"), "{refusal:?}");
    }
    assert_eq!(std::fs::read_to_string(&notes).unwrap(), text);
}

#[tokio::test]
async fn a_health_check_succeeds_while_the_server_is_live() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let there = deployment.clone().with("DOORWARD_SERVER__LISTEN", server.address());
    let live = there.run(&["healthcheck"]).await.is(0);
    assert_eq!((live.stdout, live.stderr), (String::new(), String::new()));

    // In a container the server listens on every address.
    let everywhere = server.address().replace("127.0.0.1", "0.0.0.0");
    let container = deployment
        .clone()
        .with("DOORWARD_SERVER__LISTEN", &everywhere)
        .with("DOORWARD_ENVIRONMENT", "development");
    container.run(&["healthcheck"]).await.is(0);

    let address = server.address().to_owned();
    server.process.kill().await;
    let dead = there.run(&["healthcheck"]).await.is(1);
    assert!(dead.stderr.contains(&format!("no live server answers on {address}")), "{dead:?}");
}

#[tokio::test]
async fn a_health_check_does_not_take_something_else_for_the_server() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let deployment = Deployment::new().with("DOORWARD_SERVER__LISTEN", &address);
    let refusal = deployment.run(&["healthcheck"]).await.is(1);
    assert!(refusal.stderr.contains("no live server answers"), "{refusal:?}");
}

#[tokio::test]
async fn the_printed_contract_is_the_served_one() {
    let deployment = Deployment::new();
    let mut printed = deployment.run(&["openapi"]).await.is(0).json();
    assert!(printed["openapi"].as_str().unwrap().starts_with("3.1."));
    let server = deployment.serve().await;
    let mut other = server.client.get("/openapi.json").await.is(200).body;
    assert_eq!(other["servers"][0]["url"], server.url);
    for contract in [&mut printed, &mut other] {
        contract.as_object_mut().unwrap().remove("servers").unwrap();
    }
    assert_eq!(printed, other);
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_failure() {
    let deployment = Deployment::new();
    let program = env!("CARGO_BIN_EXE_doorward");
    let mut command = std::process::Command::new("sh");
    let script = format!("{program} openapi | head -c 1; {program} openapi >&-; true");
    command.args(["-c", &script]).current_dir(deployment.path("")).env_clear();
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    let ended = crate::process::Process::start(&mut command, "").end().await.is(0);
    assert_eq!(ended.stdout, "{");
    assert!(!ended.stderr.contains("panicked"), "{ended:?}");
}
