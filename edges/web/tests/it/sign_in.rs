use harness::reqwest::Method;
use harness::{EMAIL, PASSWORD, TestServer, Tokens};
use serde_json::{Value, json};

const PATH: &str = "/auth/login";

/// Ada, with a user name.
async fn server_with_ada() -> TestServer {
    let server = TestServer::start().await;
    let body = json!({ "email": EMAIL, "password": PASSWORD, "username": "ada", "name": "Ada" });
    server.post("/auth/register", body).await.assert_status(201);
    server
}

#[tokio::test]
async fn an_address_or_a_user_name_in_any_case_signs_in() {
    let server = server_with_ada().await;
    for name in [
        json!({ "email": EMAIL }),
        json!({ "email": "ADA@Example.COM" }),
        json!({ "email": " ada@example.com " }),
        json!({ "username": "ada" }),
        json!({ "username": "ADA" }),
        json!({ "identifier": EMAIL }),
        json!({ "identifier": "Ada" }),
    ] {
        let mut body = name.clone();
        body["password"] = PASSWORD.into();
        let tokens = Tokens::of(&server.post(PATH, body).await);
        assert_eq!(tokens.body["user"]["username"], "ada", "{name}");
    }
}

#[tokio::test]
async fn the_answer_has_the_shape_of_the_contract() {
    let server = server_with_ada().await;
    let answer = server.try_sign_in(EMAIL, PASSWORD).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let tokens = Tokens::of(&answer);
    let body = answer.body.replace(&tokens.access, "ACCESS").replace(&tokens.refresh, "REFRESH");
    insta::assert_snapshot!(
        harness::fold(&harness::mask_ids(&body)),
        @r#"
        {"accessToken":"ACCESS",
        "refreshToken":"REFRESH",
        "tokenType":"Bearer",
        "expiresIn":900,
        "refreshExpiresIn":2592000,
        "user":{"id":"USER",
        "email":"ada@example.com",
        "emailVerified":false,
        "username":"ada",
        "name":"Ada",
        "role":"USER",
        "roles":["USER"],
        "permissions":["profile:read"],
        "mfaEnabled":false,
        "createdAt":"2024-11-11T13:51:40.000Z",
        "lastLoginAt":"2024-11-11T13:51:40.000Z"}}
        "#
    );
}

#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_get_the_same_bytes() {
    let server = server_with_ada().await;
    let wrong = server.try_sign_in(EMAIL, "not the password").await;
    wrong.assert_status(401);
    insta::assert_snapshot!(
        wrong.folded(),
        @r#"
        {"type":"urn:doorward:problem:invalid_credentials",
        "title":"The credentials are not right",
        "status":401,
        "detail":"Check address or user name, and password.",
        "code":"invalid_credentials",
        "requestId":"req-1"}
        "#
    );
    let long_name = "x".repeat(1000);
    for nobody in ["eve@example.com", "eve", "", " ", "@", "a@b", "\u{0}", "ada@", &long_name] {
        let unknown = server.try_sign_in(nobody, "not the password").await;
        assert_eq!((unknown.status, &unknown.body), (401, &wrong.body), "{nobody:?}");
        let names = |answer: &harness::Answer| {
            let mut names: Vec<String> =
                answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&unknown), names(&wrong));
    }
}

#[tokio::test]
async fn exactly_one_name_is_given() {
    let server = server_with_ada().await;
    let bodies = [
        json!({ "password": PASSWORD }),
        json!({ "email": EMAIL, "username": "ada", "password": PASSWORD }),
        json!({ "email": EMAIL, "identifier": EMAIL, "password": PASSWORD }),
    ];
    for body in bodies {
        let answer = server.post(PATH, body).await;
        answer.assert_status(400);
        insta::allow_duplicates! {
            insta::assert_snapshot!(
                answer.folded(),
                @r#"
                {"type":"urn:doorward:problem:validation_failed",
                "title":"Some values are not right",
                "status":400,
                "detail":"`errors` names each field with what is wrong.",
                "code":"validation_failed",
                "requestId":"req-1",
                "errors":[{"field":"identifier",
                "code":"invalid",
                "message":"give exactly one of email, username and identifier"}]}
                "#
            );
        }
    }
}

#[tokio::test]
async fn a_password_is_the_same_in_all_its_unicode_forms() {
    let server = TestServer::start().await;
    let composed = json!({ "email": EMAIL, "password": "caf\u{e9} au lait" });
    server.post("/auth/register", composed).await.assert_status(201);
    server.try_sign_in(EMAIL, "cafe\u{301} au lait").await.assert_status(200);
    server.try_sign_in(EMAIL, "cafe au lait").await.assert_status(401);
}

#[tokio::test]
async fn a_password_is_compared_whole_and_as_it_is() {
    let server = server_with_ada().await;
    let variants = [
        String::new(),
        PASSWORD.to_uppercase(),
        format!("{PASSWORD} "),
        format!(" {PASSWORD}"),
        format!("{PASSWORD}\u{0}"),
        PASSWORD[..PASSWORD.len() - 1].to_owned(),
    ];
    for wrong in variants {
        let answer = server.try_sign_in(EMAIL, &wrong).await;
        answer.assert_problem(401, "invalid_credentials");
    }
}

#[tokio::test]
async fn a_disabled_user_learns_of_it_only_with_the_right_password() {
    let server = TestServer::start().await;
    server.put_user(EMAIL, |user| user.status = domain::UserStatus::Disabled).await;
    let answer = server.try_sign_in(EMAIL, "not the password").await;
    answer.assert_problem(401, "invalid_credentials");
    server.try_sign_in(EMAIL, PASSWORD).await.assert_problem(403, "account_disabled");
    assert!(server.events().await.is_empty());
}

#[tokio::test]
async fn a_user_without_a_password_cannot_sign_in_with_one() {
    let server = TestServer::start().await;
    server.put_user(EMAIL, |user| user.password_hash = None).await;
    for password in ["", PASSWORD] {
        let answer = server.try_sign_in(EMAIL, password).await;
        answer.assert_problem(401, "invalid_credentials");
    }
}

#[tokio::test]
async fn a_sign_in_is_told_of() {
    let server = server_with_ada().await;
    let request = server.request(Method::POST, PATH).header("user-agent", "phone/1");
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let tokens = Tokens::of(&server.send(request.json(&body)).await);
    let (user, session) = (tokens.user().to_string(), tokens.session().to_string());

    let login = &server.events_of_type("user.login").await[0];
    let data = json!({
        "id": user, "sessionId": session, "ip": "127.0.0.1", "userAgent": "phone/1",
        "method": ["pwd"],
    });
    assert_eq!(login["data"], data);
    assert_eq!(login["actor"], json!(user));
    assert_eq!(login.get("subjectVersion"), None::<&Value>);
    let created = &server.events_of_type("session.created").await[0];
    assert_eq!(created["data"]["id"], json!(session));
    assert_eq!(created["data"]["userId"], json!(user));
}

#[tokio::test]
async fn the_last_sign_in_shows_on_the_user() {
    let server = server_with_ada().await;
    server.clock.advance(std::time::Duration::from_secs(90));
    let tokens = server.sign_in(EMAIL).await;
    assert_eq!(tokens.body["user"]["lastLoginAt"], "2024-11-11T13:53:10.000Z");
    let me = server.get_as(&tokens.access, "/auth/me").await;
    assert_eq!(me.json()["lastLoginAt"], "2024-11-11T13:53:10.000Z");
}

#[tokio::test]
async fn each_sign_in_is_a_session_of_its_own() {
    let server = server_with_ada().await;
    let (one, other) = (server.sign_in(EMAIL).await, server.sign_in(EMAIL).await);
    assert_ne!(one.session(), other.session());
    assert_ne!(one.refresh, other.refresh);
    server.post_as(&one.access, "/auth/logout").await.assert_status(204);
    server.refresh(&other.refresh).await;
}

#[tokio::test]
async fn the_client_is_the_one_that_the_trusted_proxy_names() {
    let builder = TestServer::builder().settings(|settings| settings.trusted_proxies = 1);
    let server = builder.start().await;
    server.register(EMAIL).await;
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let request = server.request(Method::POST, PATH).json(&body);
    let forwarded = "203.0.113.9, 198.51.100.7";
    server.send(request.header("x-forwarded-for", forwarded)).await.assert_status(200);
    let login = &server.events_of_type("user.login").await[0];
    assert_eq!(login["data"]["ip"], "198.51.100.7");
}

#[tokio::test]
async fn without_a_trusted_proxy_nobody_chooses_their_address() {
    let server = server_with_ada().await;
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let request = server.request(Method::POST, PATH).json(&body);
    server.send(request.header("x-forwarded-for", "198.51.100.7")).await.assert_status(200);
    let login = &server.events_of_type("user.login").await[0];
    assert_eq!(login["data"]["ip"], "127.0.0.1");
}

#[tokio::test]
async fn events_carry_no_password_or_token() {
    let server = server_with_ada().await;
    let tokens = server.sign_in(EMAIL).await;
    let next = server.refresh(&tokens.refresh).await;
    server.try_refresh_by("other/1", &tokens.refresh).await.assert_status(200);
    server.post_as(&next.access, "/auth/logout-all").await.assert_status(204);
    let text = json!(server.events().await).to_string();
    assert!(text.contains("session.refresh_reused"), "{text}");
    for secret in [PASSWORD, "argon2", &tokens.access, &tokens.refresh, &next.refresh, "dwr_"] {
        assert!(!text.contains(secret), "{secret}");
    }
}
