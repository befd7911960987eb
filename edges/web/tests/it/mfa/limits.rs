//! Wrong codes: how many, from where, and what the owner hears of them.

use harness::contracts::SessionStore as _;
use harness::domain::DeviceDigest;
use harness::reqwest::Method;
use harness::{EMAIL, PASSWORD, TestServer, Tokens};
use serde_json::json;
use service::Limit;

use super::*;

const HOUR: Duration = Duration::from_hours(1);
const HOME: &str = "192.0.2.1";
const OFFICE: &str = "192.0.2.200";
const STRANGE: &str = "198.51.100.7";
const STRANGE_TOO: &str = "203.0.113.9";

/// A deployment with the limit as it is by default, behind one proxy.
async fn limited() -> TestServer {
    let server = TestServer::builder().limit(Limit::Mfa, 10, HOUR);
    server.settings(|settings| settings.trusted_proxies = 1).start().await
}

async fn post_from(server: &TestServer, address: &str, path: &str, body: &Value) -> Answer {
    let request = server.request(Method::POST, path).header("x-forwarded-for", address);
    server.send(request.json(body)).await
}

/// Presents a code with a session token of its own.
async fn try_code(server: &TestServer, address: &str, code: &str) -> Answer {
    let body = json!({ "identifier": EMAIL, "password": PASSWORD });
    let answer = post_from(server, address, "/auth/login", &body).await;
    let token = session_token(&answer, "mfaRequired");
    let body = json!({ "sessionToken": token, "code": code });
    post_from(server, address, "/auth/mfa/verify", &body).await
}

async fn use_up(server: &TestServer, address: &str, app: &Authenticator) {
    for _ in 0..10 {
        let answer = try_code(server, address, &wrong(server, app)).await;
        answer.assert_problem(401, "invalid_mfa_code");
    }
    let answer = try_code(server, address, &shown(server, app)).await;
    answer.assert_problem(429, "rate_limited");
    assert!(answer.header("retry-after").is_some());
}

/// Ada with a second factor, who has completed a sign-in at home.
async fn ada_at_home(server: &TestServer) -> Enrolled {
    let ada = enrolled_ada(server).await;
    let answer = try_code(server, HOME, &shown(server, &ada.app)).await;
    Tokens::of(&answer);
    server.clock.advance(STEP);
    ada
}

#[tokio::test]
async fn who_uses_up_the_strangers_tries_does_not_shut_out_the_owner() {
    let server = limited().await;
    let ada = ada_at_home(&server).await;
    use_up(&server, STRANGE, &ada.app).await;
    // All strangers share: another address does not help.
    let answer = try_code(&server, STRANGE_TOO, &shown(&server, &ada.app)).await;
    answer.assert_problem(429, "rate_limited");
    try_code(&server, HOME, &shown(&server, &ada.app)).await.assert_status(200);
}

#[tokio::test]
async fn each_address_of_the_owner_has_tries_of_its_own() {
    let server = limited().await;
    let ada = ada_at_home(&server).await;
    use_up(&server, HOME, &ada.app).await;
    try_code(&server, STRANGE, &shown(&server, &ada.app)).await.assert_status(200);
}

#[tokio::test]
async fn one_address_of_the_owner_does_not_shut_out_another() {
    let server = limited().await;
    let ada = ada_at_home(&server).await;
    try_code(&server, OFFICE, &shown(&server, &ada.app)).await.assert_status(200);
    server.clock.advance(STEP);
    use_up(&server, HOME, &ada.app).await;
    use_up(&server, STRANGE, &ada.app).await;
    try_code(&server, OFFICE, &shown(&server, &ada.app)).await.assert_status(200);
}

#[tokio::test]
async fn another_device_behind_the_same_address_of_ipv6_is_at_home_too() {
    let server = limited().await;
    let ada = enrolled_ada(&server).await;
    try_code(&server, "2001:db8:1:2::1", &shown(&server, &ada.app)).await.assert_status(200);
    server.clock.advance(STEP);
    use_up(&server, STRANGE, &ada.app).await;
    let answer = try_code(&server, "2001:db8:1:3::1", &shown(&server, &ada.app)).await;
    answer.assert_problem(429, "rate_limited");
    let answer = try_code(&server, "2001:db8:1:2::2", &shown(&server, &ada.app)).await;
    answer.assert_status(200);
}

#[tokio::test]
async fn right_codes_are_not_counted() {
    let server = limited().await;
    let ada = enrolled_ada(&server).await;
    for _ in 0..12 {
        try_code(&server, STRANGE, &shown(&server, &ada.app)).await.assert_status(200);
        server.clock.advance(STEP);
    }
}

#[tokio::test]
async fn the_owner_gets_one_mail_at_the_tenth() {
    let server = limited().await;
    let ada = ada_at_home(&server).await;
    let before = subjects(&server).await.len();
    for count in 1..=10 {
        assert_eq!(subjects(&server).await.len(), before, "before the {count}th");
        try_code(&server, STRANGE, &wrong(&server, &ada.app)).await.assert_status(401);
    }
    assert_eq!(subjects(&server).await.len(), before + 1);
    let mail = server.newest_mail_to(EMAIL).await;
    assert!(mail.text.contains(STRANGE), "{}", mail.text);
    // One try comes back every six minutes; the mail does not, before a day is over.
    for _ in 0..20 {
        server.clock.advance(HOUR / 10);
        try_code(&server, STRANGE, &wrong(&server, &ada.app)).await.assert_status(401);
    }
    assert_eq!(subjects(&server).await.len(), before + 1);
    server.clock.advance(24 * HOUR);
    use_up(&server, STRANGE, &ada.app).await;
    assert_eq!(subjects(&server).await.len(), before + 2);
}

#[tokio::test]
async fn the_owner_hears_of_slow_guesses_too_and_of_those_at_home() {
    let server = limited().await;
    let ada = ada_at_home(&server).await;
    for address in [STRANGE, HOME] {
        let before = subjects(&server).await.len();
        for _ in 0..10 {
            server.clock.advance(HOUR / 10);
            try_code(&server, address, &wrong(&server, &ada.app)).await.assert_status(401);
        }
        assert_eq!(subjects(&server).await.len(), before + 1, "{address}");
    }
}

#[tokio::test]
async fn what_the_limit_refuses_takes_no_try_of_a_session_token() {
    let server = limited().await;
    let ada = ada_at_home(&server).await;
    use_up(&server, STRANGE, &ada.app).await;
    let token = first_step(&server).await;
    let body = json!({ "sessionToken": token, "code": wrong(&server, &ada.app) });
    for _ in 0..6 {
        let answer = post_from(&server, STRANGE_TOO, "/auth/mfa/verify", &body).await;
        answer.assert_problem(429, "rate_limited");
    }
    verify(&server, &token, &shown(&server, &ada.app)).await.assert_status(200);
}

#[tokio::test]
async fn wrong_codes_of_a_set_up_are_nobodys_guesses() {
    let server = limited().await;
    let tokens = server.verified_ada().await;
    let app = begin(&server, &tokens.access).await;
    for _ in 0..12 {
        let body = json!({ "code": wrong(&server, &app) });
        let answer = server.post_json_as(&tokens.access, "/auth/mfa/verify-setup", body).await;
        answer.assert_problem(401, "invalid_mfa_code");
    }
    assert!(subjects(&server).await.is_empty());
    confirm(&server, &tokens.access, &app).await.assert_status(200);
}

#[tokio::test]
async fn wrong_codes_of_a_step_up_count_with_those_of_sign_ins() {
    let server = limited().await;
    let ada = enrolled_ada(&server).await;
    let tries = (0..5).map(|_| wrong(&server, &ada.app)).collect::<Vec<_>>();
    for code in &tries {
        try_code(&server, STRANGE, code).await.assert_status(401);
        let body = json!({ "password": PASSWORD, "code": code });
        let request = server.request(Method::POST, "/auth/step-up");
        let request = request.header("x-forwarded-for", STRANGE).bearer_auth(&ada.tokens.access);
        let answer = server.send(request.json(&body)).await;
        answer.assert_problem(401, "invalid_mfa_code");
    }
    let answer = try_code(&server, STRANGE, &shown(&server, &ada.app)).await;
    answer.assert_problem(429, "rate_limited");
}

#[tokio::test]
async fn guesses_at_one_moment_are_ten_all_the_same() {
    let server = std::sync::Arc::new(limited().await);
    let ada = enrolled_ada(&server).await;
    let mut bodies = Vec::new();
    for _ in 0..24 {
        let token = first_step(&server).await;
        bodies.push(json!({ "sessionToken": token, "code": wrong(&server, &ada.app) }));
    }
    let statuses = server.race("/auth/mfa/verify", bodies).await;
    let wrong_codes = statuses.iter().filter(|status| **status == 401).count();
    assert_eq!(wrong_codes, 10, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 14, "{statuses:?}");
    assert_eq!(subjects(&server).await.len(), 2, "enabled, and one of wrong codes");
}

#[tokio::test]
async fn what_is_known_of_an_address_is_no_address() {
    let server = limited().await;
    let ada = ada_at_home(&server).await;
    let user = ada.tokens.user();
    // In the form in which it is kept, but without the key: whoever has the database could guess.
    let plain = harness::crypto::digest(format!("network {user}\n{HOME}").as_bytes());
    let guessed = DeviceDigest(*plain.first_chunk().unwrap());
    let known = server.store.inner().find_device(&user, guessed, server.clock.now()).await;
    assert_eq!(known.unwrap(), None);
}
