use std::mem;

use serde_json::{Value, json};

use super::{Call, Member, calls_with_body, start};

/// A body with every member, so that only what is changed is wrong.
fn whole(call: &Call) -> serde_json::Map<String, Value> {
    call.members().iter().map(|member| (member.name.clone(), member.sample.clone())).collect()
}

#[tokio::test]
async fn a_value_of_the_wrong_type_is_named() {
    let (server, tokens) = start().await;
    let wrong = [json!(7), json!(-1.5e300), json!(true), json!([]), json!({}), json!(["a"])];
    for call in calls_with_body(&server).await {
        for Member { name, sample, .. } in call.members() {
            for value in
                wrong.iter().filter(|value| mem::discriminant(*value) != mem::discriminant(sample))
            {
                let mut body = whole(&call);
                body.insert(name.clone(), value.clone());
                let answer = call.send(&server, &tokens, Value::Object(body).to_string()).await;
                let shown = format!("{} {name} {value} {answer:?}", call.shown());
                assert_eq!(answer.problem(), "validation_failed", "{shown}");
                assert_eq!(answer.status, 400, "{shown}");
                assert_eq!(answer.json()["errors"][0]["field"], *name, "{shown}");
                assert_eq!(answer.json()["errors"][0]["code"], "wrong_type", "{shown}");
            }
        }
    }
}

#[tokio::test]
async fn a_missing_value_is_named() {
    let (server, tokens) = start().await;
    for call in calls_with_body(&server).await {
        for Member { name, .. } in call.members().iter().filter(|member| member.is_required) {
            let mut without = whole(&call);
            without.remove(name);
            let mut null = whole(&call);
            null.insert(name.clone(), Value::Null);
            for (body, code) in [(without, "missing"), (null, "wrong_type")] {
                let answer = call.send(&server, &tokens, Value::Object(body).to_string()).await;
                let shown = format!("{} {name} {answer:?}", call.shown());
                assert_eq!(answer.problem(), "validation_failed", "{shown}");
                assert_eq!(answer.json()["errors"][0]["field"], *name, "{shown}");
                assert_eq!(answer.json()["errors"][0]["code"], code, "{shown}");
            }
        }
    }
}

#[tokio::test]
async fn a_repeated_member_is_malformed() {
    let (server, tokens) = start().await;
    for call in calls_with_body(&server).await {
        for Member { name, sample, .. } in call.members() {
            let others: String = whole(&call)
                .iter()
                .filter(|(other, _)| *other != name)
                .fold(String::new(), |text, (other, value)| format!("{text},\"{other}\":{value}"));
            let body = format!("{{\"{name}\":{sample},\"{name}\":{sample}{others}}}");
            let answer = call.send(&server, &tokens, body).await;
            let shown = format!("{} {name} {answer:?}", call.shown());
            assert_eq!(answer.problem(), "malformed_request", "{shown}");
            let detail = format!("The member `{name}` is repeated.");
            assert_eq!(answer.json()["detail"], detail, "{shown}");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_no_object_is_not_valid() {
    let (server, tokens) = start().await;
    for call in calls_with_body(&server).await {
        let values: Vec<Value> = whole(&call).into_values().collect();
        let bodies = [
            json!(values),
            json!([]),
            json!([[]]),
            json!("x"),
            json!(7),
            json!(true),
            json!(null),
            json!([{ "refreshToken": "x" }]),
        ];
        for body in bodies {
            let answer = call.send(&server, &tokens, body.to_string()).await;
            let shown = format!("{} {body} {answer:?}", call.shown());
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (400, "validation_failed"),
                "{shown}"
            );
        }
    }
}

/// The members of an object in their order, without their names, are not what anybody documented.
#[tokio::test]
async fn a_list_of_values_is_no_request() {
    let (server, tokens) = start().await;
    let answer = server.post("/auth/refresh", json!([tokens.refresh])).await;
    answer.assert_problem(400, "validation_failed");
    let answer = server.post("/auth/logout", json!([tokens.refresh])).await;
    answer.assert_problem(400, "validation_failed");
    server.refresh(&tokens.refresh).await;
}

#[tokio::test]
async fn deeply_nested_json_is_refused_and_kills_nothing() {
    let (server, tokens) = start().await;
    let deep = |bytes: usize| ["[".repeat(bytes), "{\"a\":".repeat(bytes / 5)];
    for call in calls_with_body(&server).await {
        for nested in deep(60_000) {
            call.send(&server, &tokens, nested.clone()).await.assert_status(400);
            let answer = call.send(&server, &tokens, format!("{{\"x\":{nested}")).await;
            answer.assert_status(400);
        }
        for Member { name, .. } in call.members() {
            let body = format!("{{\"{name}\":{}{}}}", "[".repeat(20_000), "]".repeat(20_000));
            call.send(&server, &tokens, body).await.assert_status(400);
        }
        let unknown = format!("{{\"x\":{}{}}}", "[".repeat(20_000), "]".repeat(20_000));
        // What nobody knows is ignored, however deep it is.
        let answer = call.send(&server, &tokens, unknown).await;
        assert!(answer.status < 500, "{answer:?}");
    }
    server.refresh(&tokens.refresh).await;
}

#[tokio::test]
async fn strange_text_is_refused_or_not_found_but_never_a_failure() {
    let (server, tokens) = start().await;
    let long = "x".repeat(60_000);
    let texts = [
        "",
        " ",
        "\u{0}",
        "a\u{0}b",
        "\u{feff}",
        "\u{202e}evil",
        "\u{1f600}",
        "' OR 1=1 --",
        "../../etc/passwd",
        "%00",
        "\r\nSet-Cookie: a=b",
        "\u{d7ff}\u{e000}\u{10ffff}",
        "@",
        "a@b",
        "a@b..c",
        "user@[127.0.0.1]",
        "dwr_",
        "dwr_AAAA",
        "dwr_!",
        &long,
    ];
    for call in calls_with_body(&server).await {
        for Member { name, .. } in call.members() {
            for text in texts {
                let mut body = whole(&call);
                body.insert(name.clone(), json!(text));
                let answer = call.send(&server, &tokens, Value::Object(body).to_string()).await;
                let start: String = text.chars().take(20).collect();
                let shown = format!("{} {name} {start:?}", call.shown());
                assert!((400..500).contains(&answer.status), "{shown} {answer:?}");
                answer.problem();
            }
        }
    }
    server.refresh(&tokens.refresh).await;
}
