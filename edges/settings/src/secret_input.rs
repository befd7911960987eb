use std::fmt;

use contracts::SecretRef;
use secrecy::SecretString;

use crate::Environment;
use crate::mistake::Wrong;
use crate::reader::{Reader, Refused};
use crate::value::Value;

/// The kinds of references, with what stands behind the colon.
const SOURCES: [(&str, &str); 4] =
    [("env", "NAME"), ("file", "PATH"), ("aws-sm", "NAME"), ("aws-ssm", "/PATH")];

/// What to write in place of a secret.
const RIGHT: &str = "write env:NAME, file:PATH, aws-sm:NAME or aws-ssm:/PATH";

/// How a setting gives a secret.
#[derive(Clone, Debug)]
pub enum SecretInput {
    /// It is kept elsewhere, and read from there.
    Reference(SecretRef),
    /// It stands in the settings themselves: in development only.
    Literal(SecretString),
}

impl SecretInput {
    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
        if text.is_empty() {
            return Err(Wrong::new("an item is empty", RIGHT));
        }
        let Some((source, rest)) = text.split_once(':') else { return Ok(Self::literal(text)) };
        let Some((_, placeholder)) = SOURCES.iter().find(|(known, _)| *known == source) else {
            return Ok(Self::literal(text));
        };
        let (name, json_key) = match rest.rsplit_once('#') {
            Some((name, key)) => (name, Some(key)),
            None => (rest, None),
        };
        if json_key == Some("") {
            return Err(Wrong::new(
                format!("a reference {source}:…# names no member"),
                format!("write {source}:{placeholder}#key, or leave out the #"),
            ));
        }
        if !is_name(source, name) {
            return Err(Wrong::new(
                format!("a reference {source}: names nothing that can exist"),
                format!("write {source}:{placeholder}"),
            ));
        }
        Ok(Self::Reference(SecretRef {
            source: source.to_owned(),
            name: name.to_owned(),
            json_key: json_key.map(str::to_owned),
        }))
    }

    /// The secret itself, where it is written.
    pub const fn as_literal(&self) -> Option<&SecretString> {
        match self {
            Self::Reference(_) => None,
            Self::Literal(secret) => Some(secret),
        }
    }

    fn literal(text: &str) -> Self {
        Self::Literal(SecretString::from(text))
    }
}

/// References as they are; of a literal only that there is one.
impl fmt::Display for SecretInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reference(reference) => reference.fmt(f),
            Self::Literal(_) => f.write_str("(hidden)"),
        }
    }
}

/// Reads a list of secrets. Those that are written are refused outside development.
pub(crate) fn read_list(
    reader: &mut Reader,
    path: &str,
    environment: Result<Environment, Refused>,
) -> Result<Vec<SecretInput>, Refused> {
    let secrets = reader.list(path, SecretInput::parse)?;
    reader.show(path, &Value::List(secrets.iter().map(SecretInput::to_string).collect()));
    let has_literal = secrets.iter().any(|secret| secret.as_literal().is_some());
    if has_literal {
        refuse_outside_development(reader, path, environment)?;
    }
    Ok(secrets)
}

/// Reads one secret, where an empty text says "none". One that is written is refused outside
/// development.
pub(crate) fn read_optional(
    reader: &mut Reader,
    path: &str,
    environment: Result<Environment, Refused>,
) -> Result<Option<SecretInput>, Refused> {
    let Some(secret) = reader.optional_text(path, SecretInput::parse)? else { return Ok(None) };
    reader.show(path, &Value::Text(secret.to_string()));
    if secret.as_literal().is_some() {
        refuse_outside_development(reader, path, environment)?;
    }
    Ok(Some(secret))
}

fn refuse_outside_development(
    reader: &mut Reader,
    path: &str,
    environment: Result<Environment, Refused>,
) -> Result<(), Refused> {
    match environment {
        Ok(environment) if !environment.is_development() => Err(reader.refuse(
            path,
            Wrong::new(
                format!("holds a secret itself, which {environment} refuses"),
                "name it: env:NAME, file:PATH, aws-sm:NAME or aws-ssm:/PATH, with #key for a \
                 member of a JSON object",
            ),
        )),
        _ => Ok(()),
    }
}

/// Whether something can have that name.
fn is_name(source: &str, name: &str) -> bool {
    match source {
        "env" => {
            !name.is_empty()
                && !name.contains(|c: char| matches!(c, '\0' | '=') || c.is_whitespace())
        }
        "aws-sm" => is_secret_name(name),
        "aws-ssm" => name.starts_with('/') && is_parameter_name(name),
        // No file system knows NUL.
        _ => !name.is_empty() && !name.contains('\0'),
    }
}

/// Whether a secret of AWS Secrets Manager can have that name or ARN.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-:".contains(c);
    (1..=2048).contains(&name.len()) && name.chars().all(is_allowed)
}

/// Whether a parameter of AWS Systems Manager can have that path.
fn is_parameter_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "/_.-".contains(c);
    (2..=1011).contains(&name.len()) && name.chars().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reference(text: &str) -> (String, String, Option<String>) {
        match SecretInput::parse(text).unwrap() {
            SecretInput::Reference(SecretRef { source, name, json_key }) => {
                (source, name, json_key)
            }
            SecretInput::Literal(_) => panic!("{text} is no reference"),
        }
    }

    #[test]
    fn a_reference_has_a_source_a_name_and_perhaps_a_key() {
        let parts = |source: &str, name: &str, key: Option<&str>| {
            (source.to_owned(), name.to_owned(), key.map(str::to_owned))
        };
        assert_eq!(reference("env:JWT_SECRET"), parts("env", "JWT_SECRET", None));
        assert_eq!(reference("env:DB#password"), parts("env", "DB", Some("password")));
        assert_eq!(reference("file:/run/a:b#c#d"), parts("file", "/run/a:b#c", Some("d")));
        assert_eq!(reference("aws-ssm:/a/b"), parts("aws-ssm", "/a/b", None));
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:jwt-AbCdEf";
        assert_eq!(reference(&format!("aws-sm:{arn}#KEY")), parts("aws-sm", arn, Some("KEY")));
    }

    #[test]
    fn a_reference_that_names_nothing_is_refused() {
        let texts = [
            "",
            "env:",
            "file:",
            "env:#key",
            "env:A#",
            "env:A=B",
            "env:A B",
            "file:a\0",
            "aws-sm:",
            "aws-sm:a b",
            "aws-sm:a?b",
            "aws-ssm:a",
            "aws-ssm:/",
            "aws-ssm:/a b",
        ];
        for text in texts {
            assert!(SecretInput::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn anything_else_is_the_secret_itself_and_never_shown() {
        for text in ["hunter2hunter2", "https://hunter2", "ENV:hunter2"] {
            let secret = SecretInput::parse(text).unwrap();
            assert!(secret.as_literal().is_some());
            assert!(!format!("{secret} {secret:?}").contains("hunter2"));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".*", name in "(env|file|aws-sm):.*") {
            let _ = (SecretInput::parse(&text), SecretInput::parse(&name));
        }

        #[test]
        fn a_reference_is_shown_as_it_was_written(text in "(env|file):[a-zA-Z0-9_/#.-]*") {
            if let Ok(secret) = SecretInput::parse(&text) {
                prop_assert_eq!(secret.to_string(), text);
            }
        }
    }
}
