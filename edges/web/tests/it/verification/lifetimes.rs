//! A link or a code works once, in its time, and for nothing else.

use std::sync::Arc;
use std::time::Duration;

use harness::{EMAIL, PASSWORD, TestServer};
use serde_json::json;

use super::{PATH, is_verified, start};

#[tokio::test]
async fn a_link_works_once() {
    let (server, mail) = start().await;
    let body = json!({ "token": mail.token(), "password": PASSWORD });
    server.verify_email(body.clone()).await.assert_status(200);
    let again = server.verify_email(body).await;
    again.assert_status(400);
    insta::assert_snapshot!(
        again.folded(),
        @r#"
        {"type":"urn:doorward:problem:invalid_token",
        "title":"The link or code cannot be used",
        "status":400,
        "detail":"It was used, replaced, or has expired: ask for a new one.",
        "code":"invalid_token",
        "requestId":"req-1"}
        "#
    );
    let typed =
        json!({ "challengeId": mail.challenge(), "code": mail.code(), "password": PASSWORD });
    server.verify_email(typed).await.assert_problem(400, "invalid_token");
    assert_eq!(server.events_of_type("user.email_verified").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_callers_uses_a_link() {
    let (server, mail) = start().await;
    let server = Arc::new(server);
    let body = json!({ "token": mail.token(), "password": PASSWORD });
    let statuses = server.race(PATH, vec![body; 16]).await;
    assert_eq!(statuses, [vec![200], vec![400; 15]].concat());
    assert_eq!(server.events_of_type("user.email_verified").await.len(), 1);
}

#[tokio::test]
async fn a_link_works_for_a_day() {
    for (age, status) in [(Duration::from_millis(86_399_999), 200), (Duration::from_hours(24), 400)]
    {
        let (server, mail) = start().await;
        server.clock.advance(age);
        let body = json!({ "token": mail.token(), "password": PASSWORD });
        server.verify_email(body).await.assert_status(status);
        assert_eq!(is_verified(&server).await, status == 200);
    }
}

#[tokio::test]
async fn a_short_code_works_for_ten_minutes_and_its_link_longer() {
    for (age, status) in [(Duration::from_millis(599_999), 200), (Duration::from_mins(10), 400)] {
        let (server, mail) = start().await;
        server.clock.advance(age);
        let typed =
            json!({ "challengeId": mail.challenge(), "code": mail.code(), "password": PASSWORD });
        server.verify_email(typed).await.assert_status(status);
        if status == 400 {
            let link = json!({ "token": mail.token(), "password": PASSWORD });
            server.verify_email(link).await.assert_status(200);
        }
    }
}

#[tokio::test]
async fn a_link_of_a_short_setting_takes_its_code_along() {
    let builder = TestServer::builder();
    let builder = builder.policy(|policy| policy.codes.verify_ttl = Duration::from_mins(5));
    let server = builder.start().await;
    server.register(EMAIL).await;
    let mail = server.newest_mail_to(EMAIL).await;
    server.clock.advance(Duration::from_mins(5));
    for body in [
        json!({ "token": mail.token(), "password": PASSWORD }),
        json!({ "challengeId": mail.challenge(), "code": mail.code(), "password": PASSWORD }),
    ] {
        server.verify_email(body).await.assert_problem(400, "invalid_token");
    }
}

#[tokio::test]
async fn what_we_never_wrote_is_an_invalid_token() {
    let (server, mail) = start().await;
    let good = mail.token();
    let mut wrong: Vec<String> =
        ["", " ", "dwo_", "nonsense", "dwo_AAAA", "dwr_AAAA", "dwo_\u{e9}"]
            .map(str::to_owned)
            .to_vec();
    wrong.push("dwo_".to_owned() + &"A".repeat(10_000));
    wrong.push(good.replace("dwo_", ""));
    wrong.push(good.replace("dwo_", "dwr_"));
    wrong.extend([format!("{good}="), format!("{good}A"), format!(" {good}"), format!("{good}\n")]);
    // Cut anywhere, and with any one character replaced by another.
    wrong.extend((0..good.len()).map(|length| good[..length].to_owned()));
    wrong.extend((0..good.len()).map(|at| {
        let other = if &good[at..=at] == "A" { "B" } else { "A" };
        format!("{}{other}{}", &good[..at], &good[at + 1..])
    }));
    for token in wrong {
        for proof in [json!({ "password": PASSWORD }), json!({ "discardPassword": true })] {
            let mut body = proof;
            body["token"] = token.clone().into();
            server.verify_email(body).await.assert_problem(400, "invalid_token");
        }
    }
    assert!(!is_verified(&server).await);
    server.verify_email(json!({ "token": good, "password": PASSWORD })).await.assert_status(200);
}

#[tokio::test]
async fn a_challenge_that_we_never_wrote_is_an_invalid_token() {
    let (server, mail) = start().await;
    for challenge in ["", "chal_", "nonsense", "chal_00000000000000000000000000", "\u{0}"] {
        let body = json!({ "challengeId": challenge, "code": mail.code(), "password": PASSWORD });
        server.verify_email(body).await.assert_problem(400, "invalid_token");
    }
    let malformed =
        json!({ "challengeId": mail.challenge(), "code": "0000-000", "password": PASSWORD });
    let answer = server.verify_email(malformed).await;
    answer.assert_problem(400, "validation_failed");
    assert_eq!(answer.json()["errors"][0]["field"], "code");
}

#[tokio::test]
async fn a_code_of_one_kind_is_good_for_no_other() {
    let (server, verify) = start().await;
    let reset = server.forgot_mail(EMAIL).await;
    assert_ne!(verify.token(), reset.token());
    for body in [
        json!({ "token": reset.token(), "password": PASSWORD }),
        json!({ "token": reset.token(), "discardPassword": true }),
        json!({ "challengeId": reset.challenge(), "code": reset.code(), "password": PASSWORD }),
    ] {
        server.verify_email(body).await.assert_problem(400, "invalid_token");
    }
    server.reset(verify.token()).await.assert_problem(400, "invalid_token");
    let typed = server.reset_typed(verify.challenge(), verify.code()).await;
    typed.assert_problem(400, "invalid_token");
    server.sign_in(EMAIL).await;

    let body = json!({ "token": verify.token(), "password": PASSWORD });
    server.verify_email(body).await.assert_status(200);
    server.reset(reset.token()).await.assert_status(204);
}

#[tokio::test]
async fn a_disabled_user_verifies_nothing() {
    let (server, mail) = start().await;
    server.store.disable(&server.account(EMAIL).await.user.id);
    for proof in ["password", "discardPassword"] {
        let mut body = json!({ "token": mail.token() });
        body[proof] = if proof == "password" { PASSWORD.into() } else { true.into() };
        server.verify_email(body).await.assert_problem(400, "invalid_token");
    }
    assert!(!is_verified(&server).await);
}
