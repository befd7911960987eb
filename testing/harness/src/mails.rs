//! The mails that people get.

use contracts::{MailTransport, Mailbox as _};
use domain::EmailAddress;
use mail::Templates;
use secrecy::ExposeSecret as _;
use service::MailsRelayed;

use crate::TestServer;

/// A mail as its reader sees it.
#[derive(Clone, Debug)]
pub struct ReceivedMail {
    /// What it is about.
    pub subject: String,
    /// The words.
    pub text: String,
    /// The same as HTML.
    pub html: String,
    /// The link, where there is one.
    pub link: Option<String>,
    /// The short code, where there is one.
    pub code: Option<String>,
}

impl ReceivedMail {
    /// The token of the link: the part behind the `#`.
    pub fn token(&self) -> &str {
        self.link.as_deref().unwrap().split_once('#').unwrap().1
    }

    /// The challenge in the link.
    pub fn challenge(&self) -> &str {
        let (page, _) = self.link.as_deref().unwrap().split_once('#').unwrap();
        page.split_once("?c=").unwrap().1
    }

    /// The short code.
    pub fn code(&self) -> &str {
        self.code.as_deref().unwrap()
    }
}

impl TestServer {
    /// Sends what is due with that transport, until nothing more is.
    pub async fn relay_mails(&self, transport: &dyn MailTransport) -> MailsRelayed {
        let words = Templates::open(None, "Doorward").unwrap();
        let mut all = MailsRelayed::default();
        loop {
            let turn = self.service.relay_mails(&words, transport).await.unwrap();
            all.sent += turn.sent;
            all.postponed += turn.postponed;
            all.given_up += turn.given_up;
            if !turn.has_more {
                return all;
            }
        }
    }

    /// Sends what is due, and returns all that this address ever got, newest first.
    pub async fn mails_to(&self, address: &str) -> Vec<ReceivedMail> {
        self.relay_mails(&*self.mailbox).await;
        let address = EmailAddress::parse(address).unwrap();
        let mails = self.mailbox.list(Some(&address));
        let shown = |secret: &secrecy::SecretString| secret.expose_secret().to_owned();
        let mails = mails.iter().map(|mail| ReceivedMail {
            subject: mail.rendered.subject.clone(),
            text: shown(&mail.rendered.text),
            html: shown(&mail.rendered.html),
            link: mail.link.as_ref().map(shown),
            code: mail.code.as_ref().map(shown),
        });
        mails.collect()
    }

    /// The newest mail to this address.
    pub async fn newest_mail_to(&self, address: &str) -> ReceivedMail {
        self.mails_to(address).await.into_iter().next().unwrap()
    }
}
