//! Signing in tells nothing that registration keeps to itself.

use super::*;

const WRONG: &str = "not the password";

#[tokio::test]
async fn a_wrong_password_gets_the_same_answer_after_the_same_calls_for_every_address() {
    let server = start().await;
    let mut all = Vec::new();
    for email in ADDRESSES {
        let answer = server.try_sign_in(email, WRONG).await;
        answer.assert_problem(401, "invalid_credentials");
        assert_eq!(server.store.take_calls(), ["find_user_by_login"], "{email}");
        all.push(seen(&answer));
    }
    all.dedup();
    assert_eq!(all.len(), 1, "{all:?}");
}

/// Else whoever registers an address and then signs in with the password just chosen would learn
/// whether it had been free: only then is it the password of the account.
#[tokio::test]
async fn whoever_registers_and_signs_in_does_not_learn_whether_the_address_was_free() {
    let server = start().await;
    let mut all = Vec::new();
    for email in ADDRESSES {
        server.post(REGISTER, body(REGISTER, email)).await.assert_status(202);
        server.store.take_calls();
        let answer = server.try_sign_in(email, "whatever they choose").await;
        all.push((seen(&answer), server.store.take_calls()));
    }
    all.dedup();
    assert_eq!(all.len(), 1, "{all:?}");
}
