use zeroize::Zeroizing;

use crate::{EmailAddress, Password, Username};

/// What a new password must be. No composition rules and no expiry (NIST SP 800-63B-4 §3.1.1.2).
#[derive(Clone, Copy, Debug)]
pub struct PasswordPolicy {
    /// Fewest code points after NFKC.
    pub characters_min: usize,
    /// Most bytes after NFKC; where bcrypt is chosen at most 72, since it ignores the rest.
    pub bytes_max: usize,
    /// Whether passwords that everybody guesses first are refused.
    pub has_blocklist: bool,
}

/// Why a password cannot be chosen. Says what to do, so it may be shown as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Fewer code points than the policy asks for.
    #[error("use at least {0} characters")]
    TooShort(usize),
    /// More bytes than are hashed; never cut.
    #[error("use at most {0} bytes")]
    TooLong(usize),
    /// On the list of common passwords.
    #[error("this password is among those that attackers try first; choose another")]
    Common,
    /// The user's own address or name.
    #[error("a password must not be your address or user name")]
    Personal,
}

impl WeakPassword {
    /// The stable name of the reason.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooShort(_) => "too_short",
            Self::TooLong(_) => "too_long",
            Self::Common => "too_common",
            Self::Personal => "too_personal",
        }
    }
}

/// The commonest passwords of at least 8 characters: lower case, one a line, sorted by bytes.
/// `common_passwords.md` beside it says where they come from and under what licence.
const COMMON: &str = include_str!("common_passwords.txt");

impl PasswordPolicy {
    /// Whether a user with that address and name may choose `password`.
    pub fn check(
        &self,
        password: &Password,
        email: &EmailAddress,
        username: Option<&Username>,
    ) -> Result<(), WeakPassword> {
        if is_personal(password.expose(), email, username) {
            return Err(WeakPassword::Personal);
        }
        self.check_for_anyone(password)
    }

    /// Whether anybody may choose `password`: what can be said before it is known who asks.
    pub fn check_for_anyone(&self, password: &Password) -> Result<(), WeakPassword> {
        let text = password.expose();
        if text.chars().count() < self.characters_min {
            return Err(WeakPassword::TooShort(self.characters_min));
        }
        if text.len() > self.bytes_max {
            return Err(WeakPassword::TooLong(self.bytes_max));
        }
        if self.has_blocklist && is_common(&Zeroizing::new(text.to_lowercase())) {
            return Err(WeakPassword::Common);
        }
        Ok(())
    }
}

/// Whether the password is the user's own address or name, which is guessed first.
fn is_personal(password: &str, email: &EmailAddress, username: Option<&Username>) -> bool {
    let password = Zeroizing::new(password.to_lowercase());
    let local = email.key().split('@').next().unwrap_or_default();
    *password == email.key()
        || *password == local
        || username.is_some_and(|name| name.as_str() == *password)
}

/// Binary search over the text itself: the list costs its own bytes and nothing else.
fn is_common(password: &str) -> bool {
    let (mut low, mut high) = (0, COMMON.len());
    while low < high {
        let middle = low.midpoint(high);
        let start =
            COMMON.as_bytes()[..middle].iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let line = COMMON[start..].split('\n').next().unwrap_or_default();
        match line.as_bytes().cmp(password.as_bytes()) {
            std::cmp::Ordering::Equal => return !line.is_empty(),
            std::cmp::Ordering::Less => low = start + line.len() + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: PasswordPolicy =
        PasswordPolicy { characters_min: 8, bytes_max: 512, has_blocklist: true };

    fn check(typed: &str) -> Result<(), WeakPassword> {
        let email = EmailAddress::parse("longname@example.com").unwrap();
        let username = Username::parse("john.doe").unwrap();
        let password = Password::parse(&typed.into()).unwrap();
        POLICY.check(&password, &email, Some(&username))
    }

    #[test]
    fn length_is_counted_in_code_points_below_and_in_bytes_above() {
        assert_eq!(check("seven77"), Err(WeakPassword::TooShort(8)));
        assert_eq!(check("\u{1f40e}\u{1f50b}\u{1f4ce}\u{1f33f}"), Err(WeakPassword::TooShort(8)));
        assert_eq!(check("żółćżółć"), Ok(()));
        assert_eq!(check(&"xY".repeat(256)), Ok(()));
        assert_eq!(check(&"x".repeat(513)), Err(WeakPassword::TooLong(512)));
    }

    #[test]
    fn the_commonest_passwords_are_refused_in_any_case() {
        for common in ["password", "PassWord", "12345678", "qwertyuiop", "iloveyou"] {
            assert_eq!(check(common), Err(WeakPassword::Common), "{common}");
        }
        assert_eq!(check("correct horse battery"), Ok(()));
    }

    #[test]
    fn ones_own_address_or_name_is_no_password() {
        for personal in ["longname", "LongName@example.com", "JOHN.DOE"] {
            assert_eq!(check(personal), Err(WeakPassword::Personal), "{personal}");
        }
    }

    #[test]
    fn the_list_is_sorted_and_every_line_is_found() {
        let lines: Vec<&str> = COMMON.lines().collect();
        assert!(lines.len() >= 3000, "{} lines", lines.len());
        assert!(lines.windows(2).all(|pair| pair[0].as_bytes() < pair[1].as_bytes()));
        for line in lines {
            assert!(is_common(line), "{line}");
            assert_eq!(line.to_lowercase(), line);
        }
        assert!(!is_common(""));
    }

    proptest! {
        #[test]
        fn only_lines_of_the_list_are_common(text in "[a-z0-9]{0,12}") {
            prop_assert_eq!(is_common(&text), COMMON.lines().any(|line| line == text));
        }
    }
}
