//! Limits for one e-mail address, whoever asks.

use std::time::Duration;

use harness::{EMAIL, PASSWORD, TestServer};
use serde_json::json;
use service::Limit;

use super::HOUR;

#[tokio::test]
async fn one_mailbox_gets_only_so_many_codes() {
    for email in [EMAIL, "nobody@example.com"] {
        let server = TestServer::builder().limit(Limit::Forgot, 3, HOUR).start().await;
        server.put_user(EMAIL, |_| ()).await;
        let mut statuses = Vec::new();
        for path in ["/auth/password/forgot", "/auth/verify-email/resend"].repeat(2) {
            statuses.push(server.post(path, json!({ "email": email })).await.status);
            // Beyond every cool-down.
            server.clock.advance(Duration::from_mins(3));
        }
        assert_eq!(statuses, [202, 202, 202, 429], "{email}");
    }
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
