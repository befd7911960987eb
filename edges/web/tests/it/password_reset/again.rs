//! Asking again: nobody's mailbox is flooded, and the first mail keeps working.

use std::sync::Arc;
use std::time::Duration;

use harness::{EMAIL, TestServer};
use serde_json::json;

const FORGOT: &str = "/auth/password/forgot";
const NOT_YET: Duration = Duration::from_millis(119_999);

#[tokio::test]
async fn a_second_request_within_two_minutes_changes_nothing() {
    for is_typed in [false, true] {
        let server = TestServer::start().await;
        server.register(EMAIL).await;
        let mail = server.forgot_mail(EMAIL).await;
        let first = mail.challenge().to_owned();
        let before = (server.mails_to(EMAIL).await.len(), server.events().await);
        assert_eq!(server.forgot(EMAIL).await, first);
        server.clock.advance(NOT_YET);
        assert_eq!(server.forgot(EMAIL).await, first);
        assert_eq!((server.mails_to(EMAIL).await.len(), server.events().await), before);
        let answer = if is_typed {
            server.reset_typed(&first, mail.code()).await
        } else {
            server.reset(mail.token()).await
        };
        answer.assert_status(204);
    }
}

#[tokio::test]
async fn after_two_minutes_a_new_mail_takes_the_place_of_the_first() {
    let server = TestServer::start().await;
    server.register(EMAIL).await;
    let old = server.forgot_mail(EMAIL).await;
    let first = old.challenge();
    server.clock.advance(NOT_YET + Duration::from_millis(1));
    let second = server.forgot(EMAIL).await;
    assert_ne!(first, second);
    let new = server.newest_mail_to(EMAIL).await;
    assert_eq!(new.challenge(), second);
    server.reset(old.token()).await.assert_problem(400, "invalid_token");
    server.reset_typed(first, old.code()).await.assert_problem(400, "invalid_token");
    server.reset(new.token()).await.assert_status(204);
    assert_eq!(server.events_of_type("user.password_reset_requested").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_requests_at_once_send_one_mail() {
    let server = Arc::new(TestServer::start().await);
    server.put_user(EMAIL, |_| ()).await;
    let statuses = server.race(FORGOT, vec![json!({ "email": EMAIL }); 16]).await;
    assert_eq!(statuses, [202; 16]);
    assert_eq!(server.mails_to(EMAIL).await.len(), 1);
    assert_eq!(server.events_of_type("user.password_reset_requested").await.len(), 1);
    server.reset(server.newest_mail_to(EMAIL).await.token()).await.assert_status(204);
}

#[tokio::test]
async fn a_used_code_can_be_followed_by_another_at_once() {
    let server = TestServer::start().await;
    server.register(EMAIL).await;
    server.reset(server.forgot_mail(EMAIL).await.token()).await.assert_status(204);
    server.reset(server.forgot_mail(EMAIL).await.token()).await.assert_status(204);
}

#[tokio::test]
async fn each_user_has_a_code_of_their_own() {
    let server = TestServer::start().await;
    for email in [EMAIL, "eve@example.com"] {
        server.register(email).await;
    }
    let ada = server.forgot_mail(EMAIL).await;
    let eve = server.forgot_mail("eve@example.com").await;
    server.reset_typed(ada.challenge(), eve.code()).await.assert_problem(400, "invalid_token");
    server.reset(eve.token()).await.assert_status(204);
    server.sign_in(EMAIL).await;
    server.reset(ada.token()).await.assert_status(204);
}
