use contracts::{MailState, OutboxMail};
use domain::MailId;
use serde_json::{Value, json};
use service::{RetryMailError, Service, rfc3339};
use settings::Settings;

use crate::cli::OutboxCommand;
use crate::failure::Failure;
use crate::{compose, console};

/// Mails that `retry --all` looks at in one step.
const PAGE: usize = 200;

/// Runs a command about mails that were not sent yet, against the configured store, which may be
/// serving meanwhile.
pub(crate) fn run(
    settings: &Settings,
    command: OutboxCommand,
    is_json: bool,
) -> Result<(), Failure> {
    console::runtime()?.block_on(async {
        // Read before anything is opened, so that a wrong value costs nothing.
        let parsed = |text: &str| {
            MailId::parse(text).map_err(|_| Failure::Usage(format!("{text} is no id of a mail")))
        };
        match command {
            OutboxCommand::List { after, limit } => {
                let after = after.as_deref().map(parsed).transpose()?;
                let service = compose::open_service_for_command(settings).await?;
                let mails = service.list_mails(after, limit.into()).await.map_err(failed())?;
                list(&mails, limit.into(), is_json)
            }
            OutboxCommand::Retry { mail: Some(id), .. } => {
                let id = parsed(&id)?;
                let service = compose::open_service_for_command(settings).await?;
                retry(&service, id).await?;
                report(1, is_json)
            }
            OutboxCommand::Retry { mail: None, .. } => {
                let service = compose::open_service_for_command(settings).await?;
                report(retry_all(&service).await?, is_json)
            }
        }
    })
}

async fn retry(service: &Service, id: MailId) -> Result<(), Failure> {
    service.retry_mail(id).await.map_err(|error| match error {
        RetryMailError::UnknownMail | RetryMailError::Expired => {
            Failure::Refused(error.to_string())
        }
        RetryMailError::Failure(failure) => failed()(failure),
    })
}

/// Has every mail that was given up and still has something to say tried again.
async fn retry_all(service: &Service) -> Result<usize, Failure> {
    let (mut after, mut retried) = (None, 0);
    loop {
        let mails = service.list_mails(after, PAGE).await.map_err(failed())?;
        let Some(last) = mails.last() else { return Ok(retried) };
        after = Some(last.mail.id);
        for dead in mails.iter().filter(|mail| mail.state == MailState::Dead) {
            match service.retry_mail(dead.mail.id).await {
                Ok(()) => retried += 1,
                // It has nothing to say any more, or was sent meanwhile.
                Err(RetryMailError::Expired | RetryMailError::UnknownMail) => {}
                Err(RetryMailError::Failure(failure)) => return Err(failed()(failure)),
            }
        }
    }
}

fn failed() -> impl FnOnce(service::Failure) -> Failure {
    Failure::of("the command could not be completed")
}

fn report(retried: usize, is_json: bool) -> Result<(), Failure> {
    if is_json {
        return console::print(&json!({ "retried": retried }).to_string());
    }
    let noun = if retried == 1 { "mail is" } else { "mails are" };
    console::print(&format!("{retried} {noun} queued again; the running server sends them."))
}

fn list(mails: &[OutboxMail], limit: usize, is_json: bool) -> Result<(), Failure> {
    if is_json {
        let items: Vec<Value> = mails.iter().map(to_json).collect();
        return console::print(&json!({ "items": items }).to_string());
    }
    if mails.is_empty() {
        return console::print("No mail waits.");
    }
    for mail in mails {
        let (state, queued) = (mail.state.name(), &mail.mail);
        let (id, name, to) = (queued.id, queued.template.name(), queued.recipient.as_typed());
        let error = mail.last_error.as_deref().unwrap_or("-");
        let attempts = mail.attempts;
        console::print(&format!("{id} {state:8} {name:20} {to} attempts={attempts} {error}"))?;
    }
    match mails.last().filter(|_| mails.len() == limit) {
        Some(last) => console::print(&format!("There may be more: --after {}", last.mail.id)),
        None => Ok(()),
    }
}

fn to_json(mail: &OutboxMail) -> Value {
    json!({
        "id": mail.mail.id.to_string(),
        "state": mail.state.name(),
        "mail": mail.mail.template.name(),
        "to": mail.mail.recipient.as_typed(),
        "attempts": mail.attempts,
        "createdAt": rfc3339(mail.mail.created_at),
        "expiresAt": rfc3339(mail.mail.expires_at),
        "dueAt": rfc3339(mail.due_at),
        "lastError": mail.last_error,
    })
}
