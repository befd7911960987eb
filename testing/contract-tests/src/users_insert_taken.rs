//! Users: inserting one whose address may be taken, and what its owner is sent.

use contracts::{CodePut, InsertUser, InsertUserError, PutCode};
use domain::{CodeKind, EmailAddress, OneTimeCode, User};

use crate::Backend;
use crate::fixtures::{email, event_id, new_user, race, roles, user, user_id, username};
use crate::fixtures_mail::{code, mail_id, notices, put, put_after_a_minute};

/// A newcomer of that number with a code, an event and a mail of the same number.
fn newcomer(number: u32, email: &EmailAddress) -> InsertUser {
    let user = User { email: email.clone(), ..user(number) };
    let code = OneTimeCode { kind: CodeKind::VerifyAddress, ..code(&user.id, number) };
    InsertUser { code: Some(code), notices: notices(number), ..new_user(&user, &[]) }
}

/// A code of that number to user 1, unless they were sent one in the last minute.
fn to_owner(number: u32) -> PutCode {
    PutCode { notices: notices(number), ..put_after_a_minute(&code(&user_id(1), number)) }
}

/// The code that verifies the address is there with the user, and nothing for an owner.
pub async fn a_free_address_is_inserted_with_its_code(backend: &Backend) {
    let new = newcomer(2, &user(2).email);
    backend.users.insert_user(&new, Some(&to_owner(9))).await.unwrap();
    assert_eq!(backend.account(&user_id(2)).await.user, new.user);
    assert!(backend.has_code(&new.code.unwrap()).await);
    assert!(!backend.has_code(&to_owner(9).code).await);
    assert_eq!(backend.told().await, ([event_id(2)].into(), [mail_id(2)].into()));
}

/// The owner of a taken address is told, with a code that helps them back in; of the newcomer
/// nothing is kept.
pub async fn the_owner_of_a_taken_address_is_told(backend: &Backend) {
    let owner = backend.with_user(1).await;
    let mut new = newcomer(2, &email("USER1@example.com"));
    new.user.roles = roles(&["ADMIN", "USER"]);

    let refused = backend.users.insert_user(&new, Some(&to_owner(9))).await;

    assert!(matches!(refused, Err(InsertUserError::EmailTaken(Some(CodePut::Yes)))), "{refused:?}");
    assert!(backend.has_code(&to_owner(9).code).await);
    assert_eq!(backend.told().await, ([event_id(9)].into(), [mail_id(9)].into()));
    assert_nothing_remains(backend, &new).await;
    assert_eq!(backend.account(&owner.id).await.user, owner);
}

async fn assert_nothing_remains(backend: &Backend, new: &InsertUser) {
    assert_eq!(backend.users.find_user(&new.user.id).await.unwrap(), None);
    assert_eq!(backend.code(&new.user.id, CodeKind::VerifyAddress).await, None);
    assert_eq!(backend.try_code(new.code.as_ref().unwrap().challenge).await, None);
}

/// That a user name is taken may be said to anybody; that the address is, too, may not.
pub async fn where_both_are_taken_the_user_name_is_told(backend: &Backend) {
    let owner = backend.with_user(1).await;
    let mut new = newcomer(2, &owner.email);
    new.user.username = owner.username;
    let refused = backend.users.insert_user(&new, Some(&to_owner(9))).await;
    assert!(matches!(refused, Err(InsertUserError::UsernameTaken)), "{refused:?}");
    assert_eq!(backend.told().await, ([].into(), [].into()));
}

/// Without anything for the owner, a taken address is a refusal and no more.
pub async fn a_taken_address_may_be_refused_in_silence(backend: &Backend) {
    backend.with_user(1).await;
    let new = newcomer(2, &user(1).email);
    let refused = backend.users.insert_user(&new, None).await;
    assert!(matches!(refused, Err(InsertUserError::EmailTaken(None))), "{refused:?}");
    assert_eq!(backend.told().await, ([].into(), [].into()));
    assert_nothing_remains(backend, &new).await;
}

/// Whoever signs up with another's address again and again does not flood them.
pub async fn the_owner_is_not_told_again_within_the_cool_down(backend: &Backend) {
    let owner = backend.with_user(1).await;
    let standing = backend.with_code(&owner.id, 1).await;
    let new = newcomer(2, &owner.email);

    let refused = backend.users.insert_user(&new, Some(&to_owner(9))).await;

    let is_expected = matches!(
        refused,
        Err(InsertUserError::EmailTaken(Some(CodePut::TooSoon(challenge))))
            if challenge == standing.challenge
    );
    assert!(is_expected, "{refused:?}");
    assert!(backend.has_code(&standing).await);
    assert_eq!(backend.told().await, ([].into(), [].into()));
    assert_nothing_remains(backend, &new).await;
}

/// A taken user name is the newcomer's affair, and nobody is told.
pub async fn a_taken_user_name_tells_nobody(backend: &Backend) {
    backend.with_user(1).await;
    let mut new = newcomer(2, &user(2).email);
    new.user.username = Some(username("USER1"));
    let refused = backend.users.insert_user(&new, Some(&to_owner(9))).await;
    assert!(matches!(refused, Err(InsertUserError::UsernameTaken)), "{refused:?}");
    assert_eq!(backend.code(&user_id(1), CodeKind::ResetPassword).await, None);
    assert_eq!(backend.told().await, ([].into(), [].into()));
    assert_nothing_remains(backend, &new).await;
}

/// Sixteen sign-ups with one address: one of them inserts, the others tell the owner, and that
/// happens once.
pub async fn one_of_many_sign_ups_inserts_and_one_tells(backend: &Backend) {
    let address = email("one@example.com");
    let answers = race(16, |number| {
        let users = backend.users.clone();
        let new = newcomer(100 + number, &address);
        async move { users.insert_user(&new, Some(&to_owner(number))).await }
    })
    .await;
    let inserted = answers.iter().filter(|answer| answer.is_ok()).count();
    let told = |answer: &&Result<(), InsertUserError>| {
        matches!(answer, Err(InsertUserError::EmailTaken(Some(CodePut::Yes))))
    };
    let told = answers.iter().filter(told).count();
    let silent = |answer: &&Result<(), InsertUserError>| {
        matches!(answer, Err(InsertUserError::EmailTaken(Some(CodePut::TooSoon(_)))))
    };
    let silent = answers.iter().filter(silent).count();
    assert_eq!((inserted, told, silent), (1, 1, 14), "{answers:?}");
    let (events, mails) = backend.told().await;
    assert_eq!((events.len(), mails.len()), (2, 2));
    assert_eq!(backend.users.list_users(None, 100).await.unwrap().len(), 1);
}

/// Sixteen sign-ups with one address, each with a code for somebody else: each is told, or inserts.
pub async fn every_sign_up_that_is_refused_puts_its_code(backend: &Backend) {
    let address = email("one@example.com");
    let answers = race(16, |number| {
        let users = backend.users.clone();
        let new = newcomer(100 + number, &address);
        let put = put(&code(&user_id(number), number));
        async move { (put.code.clone(), users.insert_user(&new, Some(&put)).await) }
    })
    .await;
    assert_eq!(answers.iter().filter(|(_, answer)| answer.is_ok()).count(), 1);
    for (code, answer) in answers {
        assert_eq!(backend.has_code(&code).await, answer.is_err());
    }
}
