//! Links and short codes: what they withstand, and what is kept of them.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use contracts::OneTimeCodeStore as _;
use domain::CodeKind;
use harness::{EMAIL, PASSWORD, ReceivedMail, TestServer};
use serde_json::{Value, json};

use crate::verification::{PATH, start};

const EVE: &str = "eve@example.com";
const WRONG: &str = "ZZZZ-ZZZZ";

fn typed(mail: &ReceivedMail, code: &str) -> Value {
    json!({ "challengeId": mail.challenge(), "code": code, "password": PASSWORD })
}

fn link(mail: &ReceivedMail) -> Value {
    json!({ "token": mail.token(), "password": PASSWORD })
}

/// How often the short code that verifies Ada's address was tried.
async fn tries(server: &TestServer) -> u32 {
    let user = server.account(EMAIL).await.user.id;
    let now = contracts::Clock::now(&server.clock);
    let code = server.store.inner().find_code(&user, CodeKind::VerifyAddress, now).await;
    code.unwrap().unwrap().tries
}

#[tokio::test]
async fn a_fifth_try_may_still_be_right() {
    let (server, mail) = start().await;
    for _ in 0..4 {
        let answer = server.verify_email(typed(&mail, WRONG)).await;
        answer.assert_problem(400, "invalid_token");
    }
    server.verify_email(typed(&mail, mail.code())).await.assert_status(200);
}

#[tokio::test]
async fn after_five_wrong_codes_the_right_one_is_refused_alike_and_the_link_works() {
    let (server, mail) = start().await;
    let mut refusals = Vec::new();
    for code in [WRONG; 5].into_iter().chain([mail.code(), mail.code()]) {
        let answer = server.verify_email(typed(&mail, code)).await;
        answer.assert_problem(400, "invalid_token");
        refusals.push(answer.body);
    }
    refusals.dedup();
    assert_eq!(refusals.len(), 1);
    server.verify_email(link(&mail)).await.assert_status(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_guesses_at_once_five_are_compared() {
    let (server, mail) = start().await;
    let server = Arc::new(server);
    let statuses = server.race(PATH, vec![typed(&mail, WRONG); 64]).await;
    assert_eq!(statuses, [400; 64]);
    assert_eq!(tries(&server).await, 5);
    let right = server.verify_email(typed(&mail, mail.code())).await;
    right.assert_problem(400, "invalid_token");
    assert_eq!(tries(&server).await, 5);
    server.verify_email(link(&mail)).await.assert_status(200);
}

/// The try is counted in an operation before the comparison, so a crash in between costs it.
#[tokio::test]
async fn a_try_counts_although_nothing_comes_of_it() {
    let (server, mail) = start().await;
    server.store.fail("find_user");
    let answer = server.verify_email(typed(&mail, mail.code())).await;
    answer.assert_problem(503, "dependency_unavailable");
    assert_eq!(tries(&server).await, 1);
}

#[tokio::test]
async fn a_code_is_read_as_people_type_it() {
    let (server, mut mail) = start().await;
    while !mail.code().contains('0') {
        server.clock.advance(Duration::from_secs(30));
        mail = server.resend_mail(EMAIL).await;
    }
    let code = mail.code();
    assert_eq!((code.len(), &code[4..5]), (9, "-"), "two groups of four");
    for way in [
        code.to_lowercase(),
        code.replace('-', ""),
        format!("  {}\t", code.replace('-', " ")),
        code.replace('0', "O").replace('1', "l"),
        code.replace('0', "o").replace('1', "I").to_lowercase(),
    ] {
        // With a wrong password, a right code shows without being spent.
        let body = json!({ "challengeId": mail.challenge(), "code": way, "password": "wrong" });
        server.verify_email(body).await.assert_problem(401, "invalid_credentials");
    }
}

#[tokio::test]
async fn a_new_code_takes_the_place_of_the_old_one() {
    let (server, old) = start().await;
    server.clock.advance(Duration::from_mins(1));
    let new = server.resend_mail(EMAIL).await;
    assert_ne!((old.code(), old.token()), (new.code(), new.token()));
    for body in [link(&old), typed(&old, old.code()), typed(&old, new.code())] {
        server.verify_email(body).await.assert_problem(400, "invalid_token");
    }
    server.verify_email(typed(&new, old.code())).await.assert_problem(400, "invalid_token");
    server.verify_email(typed(&new, new.code())).await.assert_status(200);
}

#[tokio::test]
async fn a_new_code_has_all_its_tries() {
    let (server, old) = start().await;
    for _ in 0..6 {
        server.verify_email(typed(&old, WRONG)).await.assert_status(400);
    }
    server.clock.advance(Duration::from_mins(1));
    server.resend(EMAIL).await;
    assert_eq!(tries(&server).await, 0);
    let new = server.newest_mail_to(EMAIL).await;
    server.verify_email(typed(&new, new.code())).await.assert_status(200);
}

#[tokio::test]
async fn a_code_counts_only_for_its_own_challenge() {
    let (server, ada) = start().await;
    server.register(EVE).await;
    let eve = server.newest_mail_to(EVE).await;
    server.verify_email(typed(&ada, eve.code())).await.assert_problem(400, "invalid_token");
    server.verify_email(typed(&eve, ada.code())).await.assert_problem(400, "invalid_token");
    server.verify_email(typed(&ada, ada.code())).await.assert_status(200);
    server.verify_email(typed(&eve, eve.code())).await.assert_status(200);
}

/// Nobody gets the code of an unknown address, but guesses at it are counted like others.
#[tokio::test]
async fn the_challenge_of_an_unknown_address_is_refused_like_a_wrong_code() {
    let (server, mail) = start().await;
    let known = server.verify_email(typed(&mail, WRONG)).await;
    let challenge = server.resend("nobody@example.com").await;
    server.store.take_calls();
    let mut calls = Vec::new();
    for _ in 0..7 {
        let body = json!({ "challengeId": challenge, "code": WRONG, "password": PASSWORD });
        let answer = server.verify_email(body).await;
        assert_eq!((answer.status, &answer.body), (400, &known.body));
        calls.push(server.store.take_calls());
    }
    assert_eq!(calls, vec![vec!["advance_tries"]; 7]);
}

/// The database with what waits in its write-ahead log.
fn database_bytes(server: &TestServer) -> Vec<u8> {
    let mut log = server.database().into_os_string();
    log.push("-wal");
    let files = [server.database(), PathBuf::from(log)];
    files.iter().flat_map(|file| fs::read(file).unwrap_or_default()).collect()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn the_database_holds_neither_token_nor_code_before_or_after_the_mail_is_sent() {
    let server = TestServer::start().await;
    let challenge = server.register(EMAIL).await["challengeId"].as_str().unwrap().to_owned();
    server.forgot(EMAIL).await;
    let waiting = database_bytes(&server);
    let mails = server.mails_to(EMAIL).await;
    assert_eq!(mails.len(), 2);
    let sent = database_bytes(&server);
    for bytes in [&waiting, &sent] {
        // What is looked for would be found.
        assert!(holds(bytes, challenge.as_bytes()) && holds(bytes, EMAIL.as_bytes()));
        for mail in &mails {
            let encoded = mail.token().strip_prefix("dwo_").unwrap();
            let token = BASE64_URL_SAFE_NO_PAD.decode(encoded).unwrap();
            let secret = &token[1..33];
            // The head alone is kind and secret, however a longer text would be cut.
            let parts = [
                mail.token().as_bytes(),
                &encoded.as_bytes()[..40],
                secret,
                &secret[..16],
                mail.code().as_bytes(),
            ];
            assert!(parts.iter().all(|part| !holds(bytes, part)));
            assert!(!holds(bytes, mail.code().replace('-', "").as_bytes()));
        }
    }
}
