//! What a change tells of, written as part of its operation.

use contracts::{MailState, Notices, OutboxEvent, QueuedMail};
use domain::UserId;
use mongodb::bson::{Document, doc};

use crate::collections::{MAILS, OUTBOX};
use crate::documents::{binary, put_some};
use crate::operation::Step;

/// The steps that write what a change tells of, as part of its operation.
pub(crate) fn insert_notices(notices: &Notices) -> impl Iterator<Item = Step> {
    let mails: Vec<Document> = notices.mails.iter().map(mail).collect();
    let mails = (!mails.is_empty()).then_some(Step::Insert { into: MAILS, documents: mails });
    insert_events(&notices.events).into_iter().chain(mails)
}

/// The step that writes events as part of an operation, where there are any.
pub(crate) fn insert_events(events: &[OutboxEvent]) -> Option<Step> {
    let documents: Vec<Document> = events.iter().map(event).collect();
    (!documents.is_empty()).then_some(Step::Insert { into: OUTBOX, documents })
}

/// An event that nobody has claimed.
pub(crate) fn event(event: &OutboxEvent) -> Document {
    let mut document = doc! {
        "_id": event.id.to_string(),
        "name": &event.name,
        "at": event.at.unix_ms(),
        "envelope": &event.envelope,
        "lease_until": 0_i64,
    };
    put_some(&mut document, "user_id", event.subject.as_ref().map(UserId::as_str));
    document
}

/// A mail that is due from the moment it was written.
fn mail(mail: &QueuedMail) -> Document {
    let mut document = doc! {
        "_id": mail.id.to_string(),
        "template": mail.template.name(),
        "recipient": mail.recipient.as_typed(),
        "sealed_values": binary(&mail.sealed_values),
        "created_at": mail.created_at.unix_ms(),
        "expires_at": mail.expires_at.unix_ms(),
        "state": MailState::Waiting.name(),
        "attempts": 0_i64,
        "due_at": mail.created_at.unix_ms(),
    };
    put_some(&mut document, "user_id", mail.user.as_ref().map(UserId::as_str));
    document
}
