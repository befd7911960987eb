use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

/// A password as it is hashed: after NFKC (NIST SP 800-63B-4 §3.1.1.2), erased when dropped.
///
/// It has a bounded length and nothing else is promised: what a new password must be is
/// [`PasswordPolicy`](crate::PasswordPolicy)'s affair, and an old one need not meet it.
#[derive(Clone)]
pub struct Password(SecretString);

/// No password is longer, whatever the policy says: normalising and hashing cost by length.
pub(crate) const PASSWORD_BYTES_CEILING: usize = 4096;

/// Why a text cannot be a password at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the password is longer than {PASSWORD_BYTES_CEILING} bytes")]
pub struct PasswordError;

impl Password {
    /// Reads what the person typed.
    pub fn parse(typed: &SecretString) -> Result<Self, PasswordError> {
        let typed = typed.expose_secret();
        if typed.len() > PASSWORD_BYTES_CEILING {
            return Err(PasswordError);
        }
        Ok(Self(SecretString::from(normalized(typed))))
    }

    /// The bytes to hash.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// The text after NFKC, which may be eleven times as long.
fn normalized(typed: &str) -> String {
    // Exactly as long as needed: to grow or to shrink would leave copies in freed memory.
    let mut text = String::with_capacity(typed.nfkc().map(char::len_utf8).sum());
    text.extend(typed.nfkc());
    text
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What is kept of a password: a PHC string (`$argon2id$…`) or a bcrypt string (`$2b$…`).
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Box<str>);

impl PasswordHash {
    /// Wraps a string that a hasher made or a store kept. Its form is checked when verifying.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The string to keep.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// A hash can be attacked offline, so it is a secret too.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spellings_of_one_text_are_one_password() {
        let composed = Password::parse(&"p\u{e4}ssw\u{f6}rd".into()).unwrap();
        let decomposed = Password::parse(&"pa\u{308}sswo\u{308}rd".into()).unwrap();
        assert_eq!(composed.expose(), decomposed.expose());
    }

    #[test]
    fn a_password_is_normalized_where_it_stays() {
        // The longest expansion of all, the longest composition, and neither.
        for (typed, bytes) in [("\u{fdfa}", 33), ("\u{3b9}\u{308}\u{301}", 2), ("x", 1), ("", 0)] {
            for times in [1, 7, 400] {
                let text = normalized(&typed.repeat(times));
                assert_eq!((text.len(), text.capacity()), (bytes * times, bytes * times));
            }
        }
    }

    #[test]
    fn a_text_that_would_take_long_to_normalize_is_refused() {
        assert!(Password::parse(&"x".repeat(4097).into()).is_err());
    }

    #[test]
    fn neither_a_password_nor_its_hash_is_shown() {
        let password = Password::parse(&"correct horse".into()).unwrap();
        assert_eq!(format!("{password:?}"), "Password(…)");
        assert_eq!(format!("{:?}", PasswordHash::new("$argon2id$")), "PasswordHash(…)");
    }
}
