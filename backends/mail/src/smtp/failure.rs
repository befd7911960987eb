use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use contracts::BoxError;

/// Why a mail was not handed over. Says nothing of what the server wrote but its numbers: servers
/// repeat addresses, and some what they were sent as a password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SmtpFailure {
    #[error("the mail server took longer than {0:?}")]
    TimedOut(Duration),
    #[error("the mail server answered {step} with {answer}")]
    Answered { step: Step, answer: Answer },
    #[error("{step} failed: {reason}")]
    Broken { step: Step, reason: String },
    #[error("the credentials of the mail server could not be read")]
    Credentials(#[source] BoxError),
}

/// How far the conversation came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Connection,
    StartTls,
    Authentication,
    Sender,
    Recipient,
    Content,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connection => "the connection",
            Self::StartTls => "STARTTLS",
            Self::Authentication => "AUTH",
            Self::Sender => "MAIL",
            Self::Recipient => "RCPT",
            Self::Content => "DATA",
        })
    }
}

/// The numbers of a negative reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    code: u16,
    /// The enhanced status code (RFC 3463), such as `5.1.1`.
    status: Option<String>,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        self.status.as_ref().map_or(Ok(()), |status| write!(f, " {status}"))
    }
}

impl SmtpFailure {
    pub(crate) fn at(step: Step, error: &lettre::transport::smtp::Error) -> Self {
        if let Some(code) = error.status() {
            let text = error.source().map(ToString::to_string).unwrap_or_default();
            let answer = Answer { code: code.into(), status: enhanced_status(&text) };
            return Self::Answered { step, answer };
        }
        let reason = if error.is_response() {
            // The parser's own error quotes the server.
            "the connection ended, or the answer is not SMTP".to_owned()
        } else {
            error.to_string()
        };
        Self::Broken { step, reason }
    }

    /// Whether the server refused this mail, and not us: another one may still be taken, and this
    /// one never.
    pub(crate) fn is_refusal_of_mail(&self) -> bool {
        match self {
            Self::Answered { step: Step::Recipient | Step::Content, answer } => {
                is_refusal_of_mail(answer.code)
            }
            Self::Answered { .. }
            | Self::TimedOut(_)
            | Self::Broken { .. }
            | Self::Credentials(_) => false,
        }
    }
}

/// Of the permanent replies (RFC 5321 §4.2.3), those about a mailbox or a message. The others are
/// about the client: it is not signed in (530, 535), or said what the server does not know (500).
const fn is_refusal_of_mail(code: u16) -> bool {
    // 501 answers an address whose form the server does not accept.
    matches!(code, 501 | 550..=556)
}

/// The status that the text begins with, if it does.
fn enhanced_status(text: &str) -> Option<String> {
    let first = text.split_whitespace().next()?;
    let mut parts = first.split('.');
    let is_number =
        |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let is_status = parts.clone().count() == 3 && parts.all(is_number);
    is_status.then(|| first.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(step: Step, code: u16) -> SmtpFailure {
        SmtpFailure::Answered { step, answer: Answer { code, status: None } }
    }

    #[test]
    fn only_replies_about_mailbox_and_message_refuse_the_mail() {
        for code in [501, 550, 551, 552, 553, 554, 555, 556] {
            assert!(answered(Step::Recipient, code).is_refusal_of_mail(), "{code}");
            assert!(answered(Step::Content, code).is_refusal_of_mail(), "{code}");
        }
        for code in [421, 450, 451, 452, 454, 500, 502, 503, 504, 521, 530, 534, 535, 538] {
            assert!(!answered(Step::Recipient, code).is_refusal_of_mail(), "{code}");
            assert!(!answered(Step::Content, code).is_refusal_of_mail(), "{code}");
        }
    }

    #[test]
    fn a_server_that_refuses_us_does_not_refuse_the_mail() {
        for step in [Step::Connection, Step::StartTls, Step::Authentication, Step::Sender] {
            for code in [550, 553, 554] {
                assert!(!answered(step, code).is_refusal_of_mail(), "{step} {code}");
            }
        }
    }

    #[test]
    fn of_what_the_server_says_only_numbers_remain() {
        assert_eq!(enhanced_status("5.1.1 no such user"), Some("5.1.1".to_owned()));
        assert_eq!(enhanced_status("4.7.650"), Some("4.7.650".to_owned()));
        for other in ["", "ada@example.com unknown", "5.1", "5.1.1.1", "5.1.x", "5.1.1000", "5..1"]
        {
            assert_eq!(enhanced_status(other), None, "{other}");
        }
    }
}
