use std::time::{Duration, SystemTime};

use contracts::{BoxError, OutgoingMail};
use domain::{EmailAddress, Timestamp};
use lettre::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};
use secrecy::ExposeSecret;

use super::{OpenSmtpError, Sender};

/// What all mails have in common.
pub(crate) struct Letterhead {
    from: Mailbox,
    reply_to: Option<Mailbox>,
}

/// A mail as it goes over the wire.
pub(crate) struct Letter {
    pub(crate) sender: Address,
    pub(crate) recipient: Address,
    pub(crate) bytes: Vec<u8>,
}

impl Letterhead {
    pub(crate) fn new(
        from: &Sender,
        reply_to: Option<&EmailAddress>,
    ) -> Result<Self, OpenSmtpError> {
        if from.name.as_ref().is_some_and(|name| name.chars().any(char::is_control)) {
            return Err(OpenSmtpError::ControlCharacterInName);
        }
        let read = |address| to_address(address).map_err(OpenSmtpError::UnusableAddress);
        let reply_to = reply_to.map(read).transpose()?;
        Ok(Self {
            from: Mailbox::new(from.name.clone(), read(&from.address)?),
            reply_to: reply_to.map(|address| Mailbox::new(None, address)),
        })
    }

    /// Writes the mail: the same bytes at every attempt. An error means that it can never be sent.
    pub(crate) fn letter(&self, mail: &OutgoingMail) -> Result<Letter, BoxError> {
        let recipient = to_address(&mail.recipient)?;
        let id = format!("<{}@{}>", mail.id, self.from.email.domain());
        let mut builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, recipient.clone()))
            .subject(mail.rendered.subject.clone())
            .date(to_system_time(mail.created_at))
            .message_id(Some(id))
            // So that no out-of-office note answers (RFC 3834 §5).
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }
        let body = MultiPart::alternative()
            .boundary(format!("part_{}", mail.id))
            .singlepart(SinglePart::plain(mail.rendered.text.expose_secret().to_owned()))
            .singlepart(SinglePart::html(mail.rendered.html.expose_secret().to_owned()));
        let bytes = builder.multipart(body)?.formatted();
        Ok(Letter { sender: self.from.email.clone(), recipient, bytes })
    }
}

fn to_address(address: &EmailAddress) -> Result<Address, BoxError> {
    Ok(address.as_typed().parse()?)
}

/// The last second that the `Date` header can tell.
const YEAR_9999_ENDS_AT: Timestamp = Timestamp::from_unix_ms(253_402_300_799_000);

fn to_system_time(moment: Timestamp) -> SystemTime {
    let ms = u64::try_from(moment.min(YEAR_9999_ENDS_AT).unix_ms()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_that_we_accept_can_be_sent_to() {
        let longest = format!("{}@b.example", "a".repeat(64));
        for text in [
            "a@b.example",
            "A!#$%&'*+-/=?^_`{|}~z.0@b.example",
            "a@bücher.example",
            "1@2.3x",
            "a@b-c.1.example",
            longest.as_str(),
        ] {
            let address = EmailAddress::parse(text).unwrap();
            assert_eq!(to_address(&address).unwrap().to_string(), address.as_typed());
        }
    }

    #[test]
    fn a_moment_that_has_no_date_is_told_as_the_nearest() {
        let last = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
        assert_eq!(to_system_time(Timestamp::from_unix_ms(i64::MAX)), last);
        assert_eq!(to_system_time(Timestamp::from_unix_ms(-1)), SystemTime::UNIX_EPOCH);
    }
}
