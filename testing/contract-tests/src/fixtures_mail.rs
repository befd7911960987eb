//! Codes and mails to put into a store.

use contracts::{MailState, Notices, OutboxMail, PutCode, QueuedMail, SpendCode};
use domain::{ChallengeId, CodeKind, MailId, MailTemplate, OneTimeCode, UserId};

use crate::fixtures::{HOUR, MINUTE, NOW, email, event, made_at, user_id};

/// The tries that every case allows.
pub(crate) const TRIES_MAX: u32 = 5;

pub(crate) fn challenge(number: u32) -> ChallengeId {
    ChallengeId::new(made_at(number), [6; 10])
}

pub(crate) fn mail_id(number: u32) -> MailId {
    MailId::new(made_at(number), [5; 10])
}

/// A code for a new password: made now, typed for a quarter of an hour, and a link for an hour.
pub(crate) fn code(user: &UserId, number: u32) -> OneTimeCode {
    OneTimeCode {
        user: user.clone(),
        kind: CodeKind::ResetPassword,
        challenge: challenge(number),
        secret_digest: digest(number, 0),
        short_code_mac: digest(number, 0xff),
        tries: 0,
        email: None,
        created_at: NOW,
        short_code_expires_at: NOW.plus(15 * MINUTE),
        expires_at: NOW.plus(HOUR),
    }
}

/// The user's codes of every kind, with that number and the two after it.
pub(crate) fn codes(user: &UserId, number: u32) -> [OneTimeCode; 3] {
    let [first, second, third] = CodeKind::ALL;
    [(first, number), (second, number + 1), (third, number + 2)]
        .map(|(kind, number)| OneTimeCode { kind, ..code(user, number) })
}

fn digest(number: u32, filler: u8) -> [u8; 32] {
    let mut digest = [filler; 32];
    digest[..4].copy_from_slice(&number.to_be_bytes());
    digest
}

/// Puts the code in the place of any that was made up to now.
pub(crate) fn put(code: &OneTimeCode) -> PutCode {
    PutCode { code: code.clone(), unless_made_after: NOW, notices: Notices::default() }
}

/// Puts the code unless one was made in the last minute.
pub(crate) fn put_after_a_minute(code: &OneTimeCode) -> PutCode {
    PutCode { unless_made_after: NOW.minus(MINUTE), ..put(code) }
}

/// Takes that code along now.
pub(crate) fn spend(code: &OneTimeCode) -> SpendCode {
    SpendCode {
        user: code.user.clone(),
        kind: code.kind,
        secret_digest: code.secret_digest,
        now: NOW,
    }
}

/// A mail to the user of that number.
pub(crate) fn mail(number: u32) -> QueuedMail {
    mail_to(&user_id(number), number)
}

/// A mail of that number to the user, for two hours.
pub(crate) fn mail_to(user: &UserId, number: u32) -> QueuedMail {
    QueuedMail {
        id: mail_id(number),
        user: Some(user.clone()),
        template: MailTemplate::PasswordChanged,
        recipient: email(&format!("Reader{number}@Example.com")),
        sealed_values: [0, 255, 1].into(),
        created_at: made_at(number),
        expires_at: made_at(number).plus(2 * HOUR),
    }
}

/// One event and one mail, both of that number.
pub(crate) fn notices(number: u32) -> Notices {
    Notices { events: vec![event(number)], mails: vec![mail(number)] }
}

/// The mail as it waits for its first attempt.
pub(crate) fn waiting(mail: &QueuedMail) -> OutboxMail {
    OutboxMail {
        mail: mail.clone(),
        state: MailState::Waiting,
        attempts: 0,
        due_at: mail.created_at,
        last_error: None,
    }
}
