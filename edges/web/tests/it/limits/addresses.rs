//! Limits for one client address, whatever it asks for.

use domain::UserStatus;
use harness::{EMAIL, PASSWORD, TestServer};
use serde_json::json;
use service::Limit;

use super::{HOUR, QUARTER, post_from, sign_in_from};

async fn server(limit: Limit, count: u32) -> TestServer {
    let behind_one_proxy = TestServer::builder().settings(|settings| settings.trusted_proxies = 1);
    behind_one_proxy.limit(limit, count, HOUR).start().await
}

#[tokio::test]
async fn an_address_registers_only_so_many_accounts() {
    let server = server(Limit::RegisterAddress, 3).await;
    let mut statuses = Vec::new();
    for number in 0..5 {
        let email = format!("person{number}@example.com");
        let body = json!({ "email": email, "password": PASSWORD });
        statuses.push(post_from(&server, "192.0.2.1", "/auth/register", &body).await.status);
    }
    assert_eq!(statuses, [201, 201, 201, 429, 429]);
    let body = json!({ "email": "elsewhere@example.com", "password": PASSWORD });
    post_from(&server, "192.0.2.2", "/auth/register", &body).await.assert_status(201);
}

#[tokio::test]
async fn what_proxies_in_front_do_not_vouch_for_makes_no_other_address() {
    let server = server(Limit::RegisterAddress, 1).await;
    let body = json!({ "email": "a@example.com", "password": PASSWORD });
    post_from(&server, "198.51.100.7, 192.0.2.1", "/auth/register", &body).await.assert_status(201);
    let body = json!({ "email": "b@example.com", "password": PASSWORD });
    let refused = post_from(&server, "198.51.100.8, 192.0.2.1", "/auth/register", &body).await;
    refused.assert_problem(429, "rate_limited");
}

#[tokio::test]
async fn an_address_fails_to_sign_in_only_so_often_whatever_the_account() {
    let server = server(Limit::LoginAddress, 4).await;
    server.put_user(EMAIL, |_| ()).await;
    for _ in 0..6 {
        sign_in_from(&server, "192.0.2.1", EMAIL, PASSWORD).await.assert_status(200);
    }
    for number in 0..4 {
        let name = format!("person{number}@example.com");
        sign_in_from(&server, "192.0.2.1", &name, "wrong").await.assert_status(401);
    }
    sign_in_from(&server, "192.0.2.1", EMAIL, PASSWORD).await.assert_status(429);
    sign_in_from(&server, "192.0.2.2", EMAIL, PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn only_refused_credentials_count_as_failed_sign_ins() {
    let server = server(Limit::LoginAddress, 1).await;
    server.put_user(EMAIL, |_| ()).await;
    server.put_user("disabled@example.com", |user| user.status = UserStatus::Disabled).await;
    for _ in 0..3 {
        let nonsense = json!({ "user": 1 });
        post_from(&server, "192.0.2.1", "/auth/login", &nonsense).await.assert_status(400);
        let known = sign_in_from(&server, "192.0.2.1", "disabled@example.com", PASSWORD).await;
        known.assert_problem(403, "account_disabled");
    }
    sign_in_from(&server, "192.0.2.1", EMAIL, "wrong").await.assert_status(401);
    sign_in_from(&server, "192.0.2.1", EMAIL, PASSWORD).await.assert_status(429);
}

#[tokio::test]
async fn an_address_asks_for_only_so_many_mails() {
    let server = server(Limit::ForgotAddress, 3).await;
    let mut statuses = Vec::new();
    for (number, path) in
        (0..).zip(["/auth/password/forgot", "/auth/verify-email/resend"].repeat(2))
    {
        let body = json!({ "email": format!("person{number}@example.com") });
        statuses.push(post_from(&server, "192.0.2.1", path, &body).await.status);
    }
    assert_eq!(statuses, [202, 202, 202, 429]);
}

#[tokio::test]
async fn what_is_not_limited_draws_on_nothing() {
    let server = TestServer::builder().limit(Limit::Login, 5, QUARTER).start().await;
    server.store.take_calls();
    server.get("/livez").await.assert_status(200);
    server.get("/.well-known/jwks.json").await.assert_status(200);
    let calls = server.store.take_calls();
    assert!(!calls.contains(&"draw"), "{calls:?}");
}
