//! Users: replacing them by a one-time code, and what becomes of their codes.

use contracts::{ReplaceUser, SpendCode, UserReplaced};
use domain::{CodeKind, OneTimeCode, PersonName, User};

use crate::Backend;
use crate::fixtures::{
    MILLISECOND, NOW, SECOND, count_of, ending_replacement, event_id, race, replacement, user_id,
};
use crate::fixtures_mail::{code, codes, mail_id, notices, spend};

fn spending(user: &User, code: &OneTimeCode) -> ReplaceUser {
    ReplaceUser { spends: Some(spend(code)), ..replacement(user) }
}

/// A code is good for one change, and gone with it: link and short code.
pub async fn a_code_is_spent_with_the_change(backend: &Backend) {
    let user = backend.with_user(1).await;
    let all = codes(&user.id, 1);
    for code in &all {
        backend.put(code).await;
    }
    let change = ReplaceUser { notices: notices(1), ..spending(&user, &all[1]) };

    backend.replace(&change).await;

    assert_eq!(backend.account(&user.id).await.user, change.user);
    assert_eq!(backend.code(&user.id, all[1].kind).await, None);
    assert_eq!(backend.try_code(all[1].challenge).await, None);
    assert!(backend.has_code(&all[0]).await);
    assert!(backend.has_code(&all[2]).await);
    assert_eq!(backend.told().await, ([event_id(1)].into(), [mail_id(1)].into()));

    let again = ReplaceUser { notices: notices(2), ..spending(&change.user, &all[1]) };
    let replaced = backend.users.replace_user(&again).await.unwrap();
    assert_eq!(replaced, UserReplaced::CodeNotUsable);
    assert_eq!(backend.account(&user.id).await.user, change.user);
    assert_eq!(backend.told().await.0, [event_id(1)]);
}

/// Tries of the short code do not spend the link.
pub async fn a_code_whose_tries_are_used_up_is_spent_by_its_link(backend: &Backend) {
    let user = backend.with_user(1).await;
    let code = backend.with_code(&user.id, 1).await;
    while backend.try_code(code.challenge).await.is_some() {}
    backend.replace(&spending(&user, &code)).await;
    assert_eq!(backend.code(&user.id, code.kind).await, None);
}

/// A link that is clicked sixteen times at once works once.
pub async fn one_of_many_callers_spends_a_code(backend: &Backend) {
    let user = backend.with_user(1).await;
    let code = backend.with_code(&user.id, 1).await;
    let answers = race(16, |number| {
        let users = backend.users.clone();
        let change = ReplaceUser { notices: notices(number), ..spending(&user, &code) };
        async move { users.replace_user(&change).await.unwrap() }
    })
    .await;
    let won = count_of(&answers, &UserReplaced::Yes);
    let lost =
        count_of(&answers, &UserReplaced::CodeNotUsable) + count_of(&answers, &UserReplaced::Stale);
    assert_eq!((won, lost), (1, 15), "{answers:?}");
    assert_eq!(backend.account(&user.id).await.user.version, user.version + 1);
    assert_eq!(backend.told().await.0.len(), 1);
}

/// Nor does it work twice for callers who look again whenever the record has changed.
pub async fn a_code_is_spent_once_by_callers_who_persist(backend: &Backend) {
    let user = backend.with_user(1).await;
    let code = backend.with_code(&user.id, 1).await;
    let answers = race(16, |number| {
        let (backend, code) = (backend.clone(), code.clone());
        async move {
            loop {
                let mut read = backend.account(&code.user).await.user;
                read.name = Some(PersonName::parse(&format!("Name {number}")).unwrap());
                let replaced = backend.users.replace_user(&spending(&read, &code)).await.unwrap();
                if replaced != UserReplaced::Stale {
                    return replaced;
                }
            }
        }
    })
    .await;
    assert_eq!(count_of(&answers, &UserReplaced::Yes), 1, "{answers:?}");
    assert_eq!(count_of(&answers, &UserReplaced::CodeNotUsable), 15, "{answers:?}");
    assert_eq!(backend.account(&user.id).await.user.version, user.version + 1);
}

/// A guessed, expired, foreign or replaced code changes nothing, and stays as it was.
pub async fn a_code_that_cannot_be_used_changes_nothing(backend: &Backend) {
    let user = backend.with_user(1).await;
    let other = backend.with_user(2).await;
    let code = backend.with_code(&user.id, 1).await;
    let foreign = backend.with_code(&other.id, 2).await;
    let mut nearly = spend(&code);
    nearly.secret_digest[31] ^= 1;
    for wrong in [
        nearly,
        SpendCode { now: code.expires_at, ..spend(&code) },
        SpendCode { kind: CodeKind::ChangeAddress, ..spend(&code) },
        SpendCode { user: other.id.clone(), ..spend(&code) },
        SpendCode { user: user_id(3), ..spend(&code) },
        SpendCode { secret_digest: code.short_code_mac, ..spend(&code) },
    ] {
        let change = ReplaceUser {
            spends: Some(wrong),
            drops_codes: true,
            code: Some(OneTimeCode { kind: CodeKind::VerifyAddress, ..code.clone() }),
            notices: notices(1),
            ..ending_replacement(&user)
        };
        let replaced = backend.users.replace_user(&change).await.unwrap();
        assert_eq!(replaced, UserReplaced::CodeNotUsable, "{change:?}");
    }
    assert_eq!(backend.account(&user.id).await.user, user);
    assert!(backend.has_code(&code).await);
    assert!(backend.has_code(&foreign).await);
    assert_eq!(backend.code(&user.id, CodeKind::VerifyAddress).await, None);
    assert_eq!(backend.told().await, ([].into(), [].into()));
    assert!(backend.revoked().await.is_empty());

    let last_moment = SpendCode { now: code.expires_at.minus(MILLISECOND), ..spend(&code) };
    backend.replace(&ReplaceUser { spends: Some(last_moment), ..replacement(&user) }).await;
}

/// A change that says so takes along every code of the user, and of nobody else.
pub async fn all_codes_of_a_user_are_dropped(backend: &Backend) {
    let user = backend.with_user(1).await;
    backend.with_user(2).await;
    let (mine, theirs) = (codes(&user.id, 1), codes(&user_id(2), 11));
    for code in mine.iter().chain(&theirs) {
        backend.put(code).await;
    }
    let change = ReplaceUser { drops_codes: true, ..spending(&user, &mine[0]) };
    backend.replace(&change).await;
    for code in &mine {
        assert_eq!(backend.code(&user.id, code.kind).await, None);
        assert_eq!(backend.try_code(code.challenge).await, None);
    }
    for code in &theirs {
        assert!(backend.has_code(code).await);
    }
}

/// A code that goes out with the change is not one of those that it drops or spends.
pub async fn a_code_that_is_put_with_the_change_stays(backend: &Backend) {
    let user = backend.with_user(1).await;
    let mine = codes(&user.id, 1);
    for code in &mine {
        backend.put(code).await;
    }
    let new = code(&user.id, 9);
    let spent = mine.iter().find(|code| code.kind == new.kind).unwrap();
    let change =
        ReplaceUser { drops_codes: true, code: Some(new.clone()), ..spending(&user, spent) };
    backend.replace(&change).await;
    assert!(backend.has_code(&new).await);
    for kind in [CodeKind::VerifyAddress, CodeKind::ChangeAddress] {
        assert_eq!(backend.code(&user.id, kind).await, None);
    }
}

/// A code that goes with a change replaces the older one of its kind, however young that is, and
/// leaves those of other kinds.
pub async fn a_code_that_is_put_with_a_change_replaces_its_kind(backend: &Backend) {
    let user = backend.with_user(1).await;
    let mine = codes(&user.id, 1);
    for code in &mine {
        backend.put(code).await;
    }
    let new = OneTimeCode { created_at: NOW.minus(SECOND), ..code(&user.id, 9) };
    backend.replace(&ReplaceUser { code: Some(new.clone()), ..replacement(&user) }).await;
    assert!(backend.has_code(&new).await);
    for old in mine {
        assert_eq!(backend.has_code(&old).await, old.kind != new.kind);
    }
    assert!(backend.try_code(new.challenge).await.is_some());
}
