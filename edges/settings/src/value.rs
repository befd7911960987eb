use std::fmt;

use toml::de::DeValue;

use crate::mistake::{Wrong, quoted};

/// What a setting holds before it is read into its own type.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<String>),
}

impl Value {
    /// Reads a value of a TOML document; `None` if no setting can hold such a thing.
    pub(crate) fn of_toml(value: &DeValue<'_>) -> Option<Self> {
        match value {
            DeValue::String(text) => Some(Self::Text(text.clone().into_owned())),
            DeValue::Boolean(value) => Some(Self::Boolean(*value)),
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).ok().map(Self::Integer)
            }
            DeValue::Array(items) => items
                .iter()
                .map(|item| item.get_ref().as_str().map(str::to_owned))
                .collect::<Option<_>>()
                .map(Self::List),
            DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
        }
    }

    /// Reads a text of the environment as a value of the same kind as `self`.
    ///
    /// Messages about lists show nothing of the text, since it may be a secret.
    pub(crate) fn same_kind_of_text(&self, text: &str) -> Result<Self, Wrong> {
        match self {
            Self::Text(_) => Ok(Self::Text(text.to_owned())),
            Self::Integer(_) => text.parse().map(Self::Integer).map_err(|_| {
                Wrong::new(format!("{} is not a whole number", quoted(text)), "write digits only")
            }),
            Self::Boolean(_) => text.parse().map(Self::Boolean).map_err(|_| {
                Wrong::new(format!("{} is not a boolean", quoted(text)), "write true or false")
            }),
            Self::List(_) => list_of_text(text).map(Self::List),
        }
    }

    pub(crate) fn is_same_kind(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// What to write in a file where a value of this kind is wanted.
    pub(crate) fn right(&self) -> &'static str {
        match self {
            Self::Text(_) => "write a text in quotes",
            Self::Integer(_) => "write a whole number without quotes",
            Self::Boolean(_) => "write true or false without quotes",
            Self::List(_) => r#"write a list of texts, such as ["one", "two"]"#,
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(crate) fn as_integer(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    pub(crate) fn as_boolean(&self) -> Option<bool> {
        if let Self::Boolean(value) = self { Some(*value) } else { None }
    }

    pub(crate) fn as_list(&self) -> Option<&[String]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// Whether the value says "none".
    pub(crate) fn is_none(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Integer(_) | Self::Boolean(_) => false,
        }
    }
}

/// As TOML, so that it can be copied into a file.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => toml::Value::from(text.as_str()).fmt(f),
            Self::Integer(number) => number.fmt(f),
            Self::Boolean(value) => value.fmt(f),
            Self::List(items) => toml::Value::from(items.clone()).fmt(f),
        }
    }
}

/// Reads a list: a JSON array of texts, or items between commas. An empty text is an empty list.
fn list_of_text(text: &str) -> Result<Vec<String>, Wrong> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    if text.starts_with('[') {
        return serde_json::from_str(text).map_err(|_| {
            Wrong::new(
                "begins like a JSON array but is not one of texts",
                r#"write ["one","two"], or one,two"#,
            )
        });
    }
    let items: Vec<String> = text.split(',').map(|item| item.trim().to_owned()).collect();
    if items.iter().any(String::is_empty) {
        return Err(Wrong::new("has nothing between two commas or at an end", "write one,two"));
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Option<Vec<String>> {
        list_of_text(text).ok()
    }

    #[test]
    fn a_list_is_a_json_array_or_comma_separated() {
        let both = Some(vec!["a".to_owned(), "b, c".to_owned()]);
        assert_eq!(list(r#"["a", "b, c"]"#), both);
        assert_eq!(list("a, b"), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(list("  "), Some(vec![]));
        assert_eq!(list("[]"), Some(vec![]));
    }

    #[test]
    fn a_list_with_gaps_or_with_other_things_than_texts_is_refused() {
        for text in [",", "a,", "a,,b", "[a]", "[1]", r#"["a""#, r#"["a"] b"#, "[[]]"] {
            assert_eq!(list(text), None, "{text}");
        }
    }

    #[test]
    fn a_value_is_shown_as_toml() {
        assert_eq!(Value::Text("a\"b".to_owned()).to_string(), r#"'a"b'"#);
        assert_eq!(Value::List(vec!["a".to_owned()]).to_string(), r#"["a"]"#);
        assert_eq!(Value::Integer(3).to_string(), "3");
        assert_eq!(Value::Boolean(true).to_string(), "true");
    }
}
