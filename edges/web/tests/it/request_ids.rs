use harness::reqwest::Method;
use harness::{Answer, EMAIL, PASSWORD, TestServer, mask_ids};
use serde_json::json;

const NAME: &str = "x-request-id";

/// The answer to a request that carries these ids.
async fn answer_to(server: &TestServer, ids: &[&[u8]]) -> Answer {
    let client = harness::reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.get(format!("http://{}/nowhere", server.address));
    for id in ids {
        let value = harness::reqwest::header::HeaderValue::from_bytes(id).unwrap();
        request = request.header(NAME, value);
    }
    server.send(request).await
}

#[tokio::test]
async fn a_callers_id_is_on_the_answer() {
    let server = TestServer::start().await;
    let longest = "x".repeat(128);
    for id in ["a", "req-1", "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~", &longest] {
        let answer = answer_to(&server, &[id.as_bytes()]).await;
        assert_eq!(answer.header(NAME), Some(id));
        assert_eq!(answer.json()["requestId"], id);
    }
}

#[tokio::test]
async fn an_unusable_id_is_replaced() {
    let server = TestServer::start().await;
    let too_long = "x".repeat(129);
    let unusable: [&[u8]; 6] =
        [b"", b"a b", b"a\tb", b"\xff", "r\u{e9}q".as_bytes(), too_long.as_bytes()];
    for id in unusable {
        let answer = answer_to(&server, &[id]).await;
        assert_eq!(mask_ids(answer.header(NAME).unwrap()), "REQUEST", "{id:?}");
        assert_eq!(answer.json()["requestId"].as_str(), answer.header(NAME));
    }
}

#[tokio::test]
async fn a_request_without_an_id_gets_one_of_its_own() {
    let server = TestServer::start().await;
    let first = answer_to(&server, &[]).await;
    let second = answer_to(&server, &[]).await;
    assert_eq!(mask_ids(first.header(NAME).unwrap()), "REQUEST");
    assert_ne!(first.header(NAME), second.header(NAME));
}

#[tokio::test]
async fn the_id_is_on_every_answer_and_event() {
    let server = TestServer::start().await;
    server.register(EMAIL).await;
    let with_id = |id: &str| {
        let request = server.request(Method::POST, "/auth/login");
        let body = json!({ "email": EMAIL, "password": PASSWORD });
        let mut request = request.json(&body).build().unwrap();
        request.headers_mut().insert(NAME, id.parse().unwrap());
        request
    };
    let client = harness::reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client.execute(with_id("call-7")).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()[NAME], "call-7");
    let events = server.events_of_type("session.created").await;
    assert_eq!(events[0]["requestId"], "call-7");
    for path in ["/livez", "/openapi.json", "/.well-known/jwks.json", "/auth/me"] {
        assert_eq!(server.get(path).await.header(NAME), Some(harness::REQUEST_ID), "{path}");
    }
}
