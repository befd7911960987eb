use axum::extract::State;
use contracts::OutgoingMail;
use domain::EmailAddress;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use service::rfc3339;

use crate::answer::Private;
use crate::inputs::QueryParameters;
use crate::mistakes::Mistakes;
use crate::problem::Problem;
use crate::state::AppState;

/// Whose mails.
#[derive(Deserialize)]
pub(crate) struct Recipient {
    to: Option<String>,
}

/// A mail in the development mailbox.
#[derive(Serialize)]
pub(crate) struct MailView {
    to: String,
    subject: String,
    text: String,
    html: String,
    links: Vec<String>,
    code: Option<String>,
    at: String,
}

/// `GET /dev/mailbox`: the newest first.
pub(crate) async fn list(
    State(state): State<AppState>,
    QueryParameters(recipient): QueryParameters<Recipient>,
) -> Result<Private<Vec<MailView>>, Problem> {
    let mut mistakes = Mistakes::default();
    let to = recipient.to.map(|to| mistakes.take("to", EmailAddress::parse(&to)));
    if !mistakes.is_empty() {
        return Err(mistakes.into_problem());
    }
    let mails = state.mailbox.as_ref().map(|mailbox| mailbox.list(to.flatten().as_ref()));
    Ok(Private(mails.unwrap_or_default().iter().map(to_view).collect()))
}

fn to_view(mail: &OutgoingMail) -> MailView {
    let shown = |secret: &secrecy::SecretString| secret.expose_secret().to_owned();
    MailView {
        to: mail.recipient.as_typed().to_owned(),
        subject: mail.rendered.subject.clone(),
        text: shown(&mail.rendered.text),
        html: shown(&mail.rendered.html),
        links: mail.link.iter().map(shown).collect(),
        code: mail.code.as_ref().map(shown),
        at: rfc3339(mail.created_at),
    }
}
