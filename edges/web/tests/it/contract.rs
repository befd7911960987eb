use std::collections::BTreeSet;

use harness::TestServer;
use serde_json::Value;

use crate::bad_input::needs_bearer;

/// Calls that strangers make, and that no proof of who they are could refuse.
const NEEDS_NO_PROOF: [&str; 4] = [
    "/auth/register",
    "/auth/verify-email/resend",
    "/auth/password/forgot",
    "/auth/password/reset",
];

async fn contract(server: &TestServer) -> Value {
    let answer = server.get("/openapi.json").await;
    answer.assert_status(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json()
}

#[tokio::test]
async fn the_contract_is_the_one_that_the_command_prints_but_for_the_server() {
    let server = TestServer::start().await;
    let mut public = contract(&server).await;
    let mut printed: Value = serde_json::from_str(&web::openapi_json()).unwrap();
    assert_eq!(public["openapi"], "3.1.0");
    assert_eq!(public["servers"][0]["url"], server.public_url);
    public["servers"].take();
    printed["servers"].take();
    assert_eq!(public, printed);
}

#[tokio::test]
async fn calls_have_the_names_that_generated_clients_use() {
    let server = TestServer::start().await;
    let contract = contract(&server).await;
    let named: BTreeSet<(String, &str)> = contract["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, operation)| {
                (format!("{method} {path}"), operation["operationId"].as_str().unwrap())
            })
        })
        .collect();
    let wanted = [
        ("post /auth/register", "registerUser"),
        ("post /auth/verify-email", "verifyEmail"),
        ("post /auth/verify-email/resend", "resendVerification"),
        ("post /auth/login", "loginUser"),
        ("post /auth/refresh", "refreshToken"),
        ("post /auth/logout", "logoutUser"),
        ("post /auth/logout-all", "logoutEverywhere"),
        ("post /auth/password/forgot", "requestPasswordReset"),
        ("post /auth/password/reset", "confirmPasswordReset"),
        ("post /auth/password/change", "changePassword"),
        ("post /auth/step-up", "stepUp"),
        ("get /auth/me", "getCurrentUser"),
        ("patch /auth/me", "updateCurrentUser"),
        ("delete /auth/me", "deleteCurrentUser"),
        ("get /auth/sessions", "listSessions"),
        ("delete /auth/sessions/{id}", "endSession"),
        ("get /auth/verify", "verifyToken"),
    ];
    for (call, name) in wanted {
        assert!(named.contains(&(call.to_owned(), name)), "{call} is not {name}: {named:?}");
    }
    for hidden in ["metrics", "mailbox", "pages"] {
        assert!(!named.iter().any(|(call, _)| call.contains(hidden)), "{hidden}: {named:?}");
    }
}

#[tokio::test]
async fn every_call_of_the_contract_says_which_problems_it_can_have() {
    let server = TestServer::start().await;
    let contract = contract(&server).await;
    for (path, item) in contract["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            let needs_bearer = needs_bearer(operation);
            assert_eq!(
                responses.contains_key("401"),
                needs_bearer || method == "post" && !NEEDS_NO_PROOF.contains(&path.as_str()),
                "{method} {path}"
            );
            let has_body = !operation["requestBody"].is_null();
            for status in ["400", "413", "415"] {
                let is_named = responses.contains_key(status);
                assert!(is_named || !has_body, "{method} {path} {status}");
            }
            for (status, response) in
                responses.iter().filter(|(status, _)| *status > &"400".to_owned())
            {
                let media = response["content"].as_object().unwrap();
                let is_problem = media.contains_key("application/problem+json");
                assert!(is_problem || path == "/readyz", "{method} {path} {status}");
            }
        }
    }
}

/// What JSON Schema says of the members that a body has: `required`, `oneOf`, `dependentRequired`.
fn allows(schema: &Value, given: &[&str]) -> bool {
    let has_all = |names: &Value| {
        names.as_array().unwrap().iter().all(|name| given.contains(&name.as_str().unwrap()))
    };
    let forms = schema["oneOf"].as_array().unwrap();
    let dependents = schema["dependentRequired"].as_object().unwrap();
    has_all(&schema["required"])
        && forms.iter().filter(|form| has_all(&form["required"])).count() == 1
        && dependents.iter().all(|(name, wanted)| !given.contains(&&**name) || has_all(wanted))
}

#[tokio::test]
async fn the_contract_and_the_service_agree_on_the_two_forms_of_a_code() {
    let server = TestServer::start().await;
    let contract = contract(&server).await;
    for (path, name, extra) in [
        ("/auth/verify-email", "AddressVerification", "password"),
        ("/auth/password/reset", "PasswordReset", "newPassword"),
    ] {
        let schema = &contract["components"]["schemas"][name];
        for chosen in 0..8 {
            let forms = ["token", "challengeId", "code"].into_iter().enumerate();
            let mut given: Vec<&str> =
                forms.filter(|(bit, _)| chosen & (1 << bit) != 0).map(|(_, name)| name).collect();
            given.push(extra);
            let value = |name: &str| if name == "code" { "0000-0000" } else { "good and long" };
            let body = given.iter().map(|name| ((*name).to_owned(), value(name).into()));
            let answer = server.post(path, Value::Object(body.collect())).await;
            // What is of the right form is refused only for being nobody's.
            let code = if allows(schema, &given) { "invalid_token" } else { "validation_failed" };
            assert_eq!((answer.status, &*answer.problem()), (400, code), "{path} {given:?}");
        }
    }
}

#[tokio::test]
async fn the_contract_is_readable_by_people() {
    let server = TestServer::start().await;
    let answer = server.get("/docs").await;
    answer.assert_status(200);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    assert_eq!(answer.header("content-security-policy"), Some(policy));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    for text in ["/auth/refresh", "loginUser", "problem"] {
        assert!(answer.body.contains(text), "{text}");
    }
    assert!(!answer.body.contains("<script"), "nothing here needs one");
}
