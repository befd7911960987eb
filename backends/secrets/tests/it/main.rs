//! Secrets from the outside: what stands under a reference, and what is said if it is unusable.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use contracts::{ReadSecretError, SecretRef, SecretSource};
use secrecy::ExposeSecret;
use secrets::Secrets;
use tempfile::TempDir;

/// Secrets over an environment of one variable.
fn with_variable(name: &'static str, value: impl Into<OsString>) -> Secrets {
    let value = value.into();
    Secrets::with_environment(move |asked| (asked == name).then(|| value.clone()))
}

fn without_environment() -> Secrets {
    Secrets::with_environment(|_| None)
}

fn reference(source: &str, name: &str, json_key: Option<&str>) -> SecretRef {
    SecretRef {
        source: source.to_owned(),
        name: name.to_owned(),
        json_key: json_key.map(str::to_owned),
    }
}

fn to_file(path: &Path, json_key: Option<&str>) -> SecretRef {
    reference("file", path.to_str().unwrap(), json_key)
}

async fn read(secrets: &Secrets, reference: &SecretRef) -> String {
    secrets.read_secret(reference).await.unwrap().expose_secret().to_owned()
}

/// Why a secret cannot be used: the error and its causes, as a log shows them.
async fn failure(secrets: &Secrets, reference: &SecretRef) -> String {
    let error = secrets.read_secret(reference).await.unwrap_err();
    assert!(matches!(error, ReadSecretError::Failed { .. }), "{error}");
    let mut causes: Vec<String> = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    assert!(!format!("{error:?}").contains("hunter2"));
    causes.join(": ")
}

/// What a file with those bytes is read as.
async fn failure_of_file(bytes: &[u8], json_key: Option<&str>) -> String {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("secret");
    fs::write(&path, bytes).unwrap();
    let failure = failure(&without_environment(), &to_file(&path, json_key)).await;
    failure.replace(path.to_str().unwrap(), "PATH")
}

#[tokio::test]
async fn a_variable_is_taken_as_it_is() {
    let secrets = with_variable("JWT_SECRET", " hunter2\n");
    assert_eq!(read(&secrets, &reference("env", "JWT_SECRET", None)).await, " hunter2\n");
}

#[tokio::test]
async fn a_file_is_taken_without_its_last_line_end() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("secret");
    for (written, expected) in
        [("hunter2\n", "hunter2"), ("hunter2\r\n", "hunter2"), ("a\nb\n\n", "a\nb\n")]
    {
        fs::write(&path, written).unwrap();
        assert_eq!(read(&without_environment(), &to_file(&path, None)).await, expected);
    }
}

#[tokio::test]
async fn a_file_that_was_replaced_is_read_anew() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("secret");
    let secrets = without_environment();
    fs::write(&path, "old").unwrap();
    assert_eq!(read(&secrets, &to_file(&path, None)).await, "old");
    fs::write(&path, "new").unwrap();
    assert_eq!(read(&secrets, &to_file(&path, None)).await, "new");
}

#[tokio::test]
async fn a_key_names_a_member_of_a_json_object() {
    let json = r#"{"username":"app","pass word":"hunter2"}"#;
    let secrets = with_variable("DB", json);
    assert_eq!(read(&secrets, &reference("env", "DB", Some("username"))).await, "app");
    assert_eq!(read(&secrets, &reference("env", "DB", Some("pass word"))).await, "hunter2");

    let folder = TempDir::new().unwrap();
    let path = folder.path().join("secret");
    fs::write(&path, format!("{json}\n")).unwrap();
    assert_eq!(read(&secrets, &to_file(&path, Some("username"))).await, "app");
}

#[tokio::test]
async fn what_is_not_there_is_missing() {
    let secrets = with_variable("DB", "{}");
    let folder = TempDir::new().unwrap();
    for reference in [
        reference("env", "OTHER", None),
        reference("env", "", None),
        reference("env", "A=B", None),
        reference("env", "DB", Some("password")),
        to_file(&folder.path().join("none"), None),
    ] {
        let error = secrets.read_secret(&reference).await.unwrap_err();
        assert!(matches!(&error, ReadSecretError::Missing(missing) if *missing == reference));
        assert_eq!(error.to_string(), format!("there is no secret at {reference}"));
    }
}

#[tokio::test]
async fn a_reference_of_another_kind_is_not_opened() {
    let reference = reference("aws-sm", "doorward", None);
    let error = without_environment().read_secret(&reference).await.unwrap_err();
    assert!(matches!(error, ReadSecretError::UnknownSource(_)));
}

#[tokio::test]
async fn what_is_not_utf8_is_a_failure() {
    assert_eq!(
        failure_of_file(b"hunter2\xff", None).await,
        "the secret at file:PATH could not be read: it is not UTF-8"
    );
    let secrets = with_variable("A", OsString::from_vec(b"hunter2\xff".to_vec()));
    assert_eq!(
        failure(&secrets, &reference("env", "A", None)).await,
        "the secret at env:A could not be read: it is not UTF-8"
    );
}

#[tokio::test]
async fn a_secret_of_64_kib_is_the_longest() {
    let longest = "x".repeat(64 * 1024);
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("secret");
    fs::write(&path, format!("{longest}\r\n")).unwrap();
    assert_eq!(read(&without_environment(), &to_file(&path, None)).await, longest);
    let secrets = with_variable("A", longest.clone());
    assert_eq!(read(&secrets, &reference("env", "A", None)).await, longest);

    let too_long = format!("{longest}x");
    for bytes in [too_long.clone(), "x".repeat(1024 * 1024)] {
        let failure = failure_of_file(bytes.as_bytes(), None).await;
        assert_eq!(
            failure,
            "the secret at file:PATH could not be read: it is longer than 65536 bytes"
        );
    }
    let secrets = with_variable("A", too_long);
    assert!(failure(&secrets, &reference("env", "A", None)).await.contains("longer"));
}

#[tokio::test]
async fn a_key_into_what_is_no_json_object_is_a_failure_that_shows_nothing_of_it() {
    for text in ["hunter2", r#""hunter2""#, r#"["hunter2"]"#, r#"{"key":"hunter2""#, ""] {
        let failure = failure_of_file(text.as_bytes(), Some("key")).await;
        assert_eq!(
            failure,
            "the secret at file:PATH#key could not be read: it is not a JSON object"
        );
    }
}

#[tokio::test]
async fn a_member_that_is_no_text_is_a_failure() {
    for text in [r#"{"key":1}"#, r#"{"key":null}"#, r#"{"key":{"hunter2":1}}"#] {
        let failure = failure_of_file(text.as_bytes(), Some("key")).await;
        assert!(failure.ends_with("the member of the JSON object is not a text"), "{failure}");
    }
}

#[tokio::test]
async fn a_folder_is_a_failure() {
    let folder = TempDir::new().unwrap();
    let failure = failure(&without_environment(), &to_file(folder.path(), None)).await;
    assert!(failure.ends_with("it is not a regular file"), "{failure}");
}

#[tokio::test]
async fn a_path_that_cannot_be_looked_up_is_a_failure_and_not_missing() {
    let reference = reference("file", "a\0b", None);
    let failure = failure(&without_environment(), &reference).await;
    assert!(failure.contains("the file could not be read"), "{failure}");
}

#[tokio::test]
async fn the_environment_of_this_process_is_open() {
    let path = read(&Secrets::open(), &reference("env", "PATH", None)).await;
    assert!(!path.is_empty());
}
