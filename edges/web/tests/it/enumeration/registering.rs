//! Registration, where a deployment does not reveal who has an account.

use std::sync::Arc;

use harness::{HashingGate, NEW_PASSWORD, PASSWORD};

use super::*;

/// `body` with a user name.
fn named(email: &str, username: &str) -> Value {
    let mut body = body(REGISTER, email);
    body["username"] = username.into();
    body
}

#[tokio::test]
async fn every_address_gets_the_same_answer_after_the_same_calls() {
    let server = start().await;
    let mut lengths = Vec::new();
    for email in ADDRESSES {
        for wait in [Duration::ZERO, Duration::from_secs(29), Duration::from_mins(2)] {
            server.clock.advance(wait);
            let answer = server.post(REGISTER, body(REGISTER, email)).await;
            let calls = server.store.take_calls();
            let is_again = wait == Duration::from_secs(29);
            let wanted: &[&str] = if is_again {
                // An answer without a write would be the faster one.
                &["find_user_by_login", "insert_user", "put_code"]
            } else {
                &["find_user_by_login", "insert_user"]
            };
            assert_eq!(calls, wanted, "{email}");
            let one = seen(&answer);
            assert_eq!(one.status, 202, "{email}");
            let headers: Vec<&str> = one.headers.iter().map(|(name, _)| &**name).collect();
            let wanted = ["cache-control", "content-length", "content-type", "x-request-id"];
            assert_eq!(headers, wanted, "{email}");
            let wanted = r#"{"verificationRequired":true,"challengeId":"CHALLENGE"}"#;
            assert_eq!(one.body, wanted, "{email}");
            lengths.push(answer.body.len());
        }
    }
    lengths.dedup();
    assert_eq!(lengths.len(), 1);
}

/// One instance for each address, since a gate opens but once: the password is hashed between the
/// same calls for all of them.
#[tokio::test]
async fn every_address_costs_one_hash_at_the_same_place() {
    let first = start().await;
    for email in ADDRESSES {
        let (builder, gate): (_, HashingGate) = first.beside().policy(quiet).hashing_gate();
        let server = Arc::new(builder.start().await);
        let of_its_own = Arc::clone(&server);
        let body = body(REGISTER, email);
        let waiting = tokio::spawn(async move { of_its_own.post(REGISTER, body).await });
        while server.service.passwords().waiting() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(server.service.passwords().waiting(), 1, "{email}");
        assert_eq!(server.store.take_calls(), ["find_user_by_login"], "{email}");
        gate.open();
        waiting.await.unwrap().assert_status(202);
        assert_eq!(server.store.take_calls(), ["insert_user"], "{email}");
    }
}

fn quiet(policy: &mut service::Policy) {
    policy.registration.reveals_existing = false;
    policy.registration.verify_email = VerifyEmail::Required;
}

#[tokio::test]
async fn challenges_change_alike_for_every_address() {
    let server = start().await;
    for email in ADDRESSES {
        let mut challenges = Vec::new();
        for wait in [Duration::ZERO, Duration::from_secs(29), Duration::from_mins(1)] {
            server.clock.advance(wait);
            challenges.push(challenge(&server.post(REGISTER, body(REGISTER, email)).await));
        }
        assert_all_differ(&challenges, email);
    }
}

/// Else asking twice would tell what one answer does not: a code that was asked for before there
/// was an account is nobody's, and one asked for before a refused registration is the owner's.
#[tokio::test]
async fn no_order_of_requests_tells_whether_the_address_was_free() {
    for order in [
        &[RESEND, REGISTER][..],
        &[REGISTER, RESEND],
        &[FORGOT, REGISTER, FORGOT],
        &[REGISTER, FORGOT, REGISTER, RESEND, FORGOT],
    ] {
        let server = start().await;
        for email in ADDRESSES {
            let mut challenges = Vec::new();
            for path in order {
                challenges.push(challenge(&server.post(path, body(path, email)).await));
            }
            assert_all_differ(&challenges, email);
        }
    }
}

#[tokio::test]
async fn each_owner_is_told_what_concerns_them() {
    let server = start().await;
    for email in ADDRESSES {
        let before = server.mails_to(email).await.len();
        server.post(REGISTER, body(REGISTER, email)).await.assert_status(202);
        server.post(REGISTER, body(REGISTER, email)).await.assert_status(202);
        let mut mails = server.mails_to(email).await;
        mails.truncate(mails.len() - before);
        if [DISABLED, DISABLED_UNVERIFIED].contains(&email) {
            assert!(mails.is_empty(), "{email}");
            continue;
        }
        assert_eq!(mails.len(), 1, "{email}");
        let is_verified = [VERIFIED, "Other.CASE@Example.COM"].contains(&email);
        assert_eq!(mails[0].link.is_none(), is_verified, "{email}");
        assert_eq!(mails[0].code.is_none(), is_verified, "{email}");
    }
}

#[tokio::test]
async fn a_registration_with_a_taken_address_changes_nothing_of_its_owner() {
    let server = start().await;
    for email in [VERIFIED, UNVERIFIED, DISABLED] {
        let before = server.account(email).await.user;
        server.post(REGISTER, body(REGISTER, email)).await.assert_status(202);
        assert_eq!(server.account(email).await.user, before, "{email}");
    }
    assert!(server.events_of_type("user.created").await.is_empty());
    server.try_sign_in(VERIFIED, PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn a_newcomer_verifies_and_signs_in() {
    let server = start().await;
    let answer = server.post(REGISTER, body(REGISTER, UNKNOWN)).await;
    let mail = server.newest_mail_to(UNKNOWN).await;
    assert_eq!(mail.challenge(), challenge(&answer));
    let body = json!({
        "challengeId": mail.challenge(), "code": mail.code(), "password": "whatever they choose",
    });
    server.verify_email(body).await.assert_status(200);
    server.try_sign_in(UNKNOWN, "whatever they choose").await.assert_status(200);
}

/// Somebody else had signed up with the address; the mail comes to its owner either way.
#[tokio::test]
async fn the_owner_of_an_address_that_was_taken_unverified_starts_over() {
    let server = start().await;
    server.post(REGISTER, body(REGISTER, UNVERIFIED)).await.assert_status(202);
    let mail = server.newest_mail_to(UNVERIFIED).await;
    let mut body = json!({ "token": mail.token(), "password": "whatever they choose" });
    server.verify_email(body.clone()).await.assert_problem(401, "invalid_credentials");
    body = json!({ "token": body["token"], "discardPassword": true });
    let answer = server.verify_email(body).await;
    answer.assert_status(200);
    let reset = answer.json()["resetToken"].as_str().unwrap().to_owned();
    server.reset(&reset).await.assert_status(204);
    server.try_sign_in(UNVERIFIED, NEW_PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn a_taken_user_name_is_said_for_free_and_taken_addresses_alike() {
    let server = start().await;
    let has_name = |user: &mut domain::User| {
        user.username = Some(domain::Username::parse("lovelace").unwrap());
    };
    server.put_user("named@example.com", has_name).await;
    for email in ADDRESSES {
        server.store.take_calls();
        let answer = server.post(REGISTER, named(email, "LoveLace")).await;
        answer.assert_problem(409, "username_taken");
        assert_eq!(server.store.take_calls(), ["find_user_by_login"], "{email}");
        assert_eq!(server.service.passwords().waiting(), 0);
    }
}

#[tokio::test]
async fn a_free_user_name_costs_the_same_calls_for_every_address() {
    let server = start().await;
    for (number, email) in ADDRESSES.iter().enumerate() {
        let answer = server.post(REGISTER, named(email, &format!("name-{number}"))).await;
        answer.assert_status(202);
        let calls = server.store.take_calls();
        assert_eq!(calls, ["find_user_by_login", "find_user_by_login", "insert_user"], "{email}");
    }
}

#[tokio::test]
async fn a_weak_password_is_said_before_anything_is_looked_up_or_alike() {
    let server = start().await;
    let mut all = Vec::new();
    for email in ADDRESSES {
        let weak = json!({ "email": email, "password": "short 7" });
        let answer = server.post(REGISTER, weak).await;
        answer.assert_problem(400, "validation_failed");
        all.push((seen(&answer), server.store.take_calls()));
    }
    all.dedup();
    assert_eq!(all.len(), 1, "{all:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_registrations_at_once_all_are_answered_alike_and_one_mail_is_sent() {
    let server = Arc::new(start().await);
    for email in [UNKNOWN, VERIFIED, UNVERIFIED] {
        let statuses = server.race(REGISTER, vec![body(REGISTER, email); 16]).await;
        assert_eq!(statuses, [202; 16], "{email}");
        assert_eq!(server.mails_to(email).await.len(), 1, "{email}");
    }
    assert_eq!(server.events_of_type("user.created").await.len(), 1);
}
