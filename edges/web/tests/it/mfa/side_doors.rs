//! Every way to tokens asks for the second factor.

use std::collections::BTreeSet;

use harness::domain::{AuthenticationMethod, SessionId};
use harness::{EMAIL, PASSWORD, TestServer};
use serde_json::{Value, json};

use super::*;

/// Operations whose answer holds an access token, by the contract that the route table makes.
fn ways_to_tokens() -> BTreeSet<String> {
    let contract: Value = serde_json::from_str(&web::openapi_json()).unwrap();
    let mut ways = BTreeSet::new();
    for (path, methods) in contract["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let Some(answers) = operation["responses"].as_object() else { continue };
            if answers.values().any(|answer| holds_tokens(&contract, answer, 0)) {
                ways.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    ways
}

/// Whether a schema names an access token anywhere, through its references.
fn holds_tokens(contract: &Value, part: &Value, depth: usize) -> bool {
    assert!(depth < 64, "a schema of its own");
    match part {
        Value::Object(members) => {
            let referred = members.get("$ref").and_then(Value::as_str).is_some_and(|reference| {
                let target = contract.pointer(reference.trim_start_matches('#')).unwrap();
                holds_tokens(contract, target, depth + 1)
            });
            let named = members.get("properties").is_some_and(|it| it.get("accessToken").is_some());
            referred || named || members.values().any(|it| holds_tokens(contract, it, depth + 1))
        }
        Value::Array(items) => items.iter().any(|it| holds_tokens(contract, it, depth + 1)),
        _ => false,
    }
}

/// What each way answers to somebody who has everything but the second factor.
async fn answer_without_the_factor(server: &TestServer, way: &str, ada: &Enrolled) -> Answer {
    let bearer = &ada.tokens.access;
    match way {
        "POST /auth/login" => server.try_sign_in(EMAIL, PASSWORD).await,
        "POST /auth/mfa/verify" => {
            let token = first_step(server).await;
            verify(server, &token, &wrong(server, &ada.app)).await
        }
        "POST /auth/mfa/verify-setup" => {
            // Not even with a code of the app: whoever has that steps up.
            let body = json!({ "code": shown(server, &ada.app) });
            let answer = server.post_json_as(bearer, "/auth/mfa/verify-setup", body).await;
            answer.assert_problem(401, "step_up_required");
            let token = first_step(server).await;
            let body = json!({ "sessionToken": token, "code": shown(server, &ada.app) });
            server.post("/auth/mfa/verify-setup", body).await
        }
        "POST /auth/step-up" => {
            server.post_json_as(bearer, "/auth/step-up", json!({ "password": PASSWORD })).await
        }
        "POST /auth/refresh" => {
            // Of a session that began before there was a factor.
            let refresh = server.sign_in("bob@example.com").await.refresh;
            let tokens = server.sign_in("bob@example.com").await;
            enrol(server, tokens).await;
            server.try_refresh(&refresh).await
        }
        other => panic!("{other} leads to tokens: say here how it asks for the second factor"),
    }
}

#[tokio::test]
async fn no_way_leads_past_the_second_factor() {
    let server = TestServer::start().await;
    server.put_user("bob@example.com", |user| user.is_email_verified = true).await;
    let ada = enrolled_ada(&server).await;
    let ways = ways_to_tokens();
    assert!(ways.len() >= 5, "{ways:?}");
    for way in ways {
        let answer = answer_without_the_factor(&server, &way, &ada).await;
        let body = answer.json();
        assert!(body.get("accessToken").is_none(), "{way}: {answer:?}");
        assert!(body.get("refreshToken").is_none(), "{way}: {answer:?}");
        assert!(answer.status == 401 || body["mfaRequired"] == true, "{way}: {answer:?}");
    }
}

#[tokio::test]
async fn no_session_of_who_has_a_factor_began_without_it() {
    let server = TestServer::start().await;
    let ada = enrolled_ada(&server).await;
    sign_in_with_both(&server, &ada.app).await;
    let tokens = sign_in_with_both(&server, &ada.app).await;
    let list = server.get_as(&tokens.access, "/auth/sessions").await.json();
    let user = tokens.user();
    for item in list["items"].as_array().unwrap() {
        let id = SessionId::parse(item["id"].as_str().unwrap()).unwrap();
        let session = server.find_session(&user, id).await.unwrap();
        let is_first = id == ada.tokens.session();
        assert_eq!(session.has_second_factor(), !is_first, "{session:?}");
    }
}

#[tokio::test]
async fn a_sign_in_that_races_the_set_up_does_not_survive_it() {
    let server = std::sync::Arc::new(TestServer::start().await);
    let tokens = server.verified_ada().await;
    let app = begin(&server, &tokens.access).await;
    let mut paused = server.store.pause("insert_session");
    let racing = tokio::spawn({
        let server = server.clone();
        async move { server.try_sign_in(EMAIL, PASSWORD).await }
    });
    paused.reached().await;
    confirm(&server, &tokens.access, &app).await.assert_status(200);
    paused.resume();
    racing.await.unwrap().assert_problem(401, "invalid_credentials");
    assert_eq!(server.session(&tokens).await.methods, [AuthenticationMethod::Password]);
}
