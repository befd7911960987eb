//! Mails: their words, the relay that takes them, and the mailbox that keeps them in development.
//!
//! No log line and no error of this crate holds a recipient, a link, a code or a password.

mod development;
mod smtp;
mod templates;
mod values;

pub use development::DevelopmentMailbox;
pub use smtp::{OpenSmtpError, Sender, SmtpSecurity, SmtpSettings, SmtpTransport};
pub use templates::{OpenTemplatesError, Templates};
