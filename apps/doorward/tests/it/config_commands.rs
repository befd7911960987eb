//! What an operator learns about the settings before anything is started.

use serde_json::{Value, json};

use crate::deployment::Deployment;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn setting(shown: &Value, path: &str) -> Value {
    let settings = shown["settings"].as_array().unwrap();
    settings.iter().find(|setting| setting["setting"] == path).unwrap().clone()
}

#[tokio::test]
async fn right_settings_are_called_right_and_nothing_is_made() {
    let deployment = Deployment::new();
    let text = deployment.run(&["config", "check"]).await.is(0);
    assert_eq!((text.stdout.as_str(), text.stderr.as_str()), ("The settings are right.\n", ""));
    let json = deployment.run(&["config", "check", "--json"]).await.is(0).json();
    assert_eq!(json, json!({ "ok": true, "warnings": [] }));
    assert!(!deployment.path("data").exists());
}

#[tokio::test]
async fn all_mistakes_are_told_at_once_with_their_source_and_what_would_be_right() {
    let deployment = Deployment::new()
        .with("DOORWARD_KEYS__ALGORITHM", "none")
        .with("DOORWARD_TOKENS__ACCESS_TTL", "1s")
        .with("DOORWARD_SERVER__LISEN", "127.0.0.1:1")
        .with("LOG_LEVEL", "loud");
    let file = "[password]\ncharacters_min = 3\n";
    std::fs::write(deployment.path("doorward.toml"), file).unwrap();
    for arguments in [
        ["--config", "doorward.toml", "config", "check"],
        ["--config", "doorward.toml", "config", "show"],
        ["config", "check", "--config", "doorward.toml"],
        ["serve", "--json", "--config", "doorward.toml"],
    ] {
        let refusal = deployment.run(&arguments).await.is(2);
        assert_eq!(refusal.stdout, "");
        for told in [
            "there are 5 mistakes",
            "keys.algorithm (environment DOORWARD_KEYS__ALGORITHM): \"none\" is not known; write",
            "tokens.access_ttl (environment DOORWARD_TOKENS__ACCESS_TTL)",
            "did you mean DOORWARD_SERVER__LISTEN?",
            "log.level (implied by LOG_LEVEL): \"loud\" is not known",
            "password.characters_min (file doorward.toml, line 2)",
        ] {
            assert!(refusal.stderr.contains(told), "{told}: {}", refusal.stderr);
        }
    }
    assert!(!deployment.path("data").exists());
}

#[tokio::test]
async fn a_settings_file_that_is_missing_is_a_mistake() {
    let deployment = Deployment::new();
    let refusal = deployment.run(&["config", "check", "--config", "missing.toml"]).await.is(2);
    assert!(refusal.stderr.contains("missing.toml"), "{refusal:?}");
    let named = deployment.with("DOORWARD_CONFIG", "missing.toml");
    named.run(&["serve"]).await.is(2);
}

#[tokio::test]
async fn settings_are_shown_with_their_source_and_without_secrets() {
    let deployment = Deployment::new()
        .with("DOORWARD_KEYS__ALGORITHM", "HS256")
        .with("DOORWARD_KEYS__SHARED_SECRET", SECRET)
        .with("DOORWARD_DATA_KEY", "env:KEY")
        .with("KEY", SECRET)
        .with("LOG_LEVEL", "DEBUG");
    let file = "[tokens]\naccess_ttl = \"5m\"\n";
    std::fs::write(deployment.path("doorward.toml"), file).unwrap();
    let show = ["config", "show", "--config", "doorward.toml"];
    let text = deployment.run(&show).await.is(0);
    let json = deployment.run(&[show.as_slice(), &["--json"]].concat()).await.is(0);
    assert!(!(text.stdout.clone() + &text.stderr + &json.stdout).contains(SECRET));

    let shown = json.json();
    for (path, value, source) in [
        ("tokens.access_ttl", "\"5m\"", "file doorward.toml, line 2"),
        ("keys.algorithm", "\"HS256\"", "environment DOORWARD_KEYS__ALGORITHM"),
        ("keys.shared_secret", "[\"(hidden)\"]", "environment DOORWARD_KEYS__SHARED_SECRET"),
        ("data_key", "[\"env:KEY\"]", "environment DOORWARD_DATA_KEY"),
        ("log.level", "\"debug\"", "implied by LOG_LEVEL"),
        ("password.queue_max", "128", "default"),
    ] {
        let expected = json!({ "setting": path, "value": value, "source": source });
        assert_eq!(setting(&shown, path), expected);
        let line = text.stdout.lines().find(|line| line.split(' ').next() == Some(path)).unwrap();
        assert!(line.ends_with(&format!(" = {value}  # {source}")), "{line}");
    }
    assert!(!deployment.path("data").exists());
}
