//! Limits for one e-mail address, whoever asks.

use std::time::Duration;

use harness::{EMAIL, PASSWORD, TestServer};
use serde_json::json;
use service::Limit;

use super::{HOUR, post_from};

#[tokio::test]
async fn one_client_asks_for_only_so_many_codes_for_one_mailbox() {
    for (email, path) in [
        (EMAIL, "/auth/password/forgot"),
        (EMAIL, "/auth/verify-email/resend"),
        ("nobody@example.com", "/auth/password/forgot"),
        ("nobody@example.com", "/auth/verify-email/resend"),
    ] {
        let server = TestServer::builder().limit(Limit::Forgot, 3, HOUR).start().await;
        server.put_user(EMAIL, |_| ()).await;
        let mut statuses = Vec::new();
        for _ in 0..4 {
            statuses.push(server.post(path, json!({ "email": email })).await.status);
            // Beyond every cool-down.
            server.clock.advance(Duration::from_mins(3));
        }
        assert_eq!(statuses, [202, 202, 202, 429], "{email}");
    }
}

#[tokio::test]
async fn a_stranger_cannot_use_up_what_the_owner_of_an_address_needs() {
    let behind_one_proxy = TestServer::builder().settings(|settings| settings.trusted_proxies = 1);
    let server = behind_one_proxy.limit(Limit::Forgot, 1, HOUR).start().await;
    server.put_user(EMAIL, |user| user.is_email_verified = true).await;
    let body = json!({ "email": EMAIL });
    for (address, path, status) in [
        ("192.0.2.1", "/auth/verify-email/resend", 202),
        ("192.0.2.1", "/auth/verify-email/resend", 429),
        ("192.0.2.1", "/auth/password/forgot", 202),
        ("192.0.2.1", "/auth/password/forgot", 429),
        ("192.0.2.2", "/auth/password/forgot", 202),
    ] {
        post_from(&server, address, path, &body).await.assert_status(status);
    }
}

#[tokio::test]
async fn a_password_that_cannot_be_chosen_does_not_count() {
    let server = TestServer::builder().limit(Limit::Register, 1, HOUR).start().await;
    for _ in 0..3 {
        let weak = json!({ "email": EMAIL, "password": "password" });
        server.post("/auth/register", weak).await.assert_status(400);
    }
    server.register(EMAIL).await;
}

#[tokio::test]
async fn one_address_is_registered_only_so_often() {
    let server = TestServer::builder().limit(Limit::Register, 2, HOUR).start().await;
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(server.post("/auth/register", body.clone()).await.status);
    }
    assert_eq!(statuses, [201, 409, 429, 429]);
    let other = json!({ "email": "other@example.com", "password": PASSWORD });
    server.post("/auth/register", other).await.assert_status(201);
}

#[tokio::test]
async fn a_profile_is_no_way_to_flood_a_mailbox() {
    let server = TestServer::builder().limit(Limit::Forgot, 2, HOUR).start().await;
    let tokens = server.verified_ada().await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let body = json!({ "email": "victim@example.com" });
        statuses.push(server.patch_as(&tokens.access, "/auth/me", body).await.status);
        server.clock.advance(Duration::from_mins(1));
    }
    assert_eq!(statuses, [200, 200, 429]);
}
