//! What a load balancer sees of a server that is told to stop: nothing that was sent is cut off,
//! or it would be lost, since nobody may send a registration twice.

use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::deployment::{Deployment, Server};
use crate::waiting::PATIENCE;

const REQUEST: &[u8] = b"GET /livez HTTP/1.1\r\nHost: here\r\n\r\n";
const OLD_REQUEST: &[u8] = b"GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";

/// Sends a request and reads the answer, whose end is that of its body.
async fn ask(connection: &mut TcpStream, request: &[u8]) -> String {
    connection.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") {
        let length = timeout(PATIENCE, connection.read_buf(&mut answer)).await.unwrap().unwrap();
        assert!(length > 0, "closed after {:?}", String::from_utf8_lossy(&answer));
    }
    String::from_utf8(answer).unwrap()
}

/// The answer is a good one, after which the connection is over.
async fn is_the_last(answer: &str, connection: &mut TcpStream) {
    assert!(answer.contains(" 200 OK\r\n"), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    let end = timeout(PATIENCE, connection.read(&mut [0; 1])).await.unwrap();
    assert_eq!(end.unwrap(), 0, "it is closed");
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.address()).await.unwrap()
}

#[tokio::test]
async fn a_request_that_comes_just_when_the_server_stops_is_answered() {
    let server = Deployment::new().serve().await;
    let (mut kept_alive, mut old) = (connect(&server).await, connect(&server).await);
    assert!(!ask(&mut kept_alive, REQUEST).await.contains("connection: "));
    assert!(ask(&mut old, OLD_REQUEST).await.contains("connection: keep-alive\r\n"));
    let mut silent = connect(&server).await;
    // Those before have been accepted when another one has.
    ask(&mut connect(&server).await, REQUEST).await;

    server.process.signal(Signal::TERM);
    server.process.logs("stopping").await;
    // What was sent before the load balancer could learn of the stop comes later than that.
    sleep(Duration::from_millis(50)).await;
    let connections = [(&mut kept_alive, REQUEST), (&mut silent, REQUEST), (&mut old, OLD_REQUEST)];
    for (connection, request) in connections {
        let answer = ask(connection, request).await;
        is_the_last(&answer, connection).await;
    }
    assert_eq!(server.process.end().await.code, Some(0));
}

#[tokio::test]
async fn a_connection_that_was_made_but_not_accepted_is_served() {
    let server = Deployment::new().serve().await;
    // The system makes connections while the server does nothing.
    server.process.signal(Signal::STOP);
    let mut waiting = Vec::new();
    for _ in 0..50 {
        let mut connection = connect(&server).await;
        connection.write_all(REQUEST).await.unwrap();
        waiting.push(connection);
    }
    server.process.signal(Signal::TERM);
    server.process.signal(Signal::CONT);
    for mut connection in waiting {
        let mut answer = String::new();
        timeout(PATIENCE, connection.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    assert_eq!(server.process.end().await.code, Some(0));
}
