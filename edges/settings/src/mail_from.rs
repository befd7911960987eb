use domain::{EmailAddress, EmailAddressError};

use crate::mistake::Wrong;

/// Who mails come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailFrom {
    /// What readers see instead of the address: 1 to 64 characters without control characters, not
    /// yet quoted or encoded for a header.
    pub name: Option<String>,
    /// Where mails come from.
    pub address: EmailAddress,
}

/// The most characters of a name that readers see.
const NAME_CHARACTERS_MAX: usize = 64;

const NAME_RIGHT: &str =
    "write 1 to 64 characters without control characters and angle brackets before the address";

impl MailFrom {
    /// The sender where none is set: nobody can answer it, and no server would take its mails.
    pub(crate) const DEVELOPMENT: &str = "Doorward <doorward@localhost.localdomain>";

    /// What to write.
    pub(crate) const RIGHT: &str = "write no-reply@example.com or Example <no-reply@example.com>";

    pub(crate) fn development() -> Self {
        Self::parse(Self::DEVELOPMENT).expect("the text is a sender: a test reads it")
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
        let text = text.trim();
        let (name, address) = match text.strip_suffix('>').map(|text| text.rsplit_once('<')) {
            Some(Some((name, address))) => (unquoted(name.trim()), address),
            _ => ("", text),
        };
        let address = parse_address(address, Self::RIGHT)?;
        if name.is_empty() {
            return Ok(Self { name: None, address });
        }
        // With brackets in it, somebody wrote two senders.
        if !is_name(name) || name.contains(['<', '>']) {
            return Err(Wrong::new("has a name that readers cannot be shown", NAME_RIGHT));
        }
        Ok(Self { name: Some(name.to_owned()), address })
    }
}

/// Reads an address; `right` says what would be right. Messages do not show it: they are logged.
pub(crate) fn parse_address(text: &str, right: &str) -> Result<EmailAddress, Wrong> {
    EmailAddress::parse(text).map_err(|error| {
        let problem = match error {
            EmailAddressError::Malformed => "is not an e-mail address",
            EmailAddressError::TooLong => "has a longer address than mail servers take",
        };
        Wrong::new(problem, right)
    })
}

/// Whether the text can stand for somebody or something on one line.
pub(crate) fn is_name(text: &str) -> bool {
    !text.trim().is_empty()
        && text.chars().count() <= NAME_CHARACTERS_MAX
        && !text.chars().any(char::is_control)
}

/// Drops the quotes that mail headers need around some names: here they are no part of it.
fn unquoted(name: &str) -> &str {
    name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).map_or(name, str::trim)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sender_is_an_address_perhaps_with_a_name_before_it() {
        for (text, name, address) in [
            ("no-reply@example.com", None, "no-reply@example.com"),
            ("<no-reply@example.com>", None, "no-reply@example.com"),
            (" Example <No-Reply@example.com> ", Some("Example"), "No-Reply@example.com"),
            ("Example<a@b.example>", Some("Example"), "a@b.example"),
            ("\"Example, Inc.\" <a@b.example>", Some("Example, Inc."), "a@b.example"),
            ("\"\" <a@b.example>", None, "a@b.example"),
            ("\" A \" <a@b.example>", Some("A"), "a@b.example"),
            ("\" <a@b.example>", Some("\""), "a@b.example"),
            ("Bücher ✉ <a@bücher.example>", Some("Bücher ✉"), "a@xn--bcher-kva.example"),
        ] {
            let from = MailFrom::parse(text).unwrap();
            assert_eq!((from.name.as_deref(), from.address.as_typed()), (name, address), "{text}");
        }
    }

    #[test]
    fn what_is_no_sender_is_refused_and_not_shown() {
        for text in [
            " ",
            "hunter2",
            "Example hunter2@b.example",
            "Example <hunter2>",
            "Example <hunter2@b.example",
            "hunter2@b.example>",
            "A\nBcc: x@b.example <hunter2@b.example>",
            "A <a@b.example>, B <hunter2@b.example>",
            "hunter2@b.example, b@b.example",
            "\" \u{7}\" <hunter2@b.example>",
        ] {
            let wrong = MailFrom::parse(text).expect_err(text);
            assert!(!format!("{wrong:?}").contains("hunter2"), "{wrong:?}");
        }
    }

    #[test]
    fn a_name_has_at_most_64_characters() {
        let from =
            |characters| MailFrom::parse(&format!("{} <a@b.example>", "ü".repeat(characters)));
        assert!(from(64).is_ok());
        assert!(from(65).is_err());
    }

    #[test]
    fn the_sender_of_development_is_one_that_could_be_written() {
        let from = MailFrom::parse(MailFrom::DEVELOPMENT).unwrap();
        assert_eq!(from.name.as_deref(), Some("Doorward"));
        assert_eq!(from.address.as_typed(), "doorward@localhost.localdomain");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic_and_names_fit_a_header(
            text in ".*",
            sender in "(\"|[a-z\\PC<>]){0,9} ?<?[a-z]{1,3}@[a-z.]{1,9}>?",
        ) {
            for text in [text, sender] {
                if let Ok(MailFrom { name: Some(name), .. }) = MailFrom::parse(&text) {
                    prop_assert!(is_name(&name));
                }
            }
        }
    }
}
