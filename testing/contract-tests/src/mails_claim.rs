//! Mails: claiming them for a while.

use contracts::{MailState, OutboxMail, QueuedMail, Replaced};
use domain::{MailId, Timestamp};

use crate::Backend;
use crate::fixtures::{ALL, HOUR, MILLISECOND, MINUTE, NOW, race};
use crate::fixtures_mail::{mail, mail_id, waiting};

/// The ids of up to `limit` mails that are due then, leased for a minute; each says so.
async fn claim(backend: &Backend, now: Timestamp, limit: usize) -> Vec<MailId> {
    let until = now.plus(MINUTE);
    let claimed = backend.mails.claim_mails(now, until, limit).await.unwrap();
    assert!(claimed.iter().all(|mail| mail.due_at == until));
    let mut ids: Vec<MailId> = claimed.into_iter().map(|mail| mail.mail.id).collect();
    ids.sort_unstable();
    ids
}

fn written_at(number: u32, created_at: Timestamp) -> QueuedMail {
    QueuedMail { created_at, ..mail(number) }
}

/// A mail that is due now is due, and one that is not yet is left alone.
pub async fn only_mails_that_are_due_are_claimed(backend: &Backend) {
    assert_eq!(claim(backend, NOW, ALL).await, []);
    let later = NOW.plus(MILLISECOND);
    backend.with_mails(&[written_at(1, NOW), written_at(2, later)]).await;
    assert_eq!(claim(backend, NOW, ALL).await, [mail_id(1)]);
    assert_eq!(backend.mails.find_mail(mail_id(2)).await.unwrap().unwrap().due_at, later);
    assert_eq!(claim(backend, later, ALL).await, [mail_id(2)]);
}

/// Whoever has waited longest comes first, whatever the ids, and no more than asked for: a server
/// that was away must not make old mails wait behind new ones.
pub async fn the_longest_due_are_claimed_first(backend: &Backend) {
    let minutes_ago = [3, 5, 1, 4, 2];
    for (number, minutes) in (1..).zip(minutes_ago) {
        backend.with_mails(&[written_at(number, NOW.minus(minutes * MINUTE))]).await;
    }
    assert_eq!(claim(backend, NOW, 2).await, [2, 4].map(mail_id));
    assert_eq!(claim(backend, NOW, 1).await, [mail_id(1)]);
    assert_eq!(claim(backend, NOW, 0).await, []);
    assert_eq!(claim(backend, NOW, 10).await, [3, 5].map(mail_id));
    assert_eq!(claim(backend, NOW, 10).await, []);
}

/// A sender that died with a mail in hand does not take it with it.
pub async fn a_mail_is_given_again_when_its_lease_has_run_out(backend: &Backend) {
    backend.with_mails(&[written_at(1, NOW)]).await;
    assert_eq!(claim(backend, NOW, 10).await, [mail_id(1)]);
    let until = NOW.plus(MINUTE);
    assert_eq!(claim(backend, until.minus(MILLISECOND), 10).await, []);
    assert_eq!(claim(backend, until, 10).await, [mail_id(1)]);
    assert_eq!(claim(backend, until, 10).await, []);
}

/// A mail that has been tried comes with all that is known of it.
pub async fn a_claimed_mail_is_whole(backend: &Backend) {
    backend.with_mails(&[mail(1)]).await;
    let tried = OutboxMail {
        attempts: 3,
        due_at: NOW,
        last_error: Some("später".to_owned()),
        ..waiting(&mail(1))
    };
    let before = mail(1).created_at;
    assert_eq!(backend.mails.replace_mail(&tried, before).await.unwrap(), Replaced::Yes);
    let until = NOW.plus(MINUTE);
    let claimed = backend.mails.claim_mails(NOW, until, 10).await.unwrap();
    let expected = OutboxMail { due_at: until, ..tried };
    assert_eq!(claimed, std::slice::from_ref(&expected));
    assert_eq!(claimed[0].mail.recipient.as_typed(), expected.mail.recipient.as_typed());
    assert_eq!(backend.mails().await, [expected]);
}

/// A dead mail is claimed like any other when it is due, and so is one that has expired: what is to
/// be done with it is not for a store to decide.
pub async fn dead_and_expired_mails_are_claimed_too(backend: &Backend) {
    let expired = QueuedMail { expires_at: NOW.minus(HOUR), ..written_at(2, NOW.minus(2 * HOUR)) };
    backend.with_mails(&[mail(1), expired]).await;
    let dead = OutboxMail {
        state: MailState::Dead,
        due_at: NOW.plus(HOUR),
        last_error: Some("refused".to_owned()),
        ..waiting(&mail(1))
    };
    backend.mails.replace_mail(&dead, mail(1).created_at).await.unwrap();
    assert_eq!(claim(backend, NOW, 10).await, [mail_id(2)]);
    backend.mails.delete_mail(mail_id(2)).await.unwrap();
    assert_eq!(claim(backend, NOW.plus(HOUR), 10).await, [mail_id(1)]);
    assert_eq!(backend.mails().await[0].state, MailState::Dead);
}

/// A sender that was slow finds that another has its mail by now, and must not speak for it.
pub async fn a_lost_lease_changes_nothing(backend: &Backend) {
    backend.with_mails(&[written_at(1, NOW)]).await;
    let first = NOW.plus(MINUTE);
    let second = first.plus(MINUTE);
    let slow = backend.mails.claim_mails(NOW, first, 1).await.unwrap().remove(0);
    let quick = backend.mails.claim_mails(first, second, 1).await.unwrap().remove(0);
    assert_eq!((slow.due_at, quick.due_at), (first, second));

    let late = OutboxMail { attempts: 1, due_at: NOW, ..slow };
    assert_eq!(backend.mails.replace_mail(&late, first).await.unwrap(), Replaced::Stale);
    assert_eq!(backend.mails().await, std::slice::from_ref(&quick));
    let done = OutboxMail { attempts: 1, due_at: NOW.plus(HOUR), ..quick };
    assert_eq!(backend.mails.replace_mail(&done, second).await.unwrap(), Replaced::Yes);
    assert_eq!(backend.mails().await, [done]);
}

/// Sixteen senders empty the outbox together: nobody gets a mail twice.
pub async fn no_two_senders_get_the_same_mail(backend: &Backend) {
    let numbers: Vec<u32> = (0..60).collect();
    let mails: Vec<QueuedMail> = numbers.iter().map(|number| written_at(*number, NOW)).collect();
    backend.with_mails(&mails).await;
    let claimed = race(16, |_| {
        let backend = backend.clone();
        async move {
            let mut mine = Vec::new();
            loop {
                let ids = claim(&backend, NOW, 7).await;
                if ids.is_empty() {
                    return mine;
                }
                assert!(ids.len() <= 7);
                mine.extend(ids);
            }
        }
    })
    .await;
    let mut all: Vec<MailId> = claimed.into_iter().flatten().collect();
    all.sort_unstable();
    assert_eq!(all, numbers.into_iter().map(mail_id).collect::<Vec<_>>());
}
