//! Mails: written with what they tell of, found, listed, replaced and deleted.

use contracts::{
    InsertUser, MailState, NewSession, OutboxMail, PutCode, QueuedMail, ReplaceUser, Replaced,
};
use domain::MailTemplate;

use crate::Backend;
use crate::fixtures::{
    HOUR, MINUTE, NOW, SECOND, count_of, erasure, new_session, new_user, race, replacement,
    session, user, user_id,
};
use crate::fixtures_mail::{
    code, mail, mail_id, mail_to, notices, put, put_after_a_minute, waiting,
};

/// A mail that waits.
async fn with_mail(backend: &Backend, number: u32) -> OutboxMail {
    backend.with_mails(&[mail(number)]).await;
    waiting(&mail(number))
}

/// The mail as it is after a failed attempt that erased its values.
fn changed(mail: &OutboxMail) -> OutboxMail {
    OutboxMail {
        mail: QueuedMail { sealed_values: [].into(), ..mail.mail.clone() },
        state: MailState::Dead,
        attempts: 12,
        due_at: NOW.plus(HOUR),
        last_error: Some("550 5.1.1 no such mailbox".to_owned()),
    }
}

/// Every operation that changes something writes its mails, and none for what it did not change.
pub async fn mails_are_there_exactly_if_the_change_is(backend: &Backend) {
    let user = user(1);
    let new = |number| InsertUser { notices: notices(number), ..new_user(&user, &[]) };
    backend.users.insert_user(&new(1), None).await.unwrap();
    assert!(backend.users.insert_user(&new(2), None).await.is_err());

    let put_one = PutCode { notices: notices(3), ..put(&code(&user.id, 1)) };
    backend.codes.put_code(&put_one).await.unwrap();
    let too_soon = PutCode { notices: notices(4), ..put_after_a_minute(&code(&user.id, 2)) };
    backend.codes.put_code(&too_soon).await.unwrap();

    let begun =
        |number| NewSession { notices: notices(number), ..new_session(&session(&user, 1), &[]) };
    backend.sessions.insert_session(&begun(5)).await.unwrap();

    let change = |number| ReplaceUser { notices: notices(number), ..replacement(&user) };
    backend.users.replace_user(&change(6)).await.unwrap();
    backend.users.replace_user(&change(7)).await.unwrap();

    let mut refused = begun(8);
    refused.session.epoch += 1;
    backend.sessions.insert_session(&refused).await.unwrap();

    let (events, mails) = backend.told().await;
    assert_eq!(mails, [1, 3, 5, 6].map(mail_id));
    assert_eq!(events.len(), 4);

    let mut erasure = erasure(&change(0).user);
    erasure.notices = notices(9);
    backend.erase_with(&erasure).await;
    erasure.notices = notices(10);
    backend.users.erase_user(&erasure).await.unwrap();
    assert!(backend.told().await.1.contains(&mail_id(9)));
    assert_eq!(backend.mails.find_mail(mail_id(10)).await.unwrap(), None);
}

/// A new mail is due at once and has not been tried; its recipient is spelled as it was.
pub async fn a_new_mail_reads_back_whole(backend: &Backend) {
    let mails: Vec<QueuedMail> = (1..)
        .zip(MailTemplate::ALL)
        .map(|(number, template)| QueuedMail { template, ..mail(number) })
        .collect();
    backend.with_mails(&mails).await;
    for mail in &mails {
        let found = backend.mails.find_mail(mail.id).await.unwrap().unwrap();
        assert_eq!(found, waiting(mail));
        assert_eq!(found.mail.recipient.as_typed(), mail.recipient.as_typed());
    }
    assert_eq!(backend.mails().await, mails.iter().map(waiting).collect::<Vec<_>>());
}

/// Pages follow each other by id; the key of a page need not exist any more.
pub async fn mails_are_listed_by_id_page_after_page(backend: &Backend) {
    assert_eq!(backend.mails.list_mails(None, 10).await.unwrap(), []);
    backend.with_mails(&[5, 2, 1, 4].map(mail)).await;
    let page = async |after: Option<u32>, limit| {
        let listed = backend.mails.list_mails(after.map(mail_id), limit).await.unwrap();
        listed.into_iter().map(|mail| mail.mail.id).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 2).await, [1, 2].map(mail_id));
    assert_eq!(page(Some(2), 2).await, [4, 5].map(mail_id));
    assert_eq!(page(Some(3), 1).await, [mail_id(4)]);
    assert_eq!(page(Some(5), 2).await, []);
    assert_eq!(backend.mails.find_mail(mail_id(3)).await.unwrap(), None);
}

/// What was sent goes, the others stay, and going twice is no error.
pub async fn a_deleted_mail_is_gone_and_may_be_deleted_again(backend: &Backend) {
    backend.with_mails(&[mail(1), mail(2)]).await;
    for _ in 0..2 {
        backend.mails.delete_mail(mail_id(1)).await.unwrap();
        assert_eq!(backend.mails().await, [waiting(&mail(2))]);
    }
    backend.mails.delete_mail(mail_id(9)).await.unwrap();
    let claimed = backend.mails.claim_mails(NOW.plus(SECOND), NOW, 10).await.unwrap();
    assert_eq!(claimed.len(), 1);
}

/// What became of a mail is kept; the mail itself stays as it was written, but for its values.
pub async fn what_became_of_a_mail_is_kept(backend: &Backend) {
    let old = with_mail(backend, 1).await;
    let other = with_mail(backend, 2).await;
    let new = changed(&old);
    assert_eq!(backend.mails.replace_mail(&new, old.due_at).await.unwrap(), Replaced::Yes);
    assert_eq!(backend.mails.find_mail(mail_id(1)).await.unwrap(), Some(new.clone()));

    // An operator says so: it is tried again as if nothing had happened.
    let again = OutboxMail { mail: new.mail.clone(), ..old.clone() };
    assert_eq!(backend.mails.replace_mail(&again, new.due_at).await.unwrap(), Replaced::Yes);
    assert_eq!(backend.mails().await, [again, other]);
}

/// Somebody whose lease has run out changes nothing, and neither does who speaks of a mail that is
/// not there.
pub async fn a_replacement_over_another_due_time_is_stale(backend: &Backend) {
    let old = with_mail(backend, 1).await;
    for due_at in [old.due_at.minus(SECOND), old.due_at.plus(SECOND), changed(&old).due_at] {
        let replaced = backend.mails.replace_mail(&changed(&old), due_at).await.unwrap();
        assert_eq!(replaced, Replaced::Stale);
    }
    let nothing = waiting(&mail(2));
    let replaced = backend.mails.replace_mail(&changed(&nothing), nothing.due_at).await.unwrap();
    assert_eq!(replaced, Replaced::Stale);
    assert_eq!(backend.mails().await, [old]);
}

/// Sixteen senders report on one lease: one is heard.
pub async fn one_of_many_callers_replaces_a_mail(backend: &Backend) {
    let old = with_mail(backend, 1).await;
    let answers = race(16, |attempts| {
        let (mails, due_at) = (backend.mails.clone(), old.due_at);
        let new = OutboxMail { attempts, due_at: NOW.plus(MINUTE), ..old.clone() };
        async move { mails.replace_mail(&new, due_at).await.unwrap() }
    })
    .await;
    assert_eq!(count_of(&answers, &Replaced::Yes), 1);
}

/// What a server said is kept in whatever script it said it.
pub async fn errors_of_any_script_read_back(backend: &Backend) {
    let mut mail = with_mail(backend, 1).await;
    let long = "x".repeat(4000);
    for text in ["", "Postfach überfüllt: 邮箱已满 📪", "'\"; DROP TABLE mails; --\r\n\t", &long]
    {
        let due_at = mail.due_at;
        mail.last_error = Some(text.to_owned());
        assert_eq!(backend.mails.replace_mail(&mail, due_at).await.unwrap(), Replaced::Yes);
        assert_eq!(backend.mails.find_mail(mail_id(1)).await.unwrap(), Some(mail.clone()));
    }
}

/// A mail need not belong to a user whom the store knows.
pub async fn a_mail_to_nobody_is_kept(backend: &Backend) {
    with_mail(backend, 1).await;
    assert_eq!(backend.users.find_user(&user_id(1)).await.unwrap(), None);
    assert_eq!(backend.mails().await, [waiting(&mail(1))]);
}

/// Mails of one user go a few at a time; those of others, and of nobody in particular, stay.
pub async fn mails_of_a_user_are_deleted_a_few_at_a_time(backend: &Backend) {
    let theirs = mail_to(&user_id(2), 4);
    let outliving = QueuedMail { user: None, ..mail_to(&user_id(1), 5) };
    backend.with_mails(&[1, 2, 3].map(|number| mail_to(&user_id(1), number))).await;
    backend.with_mails(&[theirs.clone(), outliving.clone()]).await;
    let mut steps = Vec::new();
    for _ in 0..3 {
        steps.push(backend.mails.delete_mails_of(&user_id(1), 2).await.unwrap());
    }
    assert_eq!(steps, [2, 1, 0]);
    assert_eq!(backend.mails().await, [waiting(&theirs), waiting(&outliving)]);
}
