//! Wrong passwords, wherever they are tried.

use std::sync::Arc;

use harness::{EMAIL, PASSWORD, TestServer};
use serde_json::json;
use service::Limit;
use tokio::task::JoinSet;

use super::{QUARTER, sign_in_from};

async fn server() -> TestServer {
    let behind_one_proxy = TestServer::builder().settings(|settings| settings.trusted_proxies = 1);
    let server = behind_one_proxy.limit(Limit::Login, 5, QUARTER).start().await;
    server.put_user(EMAIL, |_| ()).await;
    server
}

#[tokio::test]
async fn after_five_wrong_passwords_not_even_the_right_one_signs_in_from_there() {
    let server = server().await;
    for _ in 0..5 {
        let wrong = sign_in_from(&server, "192.0.2.1", EMAIL, "wrong").await;
        wrong.assert_problem(401, "invalid_credentials");
    }
    let refused = sign_in_from(&server, "192.0.2.1", EMAIL, PASSWORD).await;
    refused.assert_problem(429, "rate_limited");
    // Whoever locks somebody out does so for an address of their own.
    sign_in_from(&server, "192.0.2.2", EMAIL, PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn an_account_that_there_is_not_is_limited_alike() {
    let server = server().await;
    for name in [EMAIL, "nobody@example.com", "no such name"] {
        let mut statuses = Vec::new();
        for _ in 0..7 {
            statuses.push(sign_in_from(&server, "192.0.2.1", name, "wrong").await.status);
        }
        assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429], "{name}");
    }
}

#[tokio::test]
async fn right_passwords_do_not_count() {
    let server = server().await;
    for _ in 0..12 {
        sign_in_from(&server, "192.0.2.1", EMAIL, PASSWORD).await.assert_status(200);
    }
}

#[tokio::test]
async fn spelling_does_not_make_another_account() {
    let server = server().await;
    for name in [EMAIL, "ADA@example.com", " ada@EXAMPLE.com ", EMAIL, EMAIL] {
        let wrong = sign_in_from(&server, "192.0.2.1", name, "wrong").await;
        wrong.assert_problem(401, "invalid_credentials");
    }
    let refused = sign_in_from(&server, "192.0.2.1", "Ada@Example.com", "wrong").await;
    refused.assert_problem(429, "rate_limited");
}

#[tokio::test]
async fn guesses_at_one_moment_share_the_limit() {
    let server = Arc::new(server().await);
    let mut guesses = JoinSet::new();
    for _ in 0..20 {
        let server = Arc::clone(&server);
        guesses.spawn(async move { sign_in_from(&server, "192.0.2.1", EMAIL, "wrong").await });
    }
    let answers = guesses.join_all().await;
    let tried = answers.iter().filter(|answer| answer.status == 401).count();
    assert_eq!(tried, 5);
    assert!(answers.iter().all(|answer| matches!(answer.status, 401 | 429)));
}

#[tokio::test]
async fn addresses_of_one_ipv6_network_share_a_limit() {
    let server = server().await;
    for host in 1..=5 {
        let address = format!("2001:db8:0:1:{host:x}::1");
        sign_in_from(&server, &address, EMAIL, "wrong").await.assert_status(401);
    }
    sign_in_from(&server, "2001:db8:0:1::99", EMAIL, PASSWORD).await.assert_status(429);
    sign_in_from(&server, "2001:db8:0:2::1", EMAIL, PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn a_stolen_token_does_not_help_to_guess_the_password() {
    let server = server().await;
    let tokens = server.sign_in(EMAIL).await;
    let step_up = json!({ "password": "wrong" });
    for _ in 0..3 {
        let wrong = server.post_json_as(&tokens.access, "/auth/step-up", step_up.clone()).await;
        wrong.assert_problem(401, "invalid_credentials");
    }
    let change = json!({ "currentPassword": "wrong", "newPassword": "another good secret" });
    for _ in 0..2 {
        let wrong =
            server.post_json_as(&tokens.access, "/auth/password/change", change.clone()).await;
        wrong.assert_problem(401, "invalid_credentials");
    }
    for (path, body) in [("/auth/step-up", step_up), ("/auth/password/change", change)] {
        let refused = server.post_json_as(&tokens.access, path, body).await;
        refused.assert_problem(429, "rate_limited");
    }
    server.try_sign_in(EMAIL, PASSWORD).await.assert_problem(429, "rate_limited");
}

#[tokio::test]
async fn what_is_drawn_does_not_tell_accounts_from_nobody() {
    let server = server().await;
    let mut calls = Vec::new();
    for name in [EMAIL, "nobody@example.com"] {
        server.store.take_calls();
        sign_in_from(&server, "192.0.2.1", name, "wrong").await.assert_status(401);
        calls.push(server.store.take_calls());
    }
    assert_eq!(calls[0], calls[1]);
    assert!(calls[0].contains(&"draw"), "{calls:?}");
}

/// Where registration hides who has an account, an address that was just registered and not yet
/// verified answers as a wrong password does, and counts as one, too.
#[tokio::test]
async fn a_hidden_registration_cannot_be_found_out_by_counting() {
    let server = TestServer::builder()
        .limit(Limit::Login, 3, QUARTER)
        .policy(|policy| {
            policy.registration.verify_email = service::VerifyEmail::Required;
            policy.registration.reveals_existing = false;
        })
        .start()
        .await;
    let body = json!({ "email": "new@example.com", "password": PASSWORD });
    server.post("/auth/register", body).await.assert_status(202);
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(server.try_sign_in("new@example.com", PASSWORD).await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
}
