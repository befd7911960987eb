use std::path::PathBuf;

use domain::EmailAddress;

use crate::Environment;
use crate::mail_from::{MailFrom, is_name, parse_address};
use crate::mistake::{Wrong, quoted};
use crate::path::parse_path;
use crate::reader::{Reader, Refused};
use crate::smtp::{SmtpInput, SmtpSettings};
use crate::value::Value;

/// How mails are sent and what they call us.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// How they are sent.
    pub transport: MailTransportSettings,
    /// Who they come from.
    pub from: MailFrom,
    /// Where replies go, if not to the sender.
    pub reply_to: Option<EmailAddress>,
    /// The folder whose files replace built-in templates; nobody has looked into it yet.
    pub templates: Option<PathBuf>,
    /// What mails and pages call the service: 1 to 64 characters without control characters.
    pub product_name: String,
}

/// The chosen transport with the settings that it needs, and no others.
#[derive(Clone, Debug)]
pub enum MailTransportSettings {
    /// The development mailbox: mails stay in memory. In development only.
    Log,
    /// A server takes them.
    Smtp(SmtpSettings),
}

#[derive(Clone, Copy)]
enum TransportName {
    Log,
    Smtp,
}

pub(crate) fn read(
    reader: &mut Reader,
    environment: Result<Environment, Refused>,
) -> Result<MailSettings, Refused> {
    let name = read_transport_name(reader, environment);
    let from = read_from(reader, name);
    let reply_to = reader.optional_text("mail.reply_to", |text| {
        parse_address(text, "write an address and nothing else, such as help@example.com")
    });
    // Checked even if it is not used: who writes it wants to use it one day.
    let smtp = SmtpInput::read(reader, environment);
    let transport = match name {
        Ok(TransportName::Log) => {
            smtp.pass_over(reader);
            Ok(MailTransportSettings::Log)
        }
        Ok(TransportName::Smtp) => smtp.choose(reader).map(MailTransportSettings::Smtp),
        Err(refused) => Err(refused),
    };
    let templates = reader.optional_text("mail.templates", parse_path);
    let product_name = reader.text("mail.product_name", parse_product_name);
    Ok(MailSettings {
        transport: transport?,
        from: from?,
        reply_to: reply_to?,
        templates: templates?,
        product_name: product_name?,
    })
}

fn read_transport_name(
    reader: &mut Reader,
    environment: Result<Environment, Refused>,
) -> Result<TransportName, Refused> {
    const PATH: &str = "mail.transport";
    let name = reader.text(PATH, parse_transport_name)?;
    match (name, environment) {
        (TransportName::Log, Ok(environment)) if !environment.is_development() => {
            let problem = format!("keeps mails in memory, which {environment} refuses");
            let right = "set mail.transport = \"smtp\" and mail.smtp_url, and mail.from";
            Err(reader.refuse(PATH, Wrong::new(problem, right)))
        }
        _ => Ok(name),
    }
}

fn parse_transport_name(text: &str) -> Result<TransportName, Wrong> {
    match text {
        "log" => Ok(TransportName::Log),
        "smtp" => Ok(TransportName::Smtp),
        "ses" => {
            Err(Wrong::new("this version has no ses transport", "write smtp, which SES offers too"))
        }
        other => Err(Wrong::not_one_of(other, ["log", "smtp"])),
    }
}

/// `transport`: what `mail.transport` says, unless it was refused.
fn read_from(
    reader: &mut Reader,
    transport: Result<TransportName, Refused>,
) -> Result<MailFrom, Refused> {
    const PATH: &str = "mail.from";
    if let Some(from) = reader.optional_text(PATH, MailFrom::parse)? {
        return Ok(from);
    }
    match transport? {
        TransportName::Log => {
            reader.show(PATH, &Value::Text(MailFrom::DEVELOPMENT.to_owned()));
            Ok(MailFrom::development())
        }
        TransportName::Smtp => {
            let problem = "must be set, because mail.transport is smtp";
            Err(reader.refuse(PATH, Wrong::new(problem, MailFrom::RIGHT)))
        }
    }
}

fn parse_product_name(text: &str) -> Result<String, Wrong> {
    if is_name(text) {
        return Ok(text.to_owned());
    }
    let problem = format!("{} is not a name that readers can be shown", quoted(text));
    Err(Wrong::new(problem, "write 1 to 64 characters without control characters"))
}
