//! Mails as people get them: in the development mailbox, or from a relay.

use serde_json::Value;

use crate::client::{Answer, Client};
use crate::deployment::Server;
use crate::waiting::{PATIENCE, within};

/// A mail that has arrived.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    pub(crate) subject: String,
    pub(crate) text: String,
    /// What it asks to open, if anything.
    pub(crate) link: Option<String>,
    /// The short code, if there is one.
    pub(crate) code: Option<String>,
}

impl Mail {
    /// Reads what a person would find in the text.
    pub(crate) fn read(subject: &str, text: &str) -> Self {
        let link = text.lines().find(|line| line.starts_with("http"));
        let code = text.lines().find_map(|line| line.strip_prefix("    "));
        Self {
            subject: subject.to_owned(),
            text: text.to_owned(),
            link: link.map(str::to_owned),
            code: code.map(str::to_owned),
        }
    }

    /// The part of the link that proves who got the mail.
    pub(crate) fn token(&self) -> &str {
        let link = self.link.as_deref().unwrap_or_else(|| panic!("no link: {self:?}"));
        link.split_once('#').unwrap_or_else(|| panic!("no token: {link}")).1
    }

    pub(crate) fn code(&self) -> &str {
        self.code.as_deref().unwrap_or_else(|| panic!("no code: {self:?}"))
    }
}

/// The development mailbox of a server.
pub(crate) struct Mailbox {
    operations: Client,
}

impl Mailbox {
    pub(crate) async fn of(server: &mut Server) -> Self {
        Self { operations: server.operations().await }
    }

    /// Waits for a mail to that address whose subject begins so.
    pub(crate) async fn mail(&self, to: &str, subject: &str) -> Mail {
        within(PATIENCE, subject, async || {
            self.mails(to).await.into_iter().find(|mail| mail.subject.starts_with(subject))
        })
        .await
    }

    /// All that has arrived for that address, the newest first.
    pub(crate) async fn mails(&self, to: &str) -> Vec<Mail> {
        let answer = self.operations.get(&format!("/dev/mailbox?to={to}")).await.is(200);
        answer.body.as_array().unwrap().iter().map(|mail| shown(to, mail)).collect()
    }

    /// Asks as a page would that was led here by a name of its own.
    pub(crate) async fn by_name(&self, host: &str) -> Answer {
        self.operations.get_by_name("/dev/mailbox", host).await
    }
}

/// The members of the answer say what the text says.
fn shown(to: &str, mail: &Value) -> Mail {
    assert_eq!(mail["to"], to);
    let text = |name: &str| mail[name].as_str().unwrap();
    let read = Mail::read(text("subject"), text("text"));
    let links: Vec<&str> =
        mail["links"].as_array().unwrap().iter().map(|link| link.as_str().unwrap()).collect();
    assert_eq!(links, read.link.as_deref().into_iter().collect::<Vec<_>>(), "{mail}");
    assert_eq!(mail["code"].as_str(), read.code.as_deref(), "{mail}");
    for part in read.link.iter().chain(&read.code) {
        assert!(text("html").contains(&part.replace('&', "&amp;")), "{mail}");
    }
    read
}
