/// A user name in the one form we keep: lower case, `[a-z0-9][a-z0-9._-]{2,31}`, so never an
/// address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Username(Box<str>);

/// Why a text is no user name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a user name has 3 to 32 letters, digits and . _ -, and starts with a letter or digit")]
pub struct UsernameError;

impl Username {
    /// Reads a user name in any case.
    pub fn parse(input: &str) -> Result<Self, UsernameError> {
        let name = input.to_ascii_lowercase();
        let fits = (3..=32).contains(&name.len());
        let starts_well = name.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
        let is_plain = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        if fits && starts_well && is_plain { Ok(Self(name.into())) } else { Err(UsernameError) }
    }

    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_kept_in_lower_case() {
        assert_eq!(Username::parse("John.Doe-1_").unwrap().as_str(), "john.doe-1_");
    }

    #[test]
    fn other_shapes_are_refused() {
        for wrong in ["", "ab", ".abc", "-abc", "a@b.c", "jöhn", "a b c", &"a".repeat(33)] {
            assert_eq!(Username::parse(wrong), Err(UsernameError), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_input_panics(input in ".{0,40}") {
            let _ = Username::parse(&input);
        }
    }
}
