//! Asking for a new password, and for the verification mail again.

use harness::TestServer;

use super::*;

/// What one address meets: asked for twice within the time in which nothing changes, and once more
/// after it.
async fn ask(server: &TestServer, path: &str, email: &str) -> (Vec<Seen>, Vec<Vec<&'static str>>) {
    let (mut all_seen, mut calls, mut challenges) = (Vec::new(), Vec::new(), Vec::new());
    for wait in [Duration::ZERO, Duration::from_secs(29), Duration::from_mins(2)] {
        server.clock.advance(wait);
        let answer = server.post(path, body(path, email)).await;
        challenges.push(challenge(&answer));
        all_seen.push(seen(&answer));
        calls.push(server.store.take_calls());
    }
    assert_all_differ(&challenges, email);
    (all_seen, calls)
}

#[tokio::test]
async fn every_address_gets_the_same_answer_after_the_same_calls() {
    for path in [FORGOT, RESEND] {
        let server = start().await;
        for email in ADDRESSES {
            let (all_seen, calls) = ask(&server, path, email).await;
            let first = vec!["find_user_by_login", "put_code"];
            // An answer without a write would be the faster one, so nobody gets another code.
            let again = vec!["find_user_by_login", "put_code", "put_code"];
            assert_eq!(calls, [first.clone(), again, first], "{path} {email}");
            for one in all_seen {
                assert_eq!(one.status, 202);
                let headers: Vec<&str> = one.headers.iter().map(|(name, _)| &**name).collect();
                let wanted = ["cache-control", "content-length", "content-type", "x-request-id"];
                assert_eq!(headers, wanted, "{path} {email}");
                assert_eq!(one.body, r#"{"challengeId":"CHALLENGE","expiresIn":600}"#);
            }
        }
    }
}

#[tokio::test]
async fn lengths_of_answers_tell_nothing() {
    for path in [FORGOT, RESEND] {
        let server = start().await;
        let mut lengths = Vec::new();
        for email in ADDRESSES {
            let answer = server.post(path, body(path, email)).await;
            lengths.push((answer.body.len(), answer.header("content-length").map(str::to_owned)));
        }
        lengths.dedup();
        assert_eq!(lengths.len(), 1, "{path}");
    }
}

/// The answers come although nothing can be hashed.
#[tokio::test]
async fn no_password_is_hashed_for_anybody() {
    let first = start().await;
    let (builder, gate) = first.beside().hashing_gate();
    let server = builder.start().await;
    for path in [FORGOT, RESEND] {
        for email in ADDRESSES {
            server.post(path, body(path, email)).await.assert_status(202);
            assert_eq!(server.service.passwords().waiting(), 0);
        }
    }
    gate.open();
}

#[tokio::test]
async fn only_active_users_get_a_mail_with_a_new_password() {
    let server = start().await;
    for email in ADDRESSES {
        let before = server.mails_to(email).await.len();
        ask(&server, FORGOT, email).await;
        let mails = server.mails_to(email).await.len() - before;
        let is_active = ![UNKNOWN, DISABLED, DISABLED_UNVERIFIED, ERASED].contains(&email);
        assert_eq!(mails, if is_active { 2 } else { 0 }, "{email}");
    }
    let told = server.events_of_type("user.password_reset_requested").await;
    assert_eq!(told.len(), 2 * 5, "no event is of nobody");
}

#[tokio::test]
async fn only_active_users_with_an_unverified_address_are_asked_again() {
    let server = start().await;
    for email in ADDRESSES {
        let before = server.mails_to(email).await.len();
        ask(&server, RESEND, email).await;
        let mails = server.mails_to(email).await.len() - before;
        let is_asked =
            [UNVERIFIED, WITHOUT_PASSWORD, "OTHER.unverified@example.com"].contains(&email);
        assert_eq!(mails, if is_asked { 2 } else { 0 }, "{email}");
    }
}

#[tokio::test]
async fn mails_go_to_the_stored_form_of_an_address() {
    let server = TestServer::start().await;
    server.put_user("Ada@Example.com", |_| ()).await;
    server.forgot("aDA@eXAMPLE.COM").await;
    server.relay_mails(&*server.mailbox).await;
    let stored = domain::EmailAddress::parse("ada@example.com").unwrap();
    let mails = contracts::Mailbox::list(&*server.mailbox, Some(&stored));
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].recipient.as_typed(), "Ada@Example.com");
}

#[tokio::test]
async fn the_two_kinds_of_code_are_asked_for_independently() {
    let server = start_revealing().await;
    for email in ADDRESSES {
        let reset = server.forgot(email).await;
        let verify = server.resend(email).await;
        assert_ne!(reset, verify, "{email}");
        assert_eq!((server.forgot(email).await, server.resend(email).await), (reset, verify));
    }
}

/// Where registration says who has an account anyway, a client that asked twice can use either
/// answer: the mail that went out is the first one's.
#[tokio::test]
async fn a_second_request_names_the_standing_challenge_for_every_address() {
    for (path, cool_down) in [(FORGOT, 120), (RESEND, 30)] {
        let server = start_revealing().await;
        for email in ADDRESSES {
            let mut challenges = Vec::new();
            for wait in [0, cool_down - 1, 1] {
                server.clock.advance(Duration::from_secs(wait));
                challenges.push(challenge(&server.post(path, body(path, email)).await));
                assert_eq!(server.store.take_calls(), ["find_user_by_login", "put_code"]);
            }
            assert_eq!(challenges[0], challenges[1], "{path} {email}");
            assert_ne!(challenges[0], challenges[2], "{path} {email}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_an_address_is_named() {
    let server = start().await;
    for path in [FORGOT, RESEND] {
        for email in ["", "ada", "@", "ada@", "a b@example.com"] {
            let answer = server.post(path, body(path, email)).await;
            answer.assert_problem(400, "validation_failed");
            assert_eq!(answer.json()["errors"][0]["field"], "email");
        }
    }
    assert!(server.store.take_calls().is_empty());
}

#[tokio::test]
async fn a_failing_store_fails_alike_for_everybody() {
    for (path, broken) in
        [(FORGOT, "find_user_by_login"), (FORGOT, "put_code"), (RESEND, "put_code")]
    {
        let server = start().await;
        server.store.fail(broken);
        for email in ADDRESSES {
            let answer = server.post(path, body(path, email)).await;
            answer.assert_problem(503, "dependency_unavailable");
        }
        server.mails_to(EMAIL).await;
    }
}
