//! What a change tells of, written as part of its operation.

use contracts::{MailState, Notices, OutboxEvent, QueuedMail};
use domain::Timestamp;

use crate::fields::{Fields, bytes, counter, moment, number, text};
use crate::table::{Key, Kind, MAIL_KEPT_AFTER_EXPIRY, TTL, owner_list, ttl_of};
use crate::write::Action;

/// The lease of an event that nobody has claimed.
const NEVER: Timestamp = Timestamp::from_unix_ms(0);

/// The actions that write what a change tells of.
pub(crate) fn insert_notices(notices: &Notices) -> impl Iterator<Item = Action> {
    notices.events.iter().map(insert_event).chain(notices.mails.iter().map(insert_mail))
}

/// The action that writes an event.
pub(crate) fn insert_event(event: &OutboxEvent) -> Action {
    let fields = Fields::default()
        .with("id", text(event.id.to_string()))
        .with("name", text(&event.name))
        .maybe("subject", event.subject.as_ref().map(|user| text(user.as_str())))
        .with("at_ms", moment(event.at))
        .with("envelope", text(&event.envelope))
        .with("lease_until_ms", moment(NEVER));
    Action::put(&Key::event(event.id), fields)
}

fn insert_mail(mail: &QueuedMail) -> Action {
    let id = mail.id.to_string();
    let mut fields = Fields::default()
        .due(Kind::Mail, &id, mail.created_at)
        .with("template", text(mail.template.name()))
        .with("recipient", text(mail.recipient.as_typed()))
        .with("sealed_values", bytes(&mail.sealed_values))
        .with("created_at_ms", moment(mail.created_at))
        .with("expires_at_ms", moment(mail.expires_at))
        .with("state", text(MailState::Waiting.name()))
        .with("attempts", counter(0))
        .with("due_at_ms", moment(mail.created_at))
        .with(TTL, number(ttl_of(mail.expires_at, MAIL_KEPT_AFTER_EXPIRY)));
    if let Some(user) = &mail.user {
        fields = fields.with("user", text(user.as_str())).listed(owner_list(user), &id);
    }
    Action::put(&Key::mail(mail.id), fields.with("id", text(id)))
}
