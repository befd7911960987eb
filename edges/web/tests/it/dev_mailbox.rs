//! `GET /dev/mailbox`: who may read it can take over every account.

use std::time::Duration;

use harness::reqwest::Method;
use harness::{Answer, EMAIL, TestServer};
use serde_json::{Value, json};

const PATH: &str = "/dev/mailbox";

/// The mails that `query` asks for, after those that wait were sent.
async fn list(server: &TestServer, query: &str) -> Vec<Value> {
    server.relay_mails(&*server.mailbox).await;
    let answer = server.get_operations(&format!("{PATH}{query}")).await;
    answer.assert_status(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.json().as_array().unwrap().clone()
}

fn recipients(mails: &[Value]) -> Vec<&str> {
    mails.iter().map(|mail| mail["to"].as_str().unwrap()).collect()
}

async fn get_by(server: &TestServer, host: &str) -> Answer {
    server.send(server.operations_request(Method::GET, PATH).header("host", host)).await
}

#[tokio::test]
async fn the_newest_mail_comes_first() {
    let server = TestServer::start().await;
    assert!(list(&server, "").await.is_empty());
    for email in ["one@example.com", "two@example.com", "three@example.com"] {
        server.register(email).await;
        server.clock.advance(Duration::from_secs(1));
    }
    let wanted = ["three@example.com", "two@example.com", "one@example.com"];
    assert_eq!(recipients(&list(&server, "").await), wanted);
}

#[tokio::test]
async fn a_mail_is_shown_with_what_a_test_needs() {
    let server = TestServer::start().await;
    server.register("Ada@Example.com").await;
    let mails = list(&server, "").await;
    let mail = mails[0].as_object().unwrap();
    let mut members: Vec<&String> = mail.keys().collect();
    members.sort();
    assert_eq!(members, ["at", "code", "html", "links", "subject", "text", "to"]);
    assert_eq!(mail["to"], "Ada@Example.com");
    assert_eq!(mail["subject"], "Confirm your e-mail address for Doorward");
    assert_eq!(mail["at"], "2024-11-11T13:51:40.000Z");
    let links = mail["links"].as_array().unwrap();
    assert_eq!(links.len(), 1);
    for shown in [&links[0], &mail["code"]] {
        assert!(mail["text"].as_str().unwrap().contains(shown.as_str().unwrap()), "{mail:?}");
    }
    let (_, token) = links[0].as_str().unwrap().split_once('#').unwrap();
    let body = json!({ "token": token, "password": harness::PASSWORD });
    server.post("/auth/verify-email", body).await.assert_status(200);
}

#[tokio::test]
async fn a_mail_without_code_has_none() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    server.delete_as(&tokens.access, "/auth/me").await.assert_status(204);
    let mails = list(&server, "").await;
    assert_eq!((&mails[0]["links"], &mails[0]["code"]), (&json!([]), &json!(null)));
}

#[tokio::test]
async fn the_mails_to_one_address_can_be_asked_for() {
    let server = TestServer::start().await;
    server.register(EMAIL).await;
    server.register("a+b@example.com").await;
    for query in ["?to=ada@example.com", "?to=ADA%40Example.com", "?to=%20ada@example.com&x=1"] {
        assert_eq!(recipients(&list(&server, query).await), [EMAIL], "{query}");
    }
    assert_eq!(recipients(&list(&server, "?to=a%2Bb@example.com").await), ["a+b@example.com"]);
    assert!(list(&server, "?to=nobody@example.com").await.is_empty());
}

#[tokio::test]
async fn what_is_no_address_is_refused() {
    let server = TestServer::start().await;
    for query in ["?to=", "?to=nonsense", "?to=ada@", "?to=%00", "?to=%FF"] {
        let answer = server.get_operations(&format!("{PATH}{query}")).await;
        answer.assert_problem(400, "validation_failed");
        assert_eq!(answer.json()["errors"][0]["field"], "to", "{query}");
    }
    let twice = server.get_operations(&format!("{PATH}?to=a@b.example&to=c@d.example")).await;
    twice.assert_problem(400, "validation_failed");
}

/// A page of a stranger can have its own name lead to this machine, and then read what the browser
/// fetches from there; the name still stands in `Host`.
#[tokio::test]
async fn a_page_that_was_led_here_by_a_name_of_its_own_is_shown_nothing() {
    let server = TestServer::start().await;
    server.register(EMAIL).await;
    server.relay_mails(&*server.mailbox).await;
    let port = server.operations_address.port();
    for host in ["127.0.0.1", "localhost", "LOCALHOST", "[::1]", "127.0.0.2"] {
        get_by(&server, host).await.assert_status(200);
        get_by(&server, &format!("{host}:{port}")).await.assert_status(200);
    }
    for host in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example:80",
        "192.0.2.7",
        "0.0.0.0",
        "[::ffff:192.0.2.7]",
        "localhost@evil.example",
    ] {
        let answer = get_by(&server, host).await;
        answer.assert_problem(404, "not_found");
        assert!(!answer.body.contains(EMAIL), "{host}");
    }
}

#[tokio::test]
async fn the_world_does_not_see_it() {
    let server = TestServer::start().await;
    server.get(PATH).await.assert_problem(404, "not_found");
    let claimed = server.request(Method::GET, PATH).header("host", "localhost");
    server.send(claimed).await.assert_problem(404, "not_found");
    let contract = server.get("/openapi.json").await.body;
    assert!(!contract.contains("/dev/"));
}

#[tokio::test]
async fn where_mails_are_sent_there_is_none() {
    let server = TestServer::builder().without_mailbox().start().await;
    server.get_operations(PATH).await.assert_problem(404, "not_found");
    server.get_operations(&format!("{PATH}?to=")).await.assert_problem(404, "not_found");
}
