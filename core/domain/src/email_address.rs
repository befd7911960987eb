use std::fmt;

/// An e-mail address: what the person typed, for sending to, and the one form we compare.
///
/// The local part is a dot-atom (RFC 5321 §4.1.2); the domain has at least two labels and is kept
/// as an IDNA A-label. Only shape is checked here; ownership is proved by a message.
#[derive(Clone)]
pub struct EmailAddress {
    typed: Box<str>,
    key: Box<str>,
}

/// Longest address, in bytes, that fits an SMTP path (RFC 5321 §4.5.3.1.3, less the brackets).
const ADDRESS_BYTES_MAX: usize = 254;
/// RFC 5321 §4.5.3.1.1.
const LOCAL_BYTES_MAX: usize = 64;

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailAddressError {
    /// More than 254 bytes, or more than 64 before the `@`.
    #[error("the address is too long")]
    TooLong,
    /// Not `name@domain` as we accept it.
    #[error("this is not an e-mail address")]
    Malformed,
}

impl EmailAddress {
    /// Reads an address as typed; surrounding white space is dropped.
    pub fn parse(input: &str) -> Result<Self, EmailAddressError> {
        let (local, domain) = input.trim().rsplit_once('@').ok_or(EmailAddressError::Malformed)?;
        if !is_dot_atom(local) || !has_letters_of_a_domain(domain) {
            return Err(EmailAddressError::Malformed);
        }
        let ascii =
            idna::domain_to_ascii_strict(domain).map_err(|_| EmailAddressError::Malformed)?;
        if !is_domain(&ascii) {
            return Err(EmailAddressError::Malformed);
        }
        let typed_domain = if domain.is_ascii() { domain } else { ascii.as_str() };
        let typed = format!("{local}@{typed_domain}");
        if typed.len() > ADDRESS_BYTES_MAX || local.len() > LOCAL_BYTES_MAX {
            return Err(EmailAddressError::TooLong);
        }
        Ok(Self { key: typed.to_ascii_lowercase().into(), typed: typed.into() })
    }

    /// As the person typed it: mail goes here.
    pub fn as_typed(&self) -> &str {
        &self.typed
    }

    /// The form that is compared and unique: lower case. Plus signs and dots are kept.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl PartialEq for EmailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for EmailAddress {}

/// Personal data: logs show that there is an address, never which one.
impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(…)")
    }
}

fn is_dot_atom(local: &str) -> bool {
    local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atom_byte))
}

/// `atext` of RFC 5322 §3.2.3: printable ASCII that can be neither a header nor a path.
const fn is_atom_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'/'
                | b'='
                | b'?'
                | b'^'
                | b'_'
                | b'`'
                | b'{'
                | b'|'
                | b'}'
                | b'~'
        )
}

/// Keeps out what IDNA's mapping would quietly turn into a dot or drop.
fn has_letters_of_a_domain(domain: &str) -> bool {
    domain.chars().all(|c| if c.is_ascii() { is_domain_char(c) } else { c.is_alphanumeric() })
}

const fn is_domain_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '.'
}

/// Host name rules (RFC 1123 §2.1), at least two labels, the last one not a number.
fn is_domain(ascii: &str) -> bool {
    let labels: Vec<&str> = ascii.split('.').collect();
    labels.len() >= 2
        && labels.iter().all(|label| {
            (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
        })
        && labels.last().is_some_and(|last| !last.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_typed_form_is_kept_and_the_key_is_lower_case() {
        let address = EmailAddress::parse("  John.Doe+News@Example.COM ").unwrap();
        assert_eq!(address.as_typed(), "John.Doe+News@Example.COM");
        assert_eq!(address.key(), "john.doe+news@example.com");
    }

    #[test]
    fn a_domain_in_other_letters_becomes_an_a_label() {
        let address = EmailAddress::parse("a@bücher.example").unwrap();
        assert_eq!(address.as_typed(), "a@xn--bcher-kva.example");
        assert_eq!(address, EmailAddress::parse("A@XN--bcher-kva.example").unwrap());
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for wrong in [
            "",
            "@",
            "a@",
            "@b.example",
            "a@b",
            "a b@c.example",
            "a@b..example",
            ".a@b.example",
            "a.@b.example",
            "ä@b.example",
            "a@-b.example",
            "a@b.example-",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@b.example\r\nBcc: x@y.example",
            "\"a b\"@c.example",
            "a@b.example.",
            "a@b_c.example",
            "a@b\u{3002}example",
            "a<b@c.example",
        ] {
            assert_eq!(EmailAddress::parse(wrong), Err(EmailAddressError::Malformed), "{wrong:?}");
        }
    }

    #[test]
    fn an_address_that_no_mail_server_takes_is_too_long() {
        let local = format!("{}@b.example", "a".repeat(65));
        let whole = format!("a@{}example", "b23456789.".repeat(25));
        assert_eq!(EmailAddress::parse(&local), Err(EmailAddressError::TooLong));
        assert_eq!(EmailAddress::parse(&whole), Err(EmailAddressError::Malformed));
    }

    #[test]
    fn logs_do_not_show_the_address() {
        let address = EmailAddress::parse("john@example.com").unwrap();
        assert_eq!(format!("{address:?}"), "EmailAddress(…)");
    }

    proptest! {
        #[test]
        fn no_input_panics_and_what_parses_parses_again(
            input in ".{0,80}|[a-zA-Z.+]{1,9}@[a-zA-Zü.-]{1,12}",
        ) {
            if let Ok(address) = EmailAddress::parse(&input) {
                prop_assert!(address.as_typed().is_ascii());
                prop_assert_eq!(EmailAddress::parse(address.as_typed()).unwrap(), address);
            }
        }
    }
}
