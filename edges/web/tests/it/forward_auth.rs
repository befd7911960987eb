use domain::RoleName;
use harness::{EMAIL, TestServer};

const PATH: &str = "/auth/verify";

#[tokio::test]
async fn a_proxy_learns_who_calls() {
    let server = TestServer::start().await;
    let roles = ["USER", "SUPERVISOR"].map(|name| RoleName::parse(name).unwrap());
    let id = server
        .put_user(EMAIL, move |user| {
            user.roles = roles.into();
            user.is_email_verified = true;
        })
        .await;
    let tokens = server.sign_in(EMAIL).await;
    let answer = server.get_as(&tokens.access, PATH).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert_eq!(answer.header("x-auth-user-id"), Some(id.as_str()));
    assert_eq!(answer.header("x-auth-email"), Some(EMAIL));
    assert_eq!(answer.header("x-auth-roles"), Some("SUPERVISOR,USER"));
    assert_eq!(answer.header("x-auth-scope"), Some("profile:read users:read"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn an_unverified_address_is_not_passed_on() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let answer = server.get_as(&tokens.access, PATH).await;
    answer.assert_status(200);
    assert_eq!(answer.header("x-auth-email"), None);
    assert_eq!(answer.header("x-auth-roles"), Some("USER"));
}

#[tokio::test]
async fn headers_of_the_caller_are_not_echoed() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let request = server
        .request(harness::reqwest::Method::GET, PATH)
        .bearer_auth(&tokens.access)
        .header("x-auth-user-id", "user_1")
        .header("x-auth-email", "root@example.com")
        .header("x-auth-roles", "ADMIN");
    let answer = server.send(request).await;
    assert_eq!(answer.header("x-auth-user-id"), Some(tokens.user().as_str()));
    assert_eq!(answer.header("x-auth-email"), None);
    assert_eq!(answer.header("x-auth-roles"), Some("USER"));
}

#[tokio::test]
async fn a_signed_out_token_is_refused_at_once() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    server.post_as(&tokens.access, "/auth/logout").await.assert_status(204);
    let answer = server.get_as(&tokens.access, PATH).await;
    answer.assert_problem(401, "session_revoked");
    assert_eq!(
        answer.header("www-authenticate"),
        Some(r#"Bearer realm="doorward", error="invalid_token""#)
    );
    assert_eq!(answer.header("x-auth-user-id"), None);
}

#[tokio::test]
async fn new_roles_hold_at_once() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let admin = [RoleName::parse("ADMIN").unwrap()].into();
    let origin = service::Origin { request_id: None, client: domain::Client::new(None, None) };
    server.service.set_roles(EMAIL, &admin, &origin).await.unwrap();
    let answer = server.get_as(&tokens.access, PATH).await;
    assert_eq!(answer.header("x-auth-roles"), Some("ADMIN"));
}

#[tokio::test]
async fn a_disabled_user_is_refused() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    server.store.disable(&tokens.user());
    let answer = server.get_as(&tokens.access, PATH).await;
    answer.assert_problem(403, "account_disabled");
}
