use contracts::{MailRenderer as _, RenderedMail};
use domain::MailTemplate;
use mail::Templates;
use secrecy::ExposeSecret;
use serde_json::json;
use settings::Settings;

use crate::cli::MailCommand;
use crate::failure::Failure;
use crate::{console, mails};

/// Runs a command about the words of mails. Sends nothing.
pub(crate) fn run(settings: &Settings, command: MailCommand, is_json: bool) -> Result<(), Failure> {
    let MailCommand::Preview { template, html } = command;
    let words = mails::open_templates(&settings.mail)?;
    let Some(name) = template else {
        return list(is_json);
    };
    let template = MailTemplate::parse(&name).ok_or_else(|| {
        Failure::Usage(format!("there is no mail {name}; there are {}", names().join(", ")))
    })?;
    let rendered = words
        .render(template, &Templates::sample(template))
        .map_err(Failure::of(format!("the mail {name} cannot be rendered")))?;
    show(&rendered, html, is_json)
}

fn names() -> Vec<&'static str> {
    MailTemplate::ALL.into_iter().map(MailTemplate::name).collect()
}

fn list(is_json: bool) -> Result<(), Failure> {
    if is_json {
        return console::print(&json!({ "mails": names() }).to_string());
    }
    console::print(&names().join("\n"))
}

fn show(rendered: &RenderedMail, is_html: bool, is_json: bool) -> Result<(), Failure> {
    let (text, html) = (rendered.text.expose_secret(), rendered.html.expose_secret());
    if is_json {
        let value = json!({ "subject": rendered.subject, "text": text, "html": html });
        return console::print(&value.to_string());
    }
    if is_html {
        return console::print(html);
    }
    console::print(&format!("Subject: {}\n\n{text}", rendered.subject))
}
