//! Users: their second factor.

use contracts::UserReplaced;
use domain::{EnabledTotp, PasswordHash, TotpFactor, User, totp_step};

use crate::Backend;
use crate::fixtures::{ALL, NOW, assert_same_user, race, raise, replacement, user, user_id};
use crate::fixtures_factor::{advanced, factor, pending_factor};

/// The user as every way of reading finds them, by a session of that number, too.
async fn everywhere(backend: &Backend, user: &User, number: u32) -> Vec<User> {
    let session = backend.with_session(user, number).await;
    let mut found = vec![
        backend.account(&user.id).await.user,
        backend.account_by_email(user.email.key()).await.unwrap().user,
        backend.account_by_username(user.username.as_ref().unwrap().as_str()).await.unwrap().user,
        backend.signed_in(&session).await.unwrap().account.user,
    ];
    found.extend(backend.users.list_users(None, ALL).await.unwrap());
    found.retain(|found| found.id == user.id);
    assert_eq!(found.len(), 5);
    found
}

async fn assert_factor(backend: &Backend, user: &User, number: u32) {
    for found in everywhere(backend, user, number).await {
        assert_same_user(&User { last_login_at: user.last_login_at, ..found }, user);
    }
}

/// The codes as they were given, in their order, and nothing of the factor of anybody else.
pub async fn a_factor_reads_back_whole_by_whatever_is_asked(backend: &Backend) {
    let without_codes = EnabledTotp { backup_codes: Vec::new(), ..factor(3).enabled.unwrap() };
    let factors = [
        Some(factor(1)),
        Some(pending_factor(2)),
        Some(TotpFactor { enabled: Some(without_codes), ..factor(3) }),
        None,
    ];
    let users: Vec<User> =
        (1..).zip(factors).map(|(number, totp)| User { totp, ..user(number) }).collect();
    for user in &users {
        backend.insert_user(user).await;
    }
    for (number, user) in (1..).zip(&users) {
        assert_factor(backend, user, number).await;
    }
}

/// A factor is begun, begun anew, enabled, used, and taken away; then all of it again.
pub async fn a_factor_is_set_changed_and_removed_by_replacements(backend: &Backend) {
    let mut user = User { totp: None, ..user(1) };
    backend.insert_user(&user).await;
    let spent = EnabledTotp {
        backup_codes: factor(3).enabled.unwrap().backup_codes.split_off(1),
        ..factor(3).enabled.unwrap()
    };
    let stages = [
        Some(pending_factor(2)),
        Some(pending_factor(3)),
        Some(factor(3)),
        Some(advanced(&factor(3), totp_step(NOW))),
        Some(TotpFactor { enabled: Some(spent), ..factor(3) }),
        Some(pending_factor(4)),
        None,
        Some(factor(5)),
        None,
    ];
    for (number, totp) in (1..).zip(stages) {
        let change = replacement(&User { totp, ..user });
        backend.replace(&change).await;
        user = change.user;
        assert_factor(backend, &user, number).await;
    }
}

/// Sixteen callers show one code: it counts once.
pub async fn one_of_many_callers_moves_the_step_on(backend: &Backend) {
    let user = backend.with_user(1).await;
    let step = totp_step(NOW);
    let answers = race(16, |number| {
        let (users, user) = (backend.users.clone(), user.clone());
        let totp = Some(advanced(&factor(1), step + u64::from(number)));
        let change = replacement(&User { totp: totp.clone(), ..user });
        async move { (totp, users.replace_user(&change).await.unwrap()) }
    })
    .await;
    let (mut winners, others): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|(_, replaced)| *replaced == UserReplaced::Yes);
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert!(others.iter().all(|(_, replaced)| *replaced == UserReplaced::Stale), "{others:?}");
    let (totp, _) = winners.remove(0);
    let expected = User { totp, version: user.version + 1, ..user };
    assert_same_user(&backend.account(&expected.id).await.user, &expected);
}

/// A decision on an old record changes no factor: else a code would count twice.
pub async fn a_stale_replacement_leaves_the_factor(backend: &Backend) {
    let user = backend.with_user(1).await;
    for (version, totp) in [
        (user.version - 1, None),
        (user.version + 1, Some(advanced(&factor(1), 0))),
        (user.version + 1, Some(pending_factor(2))),
    ] {
        let change = replacement(&User { version, totp, ..user.clone() });
        assert_eq!(backend.users.replace_user(&change).await.unwrap(), UserReplaced::Stale);
        assert_same_user(&backend.account(&user.id).await.user, &user);
    }
}

/// What changes something else of the user leaves the factor alone.
pub async fn other_changes_leave_the_factor(backend: &Backend) {
    for (number, totp) in [(1, Some(factor(1))), (2, Some(pending_factor(2))), (3, None)] {
        let user = User { totp: totp.clone(), ..user(number) };
        backend.insert_user(&user).await;
        backend.with_session(&user, number).await;
        let (old, new) = (user.password_hash.clone().unwrap(), PasswordHash::new("$new"));
        backend.users.replace_password_hash(&user.id, &old, &new).await.unwrap();
        backend.users.advance_session_epoch(&raise(&user), &[]).await.unwrap();
        let found = backend.account(&user.id).await.user;
        assert_eq!((found.totp, found.password_hash), (totp, Some(new)));
        assert_eq!(found.session_epoch, user.session_epoch + 1);
    }
}

/// Whoever comes next with that address has no factor but their own.
pub async fn an_erased_user_has_no_factor(backend: &Backend) {
    let gone = backend.with_user(1).await;
    let other = backend.with_user(2).await;
    backend.erase(&gone).await;
    assert_eq!(backend.users.find_user(&gone.id).await.unwrap(), None);
    for (number, totp) in [(3, None), (4, Some(pending_factor(4)))] {
        let newcomer = User { id: user_id(number), totp, ..user(1) };
        backend.insert_user(&newcomer).await;
        assert_factor(backend, &newcomer, number).await;
        let found = backend.account(&newcomer.id).await.user;
        backend.erase(&found).await;
    }
    assert_same_user(&backend.account(&other.id).await.user, &other);
}
