//! Bytes that no HTTP client would send.

use super::start;

#[tokio::test]
async fn what_is_not_http_is_refused_and_breaks_nothing() {
    let (server, tokens) = start().await;
    let requests: [&[u8]; 14] = [
        b"nonsense\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /livez\r\n\r\n",
        b"GET /livez HTTP/9.9\r\n\r\n",
        b"GET /li vez HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /livez\0 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        b"POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /auth/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: nonsense\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    for request in requests {
        let answer = server.raw(request).await;
        let shown = String::from_utf8_lossy(request);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{shown:?}: {answer:?}");
    }
    server.get_as(&tokens.access, "/auth/me").await.assert_status(200);
}

#[tokio::test]
async fn a_chunked_body_that_breaks_off_or_lies_is_malformed() {
    let (server, _) = start().await;
    let head = "POST /auth/login HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
                Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    for body in ["zz\r\n{}\r\n0\r\n\r\n", "ffffffffffffffffff\r\n{}", "2\r\n{}xx0\r\n\r\n"] {
        let answer = server.raw(format!("{head}{body}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{body:?}: {answer:?}");
        assert!(answer.contains("\"code\":\"malformed_request\""), "{body:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_huge_header_is_refused() {
    let (server, tokens) = start().await;
    for bytes in [100_000, 1_000_000] {
        let huge = "x".repeat(bytes);
        let request = format!(
            "GET /auth/me HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Huge: {huge}\r\n\r\n"
        );
        let answer = server.raw(request.as_bytes()).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{bytes}: {answer:?}");
    }
    let many = "X: y\r\n".repeat(10_000);
    let request = format!("GET /auth/me HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{many}\r\n");
    let answer = server.raw(request.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer:?}");
    let long = "x".repeat(200_000);
    let request = format!("GET /{long} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let answer = server.raw(request.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer:?}");
    server.get_as(&tokens.access, "/auth/me").await.assert_status(200);
}

/// A body that is announced and does not come costs the connection, not the server.
#[tokio::test]
async fn a_client_that_goes_away_in_its_body_breaks_nothing() {
    use tokio::io::AsyncWriteExt;

    let (server, tokens) = start().await;
    for _ in 0..20 {
        let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let head = "POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
                    Content-Length: 1000\r\n\r\n{\"email\":";
        stream.write_all(head.as_bytes()).await.unwrap();
    }
    server.get_as(&tokens.access, "/auth/me").await.assert_status(200);
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_go_on() {
    let (server, _) = start().await;
    let request = "POST /auth/refresh HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
                   Content-Type: application/json\r\nExpect: 100-continue\r\n\
                   Content-Length: 2\r\n\r\n{}";
    let answer = server.raw(request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 "), "{answer:?}");
}

#[tokio::test]
async fn a_body_that_nobody_wants_is_not_waited_for() {
    let (server, tokens) = start().await;
    for (authorization, status) in [(String::new(), "401"), (tokens.access, "204")] {
        let request = format!(
            "POST /auth/logout-all HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
             Authorization: Bearer {authorization}\r\nContent-Length: 1000000\r\n\r\n"
        );
        let answer = server.raw(request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer:?}");
    }
}
