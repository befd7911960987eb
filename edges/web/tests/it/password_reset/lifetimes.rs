//! A link or a code works once and for ten minutes.

use std::sync::Arc;
use std::time::Duration;

use harness::{EMAIL, NEW_PASSWORD, PASSWORD};
use serde_json::json;

use super::{PATH, start};

#[tokio::test]
async fn link_and_code_work_for_ten_minutes() {
    for (age, status) in [(Duration::from_millis(599_999), 204), (Duration::from_mins(10), 400)] {
        for is_typed in [false, true] {
            let (server, _, mail) = start().await;
            server.clock.advance(age);
            let answer = if is_typed {
                server.reset_typed(mail.challenge(), mail.code()).await
            } else {
                server.reset(mail.token()).await
            };
            answer.assert_status(status);
            let password = if status == 204 { NEW_PASSWORD } else { PASSWORD };
            server.try_sign_in(EMAIL, password).await.assert_status(200);
        }
    }
}

#[tokio::test]
async fn a_link_works_once_and_takes_its_code_along() {
    let (server, _, mail) = start().await;
    server.reset(mail.token()).await.assert_status(204);
    server.reset(mail.token()).await.assert_problem(400, "invalid_token");
    let typed = server.reset_typed(mail.challenge(), mail.code()).await;
    typed.assert_problem(400, "invalid_token");
    assert_eq!(server.events_of_type("user.password_changed").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_callers_sets_a_password() {
    let (server, _, mail) = start().await;
    let server = Arc::new(server);
    let password = |number: usize| format!("the password of caller {number}");
    let bodies = (0..16)
        .map(|number| json!({ "token": mail.token(), "newPassword": password(number) }))
        .collect();
    let statuses = server.race(PATH, bodies).await;
    assert_eq!(statuses, [vec![204], vec![400; 15]].concat());
    assert_eq!(server.account(EMAIL).await.user.session_epoch, 1);
    let mut right = 0;
    for number in 0..16 {
        right += usize::from(server.try_sign_in(EMAIL, &password(number)).await.status == 200);
    }
    assert_eq!(right, 1);
}

#[tokio::test]
async fn what_we_never_wrote_resets_nothing() {
    let (server, _, mail) = start().await;
    let good = mail.token();
    let cut = &good[..good.len() - 1];
    for token in ["", "dwo_", "nonsense", cut, &format!("{good}A"), &good.to_uppercase()] {
        server.reset(token).await.assert_problem(400, "invalid_token");
    }
    let nobodys = "chal_00000000000000000000000000";
    for (challenge, code) in [(nobodys, mail.code()), (mail.challenge(), "0000-0000")] {
        server.reset_typed(challenge, code).await.assert_problem(400, "invalid_token");
    }
    server.sign_in(EMAIL).await;
    server.reset(good).await.assert_status(204);
}

#[tokio::test]
async fn the_end_of_the_account_is_the_end_of_its_links() {
    let (server, tokens, mail) = start().await;
    server.delete_as(&tokens.access, "/auth/me").await.assert_status(204);
    server.reset(mail.token()).await.assert_problem(400, "invalid_token");
    let typed = server.reset_typed(mail.challenge(), mail.code()).await;
    typed.assert_problem(400, "invalid_token");
}

#[tokio::test]
async fn a_disabled_user_resets_nothing_and_gets_no_mail() {
    let (server, tokens, mail) = start().await;
    let before = server.mails_to(EMAIL).await.len();
    server.store.disable(&tokens.user());
    server.reset(mail.token()).await.assert_problem(400, "invalid_token");
    let typed = server.reset_typed(mail.challenge(), mail.code()).await;
    typed.assert_problem(400, "invalid_token");
    server.clock.advance(Duration::from_mins(2));
    server.forgot(EMAIL).await;
    assert_eq!(server.mails_to(EMAIL).await.len(), before);
    assert_eq!(server.events_of_type("user.password_reset_requested").await.len(), 1);
}
