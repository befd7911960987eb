//! What becomes of requests and connections when the server is told to stop.

use std::io::ErrorKind;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::client::PASSWORD;
use crate::deployment::{Deployment, Server};
use crate::waiting::{PATIENCE, within};

/// Long before the 20 s that requests in flight may take.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_request_in_flight_is_answered_before_the_server_stops() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let body = json!({ "email": "ada@example.com", "password": PASSWORD }).to_string();
    let (first, rest) = body.split_at(body.len() / 2);
    let mut request = begin_registration(&server, body.len()).await;
    request.write_all(first.as_bytes()).await.unwrap();

    server.process.signal(Signal::TERM);
    server.process.logs("stopping").await;
    is_closed_to_others(server.address()).await;

    request.write_all(rest.as_bytes()).await.unwrap();
    let told_at = Instant::now();
    let mut answer = String::new();
    request.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert!(answer.ends_with('}') && answer.contains("ada@example.com"), "{answer}");
    assert_eq!(server.process.end().await.code, Some(0));
    assert!(told_at.elapsed() < SOON);

    deployment.serve().await.client.log_in("ada@example.com").await;
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_a_server_that_stops() {
    for signal in [Signal::TERM, Signal::INT] {
        let deployment = Deployment::new();
        let server = deployment.serve().await;
        let mut silent = TcpStream::connect(server.address()).await.unwrap();
        let mut kept_alive = TcpStream::connect(server.address()).await.unwrap();
        kept_alive.write_all(b"GET /livez HTTP/1.1\r\nHost: here\r\n\r\n").await.unwrap();
        let mut answer = [0; 4096];
        let length = kept_alive.read(&mut answer).await.unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 200 "));

        let told_at = Instant::now();
        server.process.signal(signal);
        for connection in [&mut silent, &mut kept_alive] {
            let end = timeout(PATIENCE, connection.read(&mut answer)).await.unwrap();
            assert_eq!(end.unwrap(), 0, "it is closed, and nothing more is said");
        }
        assert_eq!(server.process.end().await.code, Some(0));
        assert!(told_at.elapsed() < SOON);
    }
}

/// Sends all of a registration but its body, and waits until the server asks for that.
async fn begin_registration(server: &Server, length: usize) -> TcpStream {
    let mut connection = TcpStream::connect(server.address()).await.unwrap();
    let head = format!(
        "POST /auth/register HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    timeout(PATIENCE, connection.read_exact(&mut interim)).await.unwrap().unwrap();
    assert!(interim.starts_with(b"HTTP/1.1 100 "));
    connection
}

async fn is_closed_to_others(address: &str) {
    within(SOON, "nobody else is let in", async || match TcpStream::connect(address).await {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Some(()),
        _ => None,
    })
    .await;
}
