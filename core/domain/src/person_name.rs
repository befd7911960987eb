use std::fmt;

/// The name to greet a person by: 1 to 200 characters of any script, without control characters.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonName(Box<str>);

const CHARACTERS_MAX: usize = 200;

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 200 characters, none of them control characters")]
pub struct PersonNameError;

impl PersonName {
    /// Reads a name; surrounding white space is dropped.
    pub fn parse(input: &str) -> Result<Self, PersonNameError> {
        let name = input.trim();
        let fits = (1..=CHARACTERS_MAX).contains(&name.chars().count());
        if fits && !name.chars().any(is_control) {
            Ok(Self(name.into()))
        } else {
            Err(PersonNameError)
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Control characters, and the marks that turn the direction of the text around them: a name that
/// carries those can make a log line or a mail read as something else.
fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Personal data: logs show that there is a name, never which one.
impl fmt::Debug for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonName(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_script_are_kept_without_the_space_around_them() {
        assert_eq!(PersonName::parse(" 李 小龍 ").unwrap().as_str(), "李 小龍");
    }

    #[test]
    fn empty_long_and_deceptive_names_are_refused() {
        for wrong in ["", "   ", "a\nb", "a\u{202e}b", "a\0b", &"x".repeat(201)] {
            assert_eq!(PersonName::parse(wrong), Err(PersonNameError), "{wrong:?}");
        }
    }
}
