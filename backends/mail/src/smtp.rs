mod connections;
mod failure;
mod message;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use contracts::{BoxError, CredentialSource, MailTransport, OutgoingMail, SendMailError};
use domain::EmailAddress;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};

use self::connections::{Connections, Dialer};
use self::failure::{SmtpFailure, Step};
use self::message::{Letter, Letterhead};

/// Which relay takes the mails, and what it needs to know of us.
pub struct SmtpSettings {
    /// The relay's name, which its certificate must have.
    pub host: String,
    /// The relay's port.
    pub port: u16,
    /// How the connection is protected.
    pub security: SmtpSecurity,
    /// Authorities, as PEM, that may have signed the relay's certificate, beside those that the
    /// machine trusts.
    pub ca_pem: Option<Vec<u8>>,
    /// Who the mails come from.
    pub from: Sender,
    /// Where answers go, if not to the sender.
    pub reply_to: Option<EmailAddress>,
    /// Where user name and password are read; `None` where the relay wants none.
    pub credentials: Option<Arc<dyn CredentialSource>>,
    /// How long a mail may take in all, from the first packet to the last.
    pub timeout: Duration,
}

impl SmtpSettings {
    /// The usual [`timeout`](Self::timeout): well within what [`MailTransport::send`] promises.
    pub const TIMEOUT: Duration = Duration::from_secs(20);
}

/// How the connection to the relay is protected. What is asked for is never silently done without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the first byte (RFC 8314): port 465. Prefer it.
    Tls,
    /// TLS after a `STARTTLS` that the relay must offer (RFC 3207): port 587.
    StartTls,
    /// None. Passwords and links can be read on the way: only for a relay on the same machine.
    None,
}

/// Who mails come from.
#[derive(Clone, Debug)]
pub struct Sender {
    /// The name that readers see.
    pub name: Option<String>,
    /// The address, also that of the envelope: reports of failure go there.
    pub address: EmailAddress,
}

/// Why mails cannot be sent with these settings.
#[derive(Debug, thiserror::Error)]
pub enum OpenSmtpError {
    /// Line ends in it could add headers.
    #[error("the sender's name has control characters")]
    ControlCharacterInName,
    /// The sender's or the answers' address cannot stand in a mail.
    #[error("a mail cannot be sent from, or answered to, such an address")]
    UnusableAddress(#[source] BoxError),
    /// The PEM text of the authorities holds none.
    #[error("there is no certificate among the authorities")]
    NoCertificate,
    /// The authorities cannot be read, or the machine trusts none.
    #[error("the certificates of the authorities cannot be used")]
    UnusableCertificates(#[source] BoxError),
}

/// Sends mails through an SMTP relay.
///
/// Connections are kept for the next mail for a minute. A connection on which anything went wrong
/// is not used again.
pub struct SmtpTransport {
    letterhead: Letterhead,
    connections: Arc<Connections>,
    timeout: Duration,
}

impl SmtpTransport {
    /// Reads the certificates; connects only when a mail is sent.
    pub fn open(settings: SmtpSettings) -> Result<Self, OpenSmtpError> {
        Ok(Self {
            letterhead: Letterhead::new(&settings.from, settings.reply_to.as_ref())?,
            timeout: settings.timeout,
            connections: Arc::new(Connections::new(Dialer::open(settings)?)),
        })
    }

    async fn deliver(&self, letter: Letter) -> Result<(), SmtpFailure> {
        // Owned here until the end: if the time runs out, the connection is dropped where it
        // stands. One whose conversation broke off would take the next mail for a part of this one.
        let mut connection = self.connections.take().await?;
        match converse(&mut connection, letter).await {
            Ok(()) => {
                self.connections.put(connection);
                Ok(())
            }
            Err(failure) => {
                connections::close(connection);
                Err(failure)
            }
        }
    }

    async fn within_time<T>(
        &self,
        work: impl Future<Output = Result<T, SmtpFailure>>,
    ) -> Result<T, SmtpFailure> {
        let ended = tokio::time::timeout(self.timeout, work).await;
        ended.unwrap_or(Err(SmtpFailure::TimedOut(self.timeout)))
    }
}

#[async_trait]
impl MailTransport for SmtpTransport {
    async fn send(&self, mail: &OutgoingMail) -> Result<(), SendMailError> {
        let letter = self.letterhead.letter(mail).map_err(SendMailError::Refused)?;
        self.within_time(self.deliver(letter)).await.map_err(|failure| {
            if failure.is_refusal_of_mail() {
                SendMailError::Refused(failure.into())
            } else {
                SendMailError::Failed(failure.into())
            }
        })
    }

    async fn check(&self) -> Result<(), SendMailError> {
        // A connection that was kept would not show that the password still works.
        let connected = self.within_time(self.connections.open()).await;
        let connection = connected.map_err(|failure| SendMailError::Failed(failure.into()))?;
        connections::close(connection);
        Ok(())
    }
}

/// Hands over one mail (RFC 5321 §3.3). On an error the conversation may be anywhere.
async fn converse(connection: &mut AsyncSmtpConnection, letter: Letter) -> Result<(), SmtpFailure> {
    let from = Mail::new(Some(letter.sender), Vec::new());
    connection.command(from).await.map_err(|error| SmtpFailure::at(Step::Sender, &error))?;
    let to = Rcpt::new(letter.recipient, Vec::new());
    connection.command(to).await.map_err(|error| SmtpFailure::at(Step::Recipient, &error))?;
    connection.command(Data).await.map_err(|error| SmtpFailure::at(Step::Content, &error))?;
    let sent = connection.message(&letter.bytes).await;
    sent.map(drop).map_err(|error| SmtpFailure::at(Step::Content, &error))
}
