//! Mails: values that are sealed anew.

use contracts::{OutboxMail, QueuedMail, Replaced, Resealed};

use crate::Backend;
use crate::fixtures::{ALL, MINUTE, NOW, SECOND, count_of, race};
use crate::fixtures_mail::{mail, mail_id, waiting};

fn resealed(new: &[u8]) -> Resealed {
    Resealed { old: mail(1).sealed_values, new: new.into() }
}

/// A mail that waits, with other values.
fn with_values(values: &[u8]) -> OutboxMail {
    waiting(&QueuedMail { sealed_values: values.into(), ..mail(1) })
}

/// The mail is due when it was, and other mails stay as they are.
pub async fn replaced_values_are_all_that_changes(backend: &Backend) {
    backend.with_mails(&[mail(1), mail(2)]).await;
    let replaced = backend.mails.replace_mail_values(mail_id(1), &resealed(b"anew")).await;
    assert_eq!(replaced.unwrap(), Replaced::Yes);
    assert_eq!(backend.mails().await, [with_values(b"anew"), waiting(&mail(2))]);
}

/// Values that are not those which were read stay: above all those that were erased.
pub async fn values_that_changed_meanwhile_stay(backend: &Backend) {
    backend.with_mails(&[mail(1)]).await;
    let nothing = backend.mails.replace_mail_values(mail_id(2), &resealed(b"anew")).await;
    assert_eq!(nothing.unwrap(), Replaced::Stale);
    let erased = with_values(b"");
    let replaced = backend.mails.replace_mail(&erased, erased.due_at).await.unwrap();
    assert_eq!(replaced, Replaced::Yes);
    let late = backend.mails.replace_mail_values(mail_id(1), &resealed(b"anew")).await;
    assert_eq!(late.unwrap(), Replaced::Stale);
    assert_eq!(backend.mails().await, [erased]);
}

/// Whoever has claimed a mail notices nothing, and has the last word.
pub async fn values_of_a_claimed_mail_are_replaced(backend: &Backend) {
    backend.with_mails(&[mail(1)]).await;
    let until = NOW.plus(MINUTE);
    let claimed = backend.mails.claim_mails(NOW.plus(SECOND), until, ALL).await.unwrap();
    let replaced = backend.mails.replace_mail_values(mail_id(1), &resealed(b"anew")).await;
    assert_eq!(replaced.unwrap(), Replaced::Yes);
    let again = backend.mails.claim_mails(NOW.plus(SECOND), until, ALL).await.unwrap();
    assert_eq!(again, []);
    assert_eq!(claimed.len(), 1);
    let tried = OutboxMail { attempts: 1, due_at: until.plus(MINUTE), ..claimed[0].clone() };
    assert_eq!(backend.mails.replace_mail(&tried, until).await.unwrap(), Replaced::Yes);
    assert_eq!(backend.mails().await, [tried]);
}

/// Sixteen commands seal the values of one mail anew: one is heard, and its values are there.
pub async fn one_of_many_callers_replaces_the_values_of_a_mail(backend: &Backend) {
    backend.with_mails(&[mail(1)]).await;
    let answers = race(16, |number| {
        let (mails, values) =
            (backend.mails.clone(), resealed(&[&[7], &number.to_be_bytes()[..]].concat()));
        async move { (mails.replace_mail_values(mail_id(1), &values).await.unwrap(), values.new) }
    })
    .await;
    let (outcomes, new): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
    assert_eq!(count_of(&outcomes, &Replaced::Yes), 1);
    let winner = outcomes.iter().position(|outcome| *outcome == Replaced::Yes).unwrap();
    assert_eq!(backend.mails().await, [with_values(&new[winner])]);
}
