//! What logs say, and what they must not. Each test has its server on its own thread, and so in
//! its own log.

use harness::{EMAIL, LogCapture, PASSWORD, TestServer};
use serde_json::json;

const WRONG: &str = "hunter2-is-not-it";

/// Lines of ours; what libraries say of connections is theirs.
fn own_lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.contains(" web::") || line.contains(" service::")).collect()
}

#[track_caller]
fn assert_absent(text: &str, secrets: &[&str]) {
    for secret in secrets {
        assert!(!secret.is_empty());
        assert!(!text.contains(secret), "{secret} is logged: {text}");
    }
}

#[tokio::test]
async fn neither_good_nor_bad_sign_ins_show_secrets_or_addresses() {
    let log = LogCapture::start();
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    server.try_sign_in(EMAIL, WRONG).await.assert_status(401);
    server.try_sign_in("eve@example.com", WRONG).await.assert_status(401);
    let next = server.refresh(&tokens.refresh).await;
    server.get_as(&next.access, "/auth/me").await.assert_status(200);
    server.get_as(WRONG, "/auth/me").await.assert_status(401);
    server.try_refresh(&format!("dwr_{WRONG}")).await.assert_status(401);
    server.get(&format!("/auth/{WRONG}?token={WRONG}")).await.assert_status(404);
    let later = server.refresh(&next.refresh).await;
    server.try_refresh(&tokens.refresh).await.assert_status(401);
    server.post("/auth/logout", json!({ "refreshToken": later.refresh })).await;

    let text = log.text();
    assert!(own_lines(&text).len() >= 10, "{text}");
    let mut secrets = vec![PASSWORD, WRONG, EMAIL, "eve@example.com", "ada@", "eve@", "argon2id"];
    for tokens in [&tokens, &next, &later] {
        secrets.extend([&*tokens.access, &*tokens.refresh]);
        secrets.extend(tokens.access.split('.').skip(1));
    }
    assert_absent(&text, &secrets);
}

#[tokio::test]
async fn a_refused_sign_in_is_logged_with_address_reason_and_a_keyed_hash() {
    let server = TestServer::start().await;
    server.register(EMAIL).await;
    let log = LogCapture::start();
    for (name, reason) in [
        (EMAIL, "wrong_password"),
        (" ADA@example.com", "wrong_password"),
        ("eve@example.com", "unknown_account"),
    ] {
        server.try_sign_in(name, WRONG).await.assert_status(401);
        let text = log.text();
        let line = text.lines().rfind(|line| line.contains("a sign-in was refused")).unwrap();
        assert!(line.contains("WARN"), "{line}");
        assert!(line.contains("client.address=127.0.0.1"), "{line}");
        assert!(line.contains(&format!("reason=\"{reason}\"")), "{line}");
        assert!(line.contains("request.id=req-1"), "{line}");
    }
    let text = log.text();
    let accounts: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("a sign-in was refused"))
        .map(|line| line.split_once("account=").unwrap().1.split(' ').next().unwrap())
        .collect();
    assert_eq!(accounts.len(), 3);
    assert_eq!(accounts[0].len(), 16);
    assert_eq!(accounts[0], accounts[1], "lines about one account belong together");
    assert_ne!(accounts[0], accounts[2]);
    let plain = harness::crypto::digest(EMAIL.as_bytes());
    let plain = plain[..8].iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    assert_ne!(accounts[0], plain, "anybody could compute it");
    assert_absent(&text, &[EMAIL, "eve@example.com", WRONG]);
}

#[tokio::test]
async fn the_hash_of_an_account_is_the_same_after_a_restart_and_another_elsewhere() {
    let account = async |server: &TestServer| {
        let log = LogCapture::start();
        server.try_sign_in(EMAIL, WRONG).await.assert_status(401);
        let text = log.text();
        text.split_once("account=").unwrap().1.split([' ', '\n']).next().unwrap().to_owned()
    };
    let server = TestServer::start().await;
    let restarted = server.beside().start().await;
    let elsewhere = TestServer::start().await;
    assert_eq!(account(&server).await, account(&restarted).await);
    assert_ne!(account(&server).await, account(&elsewhere).await);
}

#[tokio::test]
async fn a_failure_is_logged_once_with_its_cause() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    server.store.go_down();
    let log = LogCapture::start();
    server.get_as(&tokens.access, "/auth/me").await.assert_status(503);
    let text = log.text();
    let lines: Vec<&str> =
        own_lines(&text).into_iter().filter(|line| !line.contains("DEBUG")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert!(lines[0].contains("WARN"), "{text}");
    assert!(lines[0].contains("the store is unavailable: the test broke it"), "{text}");
    assert!(lines[0].contains("request.id=req-1"), "{text}");
}

#[tokio::test]
async fn a_replay_is_logged_with_its_session() {
    let server = TestServer::start().await;
    let first = server.ada().await;
    let second = server.refresh(&first.refresh).await;
    server.refresh(&second.refresh).await;
    let log = LogCapture::start();
    server.try_refresh(&first.refresh).await.assert_status(401);
    let text = log.text();
    let line = text.lines().find(|line| line.contains("a refresh token was replayed")).unwrap();
    assert!(line.contains(&format!("session.id={}", first.session())), "{line}");
}

#[tokio::test]
async fn refusals_that_are_the_callers_affair_are_not_logged_as_ours() {
    let server = TestServer::start().await;
    let log = LogCapture::start();
    server.get("/nowhere").await.assert_status(404);
    server.get("/auth/me").await.assert_status(401);
    server.post("/auth/login", json!([])).await.assert_status(400);
    let text = log.text();
    let loud: Vec<&str> = own_lines(&text)
        .into_iter()
        .filter(|line| ["WARN", "ERROR"].iter().any(|level| line.contains(level)))
        .collect();
    assert!(loud.is_empty(), "{loud:?}");
}
