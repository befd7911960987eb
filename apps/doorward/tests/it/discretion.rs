//! What a test uses as a secret, so that none of its processes says it.
//!
//! `used-secrets` remembers them; here is where they come from.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
pub(crate) use used_secrets::{remember, remember_token};

use crate::client::PASSWORD;

/// Members of JSON that are secret, whoever sends them.
const SECRET_MEMBERS: [&str; 7] = [
    "password",
    "newPassword",
    "currentPassword",
    "secret",
    "otpauthUri",
    "backupCode",
    "backupCodes",
];

/// Members of JSON that are tokens, in requests and answers.
const TOKEN_MEMBERS: [&str; 5] =
    ["token", "accessToken", "refreshToken", "sessionToken", "deviceToken"];

/// What passwords have as codes in URLs.
const WRITTEN_IN_URLS: [(&str, &str); 4] = [("%40", "@"), ("%2F", "/"), ("%3F", "?"), ("%23", "#")];

/// A secret that the test used and which stands in `text`. Not one of the arguments of whoever said
/// it: everybody on the machine can read these anyway.
pub(crate) fn secret_told_in(text: &str, arguments: &[String]) -> Option<String> {
    remember(PASSWORD);
    used_secrets::told_in(text, arguments)
}

/// Remembers a secret in one of the shapes that deployments have: the text itself, or JSON. User
/// names are none.
pub(crate) fn remember_secrets_in(text: &str) {
    remember(text.trim());
    if let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
        remember_texts_of(&value);
    }
}

/// Remembers passwords and tokens of a request or an answer, by their names.
pub(crate) fn remember_members_of(body: &Value) {
    match body {
        Value::Array(values) => values.iter().for_each(remember_members_of),
        Value::Object(members) => {
            for (name, value) in members {
                if SECRET_MEMBERS.contains(&name.as_str()) {
                    remember_texts_of(value);
                } else if TOKEN_MEMBERS.contains(&name.as_str()) {
                    remember_token(value.as_str().unwrap_or_default());
                } else {
                    remember_members_of(value);
                }
            }
        }
        _ => {}
    }
}

/// Remembers what a program is given as secrets: in its environment, or in files that this names.
pub(crate) fn remember_settings_of(command: &Command) {
    let settings = Settings { command };
    for (name, value) in settings.all() {
        if let Some(password) = is_url(name).then(|| password_in(value)).flatten() {
            remember(password);
            remember(
                &WRITTEN_IN_URLS
                    .iter()
                    .fold(password.to_owned(), |text, (code, letter)| text.replace(code, letter)),
            );
        } else if name.ends_with("SECRET_FILE") {
            settings.remember_file(value);
        } else if ["SECRET", "DATA_KEY", "CREDENTIALS"].iter().any(|part| name.contains(part)) {
            settings.remember_named(value);
        }
    }
}

/// Remembers the data key that a server has made for itself in its folder.
pub(crate) fn remember_data_key_in(folder: &Path) {
    if let Ok(key) = fs::read_to_string(folder.join("data/data.key")) {
        remember(key.trim());
    }
}

fn remember_texts_of(value: &Value) {
    match value {
        Value::String(text) => remember(text),
        Value::Array(values) => values.iter().for_each(remember_texts_of),
        Value::Object(members) => {
            members.iter().filter(|(name, _)| *name != "username").for_each(|(_, value)| {
                remember_texts_of(value);
            });
        }
        _ => {}
    }
}

/// The environment that a program is given.
struct Settings<'a> {
    command: &'a Command,
}

impl<'a> Settings<'a> {
    fn all(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let given = self.command.get_envs();
        given.filter_map(|(name, value)| Some((name.to_str()?, value.and_then(OsStr::to_str)?)))
    }

    /// A secret, or several, each written or named.
    fn remember_named(&self, value: &str) {
        let listed: Vec<String> = serde_json::from_str(value).unwrap_or_else(|_| {
            let is_named = value.starts_with("env:") || value.starts_with("file:");
            let parts = value.split(if is_named { ',' } else { '\0' });
            parts.map(str::to_owned).collect()
        });
        for one in listed.iter().map(|one| one.trim()) {
            let place = one.split_once('#').map_or(one, |(place, _)| place);
            if let Some(name) = place.strip_prefix("env:") {
                let found = self.all().find(|(other, _)| *other == name);
                remember_secrets_in(found.map_or("", |(_, value)| value));
            } else if let Some(path) = place.strip_prefix("file:") {
                self.remember_file(path);
            } else if !place.starts_with("aws-") {
                remember_secrets_in(one);
            }
        }
    }

    /// A secret, or one in each line. The file may be missing: that is what some tests are about.
    fn remember_file(&self, path: &str) {
        let folder = self.command.get_current_dir().unwrap_or_else(|| Path::new(""));
        let text = fs::read_to_string(folder.join(path)).unwrap_or_default();
        text.lines().for_each(remember_secrets_in);
        remember_secrets_in(&text);
    }
}

fn is_url(name: &str) -> bool {
    name.ends_with("URL") || name.ends_with("URI")
}

fn password_in(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (user, _) = rest.split_once('@')?;
    let (name, password) = user.split_once(':')?;
    (name != password).then_some(password)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use serde_json::json;
    use tokio::task::LocalSet;
    use used_secrets::TOLD_BYTES;

    use super::*;
    use crate::client::Client;
    use crate::deployment::Deployment;
    use crate::process::{Ended, Process};
    use crate::waiting::{PATIENCE, within};

    fn told_in(text: &str) -> Option<String> {
        secret_told_in(text, &[])
    }

    /// A process that says that.
    fn parrot(words: &str, where_to: &str) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("printf '%s' \"$WORDS\" {where_to}; exec sleep 30")]);
        // Not in the arguments: they are what a failure names it by.
        command.env("WORDS", words);
        Process::start(&mut command, "")
    }

    async fn is_caught(process: Process) -> bool {
        let said = async || (!process.said().is_empty()).then_some(());
        within(PATIENCE, "it speaks", said).await;
        catch_unwind(AssertUnwindSafe(|| drop(process))).is_err()
    }

    async fn panics(ending: impl Future<Output = Ended> + 'static) -> bool {
        let here = LocalSet::new();
        let ended = here.spawn_local(ending);
        here.run_until(ended).await.is_err_and(|error| error.is_panic())
    }

    #[tokio::test]
    async fn a_process_that_says_a_secret_fails_its_test_when_it_is_dropped() {
        remember("what nobody else may know");
        for where_to in ["", ">&2"] {
            assert!(is_caught(parrot("hear: what nobody else may know!", where_to)).await);
            assert!(!is_caught(parrot("hear: what everybody may know!", where_to)).await);
        }
        let allowed = parrot("what nobody else may know", "").that_tells_secrets();
        assert!(!is_caught(allowed).await, "that is what it is for");
        let logged = parrot("what nobody else may know", ">&2").that_tells_secrets();
        assert!(is_caught(logged).await, "it is not for logging it");
    }

    #[tokio::test]
    async fn a_process_that_says_a_secret_fails_its_test_when_it_has_ended() {
        remember("what nobody else may know");
        let repeat = |words: &str| Process::start(&mut Command::new("cat"), words).end();
        assert!(panics(repeat("what nobody else may know")).await);
        assert!(!panics(repeat("what everybody may know")).await);
    }

    #[tokio::test]
    async fn a_server_that_says_a_secret_is_caught() {
        let secret = "a secret that is shared, of more than 32 bytes";
        let deployment = Deployment::new().with("JWT_SECRET", secret);
        deployment.run(&["config", "show"]).await.is(0);
        // It names what it does not know, as it should.
        let wrong = deployment.with("DOORWARD_LOG__LEVEL", secret);
        assert!(panics(async move { wrong.run(&["serve"]).await }).await);
    }

    #[tokio::test]
    async fn what_a_deployment_uses_is_remembered() {
        let deployment = Deployment::new();
        let server = deployment.serve().await;
        server.client.register("ada@example.com").await;
        server.client.try_log_in_with("ada@example.com", "nothing of the kind").await.is(401);
        let tokens = server.client.log_in("ada@example.com").await;
        Client::new(&server.url).status_of("made.up-by.somebody-who-guesses").await;
        let generated = deployment.run(&["key", "generate", "--json-key", "JWT_SECRET"]).await;
        let generated = generated.is(0).json()["JWT_SECRET"].as_str().unwrap().to_owned();
        let data_key = fs::read_to_string(deployment.path("data/data.key")).unwrap();
        let (_, signature) = tokens.access.rsplit_once('.').unwrap();
        for secret in [
            PASSWORD,
            "nothing of the kind",
            signature,
            &signature[..TOLD_BYTES],
            &tokens.refresh,
            &tokens.refresh[tokens.refresh.len() - TOLD_BYTES..],
            "somebody-who-guesses",
            &generated,
            data_key.trim(),
        ] {
            assert!(told_in(&format!("before {secret} after")).is_some(), "{secret}");
        }
        let (signed, _) = tokens.access.rsplit_once('.').unwrap();
        for known in [signed, "ada@example.com", "correct horse battery"] {
            assert_eq!(told_in(known), None);
        }
    }

    #[test]
    fn what_a_second_factor_is_made_of_is_remembered() {
        let token = "a-session-token-or-one-of-a-trusted-browser-";
        remember_members_of(&json!({
            "secret": "THESECRETOFANAPP",
            "otpauthUri": "otpauth://totp/of-that-app",
            "backupCodes": ["FIRST-CODE1", "OTHER-CODE2"],
            "items": [{ "sessionToken": format!("{token}1"), "deviceToken": format!("{token}2") }],
        }));
        let tokens = [1, 2].map(|number| format!("{token}{number}"));
        let texts =
            ["THESECRETOFANAPP", "otpauth://totp/of-that-app", "FIRST-CODE1", "OTHER-CODE2"];
        for secret in tokens.iter().map(String::as_str).chain(texts) {
            assert!(told_in(&format!("before {secret} after")).is_some(), "{secret}");
        }
    }

    #[test]
    fn secrets_are_found_in_the_shapes_of_settings() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("keys"), "first-in-file\nsecond-in-file\n").unwrap();
        let mut command = Command::new("true");
        let written = json!({ "username": "the-user-name", "password": "in-an-object" });
        command
            .current_dir(folder.path())
            .env("DOORWARD_DATA_KEY", r#"["env:KEY#key", "written-in-place"]"#)
            .env("KEY", r#"{"key":"in-the-environment"}"#)
            .env("DOORWARD_KEYS__SHARED_SECRET", "file:keys,aws-sm:the-name-of-it")
            .env("DOORWARD_MAIL__CREDENTIALS", written.to_string())
            .env("JWT_SECRET", "with a comma, and spaces")
            .env("DATABASE_URL", "postgres://somebody:in%2Fthe%2Furl@127.0.0.1/name");
        remember_settings_of(&command);
        for secret in [
            "in-the-environment",
            "written-in-place",
            "first-in-file",
            "second-in-file",
            "in-an-object",
            "with a comma, and spaces",
            "in%2Fthe%2Furl",
            "in/the/url",
        ] {
            assert_eq!(told_in(&format!("...{secret}...")).as_deref(), Some(secret));
        }
        for name in ["the-user-name", "the-name-of-it", "somebody", "127.0.0.1"] {
            assert_eq!(told_in(name), None);
        }
    }

    #[test]
    fn what_stands_in_the_arguments_is_no_secret() {
        remember("written where everybody sees it");
        remember("and this where nobody does");
        let arguments = ["--password=written where everybody sees it".to_owned()];
        assert_eq!(secret_told_in("written where everybody sees it", &arguments), None);
        let said = "written where everybody sees it, and this where nobody does";
        let told = secret_told_in(said, &arguments);
        assert_eq!(told.as_deref(), Some("and this where nobody does"));
    }

    #[test]
    fn a_private_key_is_known_by_its_form() {
        let key = rcgen::KeyPair::generate().unwrap();
        assert!(told_in(&key.serialize_pem()).is_some());
        let der = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, key.serialize_der());
        assert!(told_in(&der).is_some(), "{der}");
        assert_eq!(told_in(&key.public_key_pem()), None);
    }
}
