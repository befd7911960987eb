use std::fmt;

use contracts::SecretRef;
use secrecy::SecretString;

use crate::Environment;
use crate::mistake::Wrong;
use crate::reader::{Reader, Refused};
use crate::value::Value;

/// The kinds of references that this version opens.
const SOURCES: [&str; 2] = ["env", "file"];

/// The kinds of references that are planned; never taken for a secret that is written.
const LATER_SOURCES: [&str; 2] = ["aws-sm", "aws-ssm"];

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
            return Err(Wrong::new("an item is empty", "write env:NAME or file:PATH"));
        }
        let Some((source, rest)) = text.split_once(':') else { return Ok(Self::literal(text)) };
        if LATER_SOURCES.contains(&source) {
            return Err(Wrong::new(
                format!("{source}: references are not in this version"),
                "write env:NAME or file:PATH",
            ));
        }
        if !SOURCES.contains(&source) {
            return Ok(Self::literal(text));
        }
        let (name, json_key) = match rest.rsplit_once('#') {
            Some((name, key)) => (name, Some(key)),
            None => (rest, None),
        };
        if json_key == Some("") {
            return Err(Wrong::new(
                format!("a reference {source}:…# names no member"),
                format!("write {source}:{}#key, or leave out the #", placeholder(source)),
            ));
        }
        if !is_name(source, name) {
            return Err(Wrong::new(
                format!("a reference {source}: names nothing that can exist"),
                format!("write {source}:{}", placeholder(source)),
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
                "name it: env:NAME or file:PATH, with #key for a member of a JSON object",
            ),
        )),
        _ => Ok(()),
    }
}

fn placeholder(source: &str) -> &'static str {
    if source == "env" { "NAME" } else { "PATH" }
}

/// Whether something can have that name: no environment and no file system knows NUL.
fn is_name(source: &str, name: &str) -> bool {
    let is_forbidden = |c: char| match source {
        "env" => c == '\0' || c == '=' || c.is_whitespace(),
        _ => c == '\0',
    };
    !name.is_empty() && !name.contains(is_forbidden)
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
    }

    #[test]
    fn a_reference_that_names_nothing_is_refused() {
        for text in ["", "env:", "file:", "env:#key", "env:A#", "env:A=B", "env:A B", "file:a\0"] {
            assert!(SecretInput::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_reference_to_aws_is_refused_and_not_taken_for_a_secret() {
        for text in ["aws-sm:name", "aws-ssm:/path#key"] {
            let wrong = SecretInput::parse(text).unwrap_err();
            assert!(wrong.problem.contains("not in this version"), "{wrong:?}");
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
