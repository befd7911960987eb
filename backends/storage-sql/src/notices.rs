//! What a change tells of, written as part of its operation.

use contracts::{Notices, OutboxEvent, QueuedMail};
use domain::{IdError, UserId};

use crate::statement::Statement;

const INSERT_EVENT: &str = "
    INSERT INTO outbox (id, name, user_id, at_ms, envelope, lease_until_ms)
    VALUES ($1, $2, $3, $4, $5, 0)";

const INSERT_MAIL: &str = "
    INSERT INTO mails (id, user_id, template, recipient, sealed_values, created_at_ms,
                       expires_at_ms, state, attempts, due_at_ms)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', 0, $6)";

#[cfg(test)]
pub(crate) const STATEMENTS: &[&str] = &[INSERT_EVENT, INSERT_MAIL];

/// The statements that write what a change tells of, as part of its operation.
pub(crate) fn insert_notices(notices: &Notices) -> impl Iterator<Item = Statement> {
    notices.events.iter().map(insert_event).chain(notices.mails.iter().map(insert_mail))
}

/// The user whom an event is about, as the column holds it. It cannot be null, and no user's id is
/// empty, so an empty text stands for none.
fn subject_column(subject: Option<&UserId>) -> &str {
    subject.map_or("", UserId::as_str)
}

/// Reads what [`subject_column`] wrote.
pub(crate) fn to_subject(column: &str) -> Result<Option<UserId>, IdError> {
    (!column.is_empty()).then(|| UserId::parse(column)).transpose()
}

/// The statement that writes an event as part of an operation.
pub(crate) fn insert_event(event: &OutboxEvent) -> Statement {
    Statement::new(
        INSERT_EVENT,
        [
            event.id.to_string().into(),
            event.name.as_str().into(),
            subject_column(event.subject.as_ref()).into(),
            event.at.into(),
            event.envelope.as_str().into(),
        ],
    )
}

/// The statement that writes a mail as part of an operation.
fn insert_mail(mail: &QueuedMail) -> Statement {
    Statement::new(
        INSERT_MAIL,
        [
            mail.id.to_string().into(),
            mail.user.as_ref().map(UserId::as_str).into(),
            mail.template.name().into(),
            mail.recipient.as_typed().into(),
            mail.sealed_values.as_ref().into(),
            mail.created_at.into(),
            mail.expires_at.into(),
        ],
    )
}
