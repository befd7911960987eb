use super::{Member, calls, calls_with_body, start};

#[tokio::test]
async fn a_body_that_is_not_json_is_malformed() {
    let (server, tokens) = start().await;
    let bodies: [&[u8]; 20] = [
        b"{",
        b"}",
        b"nonsense",
        b" ",
        b"\0",
        b"{\0}",
        b"{\"password\":\"a\0b\"}",
        b"{\"password\":\"\xff\xfe\"}",
        b"{\"\xff\":1}",
        b"{\"unknown\":\"\xff\"}",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\0}\0",
        b"{} x",
        b"{}{}",
        b"{'password':'a'}",
        b"{password:1}",
        b"{\"password\":\"a\",}",
        b"{\"password\":NaN}",
        b"{\"password\":\"\\x\"}",
        b"password=a&email=b",
    ];
    for call in calls_with_body(&server).await {
        for body in bodies {
            let answer = call.send(&server, &tokens, body).await;
            let shown = (call.shown(), String::from_utf8_lossy(body), answer.status);
            assert_eq!(answer.problem(), "malformed_request", "{shown:?}");
            assert_eq!(answer.status, 400, "{shown:?}");
        }
    }
}

#[tokio::test]
async fn an_escape_that_stands_for_no_character_is_malformed() {
    let (server, tokens) = start().await;
    for call in calls_with_body(&server).await {
        for Member { name, .. } in call.members() {
            let answer = call.send(&server, &tokens, format!("{{\"{name}\":\"\\ud800\"}}")).await;
            answer.assert_problem(400, "malformed_request");
        }
    }
}

#[tokio::test]
async fn an_empty_body_is_malformed_where_one_is_needed() {
    let (server, tokens) = start().await;
    for call in calls_with_body(&server).await {
        let answer = call.send(&server, &tokens, "").await;
        if call.is_body_required {
            assert_eq!((answer.status, answer.problem().as_str()), (400, "malformed_request"));
        } else {
            assert_eq!((answer.status, answer.problem().as_str()), (401, "invalid_token"));
        }
    }
}

#[tokio::test]
async fn the_answer_says_where_it_fails_and_repeats_nothing() {
    let (server, tokens) = start().await;
    for call in calls_with_body(&server).await {
        let answer = call.send(&server, &tokens, "{\"x\": s3cret").await;
        insta::allow_duplicates! {
                insta::assert_snapshot!(
            answer.folded(),
            @r#"
        {"type":"urn:doorward:problem:malformed_request",
        "title":"The request could not be read",
        "status":400,
        "detail":"The body is not JSON: it fails at line 1, column 7.",
        "code":"malformed_request",
        "requestId":"req-1"}
        "#
        );
            }
    }
}

#[tokio::test]
async fn a_body_over_64_kib_is_too_large() {
    let (server, tokens) = start().await;
    for call in calls_with_body(&server).await {
        let of = |bytes: usize| format!("{{\"x\":\"{}\"}}", "y".repeat(bytes - 8));
        let answer = call.send(&server, &tokens, of(65_537)).await;
        answer.assert_problem(413, "payload_too_large");
        insta::allow_duplicates! {
                insta::assert_snapshot!(
            answer.folded(),
            @r#"
        {"type":"urn:doorward:problem:payload_too_large",
        "title":"The body is too large",
        "status":413,
        "detail":"No body may exceed 64 KiB.",
        "code":"payload_too_large",
        "requestId":"req-1"}
        "#
        );
            }
        let answer = call.send(&server, &tokens, of(65_536)).await;
        assert_ne!(answer.status, 413, "{}", call.shown());
        assert!(answer.status < 500, "{}", call.shown());
    }
}

#[tokio::test]
async fn a_body_that_does_not_say_how_long_it_is_may_not_be_longer() {
    let (server, tokens) = start().await;
    for call in calls_with_body(&server).await {
        let authorization = format!("Authorization: Bearer {}\r\n", tokens.access);
        let chunk = format!("400\r\n{}\r\n", " ".repeat(1024));
        let request = format!(
            "{} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{}\
             Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
            call.shown(),
            if call.needs_bearer { &authorization } else { "" },
            chunk.repeat(80)
        );
        let answer = server.raw(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{} {answer:?}", call.shown());
        assert!(answer.contains("\"code\":\"payload_too_large\""), "{answer:?}");
    }
}

#[tokio::test]
async fn a_body_that_nobody_reads_breaks_nothing() {
    let (server, _) = start().await;
    for (number, call) in calls(&server).await.iter().filter(|call| !call.has_body()).enumerate() {
        // Somebody new each time: one of the calls erases whoever makes it.
        let somebody = async |bytes: usize| {
            let email = format!("somebody-{number}-{bytes}@example.com");
            server.register(&email).await;
            server.sign_in(&email).await
        };
        let plain = server.send(call.request(&server, &somebody(0).await)).await;
        for bytes in [1, 60_000] {
            let tokens = somebody(bytes).await;
            let answer = call.send(&server, &tokens, "x".repeat(bytes)).await;
            assert_eq!(answer.status, plain.status, "{}", call.shown());
        }
    }
}

#[tokio::test]
async fn a_body_of_another_type_is_refused() {
    let (server, tokens) = start().await;
    let types = [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("application/jsonp"),
        Some("text/json"),
        Some("json"),
        Some(""),
        Some("application/xml, application/json"),
    ];
    for call in calls_with_body(&server).await {
        for content_type in types {
            let mut request = call.request(&server, &tokens).body("{\"password\":\"a\"}");
            if let Some(content_type) = content_type {
                request = request.header("content-type", content_type);
            }
            let answer = server.send(request).await;
            let shown = (call.shown(), content_type, answer.status);
            assert_eq!(answer.problem(), "unsupported_media_type", "{shown:?}");
            assert_eq!(answer.status, 415, "{shown:?}");
        }
    }
}

#[tokio::test]
async fn json_is_json_by_any_of_its_names() {
    let (server, tokens) = start().await;
    let names = [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/json;x=y",
        "application/merge-patch+json",
    ];
    for call in calls_with_body(&server).await {
        for name in names {
            let request = call.request(&server, &tokens).header("content-type", name).body("{}");
            assert_ne!(server.send(request).await.status, 415, "{} {name}", call.shown());
        }
    }
}
