use std::fmt;

use crate::Source;

/// One thing that is wrong with the settings. Shows no secret, so it may be logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The path of the setting, such as `server.listen`, or what else it is about.
    pub setting: String,
    /// Where the wrong value comes from.
    pub source: Source,
    /// What is wrong.
    pub problem: String,
    /// What would be right.
    pub right: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}; {}", self.setting, self.source, self.problem, self.right)
    }
}

/// Everything that is wrong with the settings: at least one mistake, one a line when shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(pub(crate) Vec<Mistake>);

impl Mistakes {
    /// Each mistake, in the order in which they were found.
    pub fn iter(&self) -> std::slice::Iter<'_, Mistake> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Mistakes {
    type Item = &'a Mistake;
    type IntoIter = std::slice::Iter<'a, Mistake>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("there is a mistake in the settings:")?,
            count => write!(f, "there are {count} mistakes in the settings:")?,
        }
        self.0.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
    }
}

impl std::error::Error for Mistakes {}

/// Something that works but may not be what was meant. Shows no secret, so it may be logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The path of the setting.
    pub setting: String,
    /// Where the value, or the name that was not heeded, comes from.
    pub source: Source,
    /// What follows from it.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.setting, self.source, self.text)
    }
}

/// Why one value cannot be used, before it is known which setting it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) problem: String,
    pub(crate) right: String,
}

impl Wrong {
    pub(crate) fn new(problem: impl Into<String>, right: impl Into<String>) -> Self {
        Self { problem: problem.into(), right: right.into() }
    }

    /// `text` is not one of the words that a setting takes.
    pub(crate) fn not_one_of<'a>(text: &str, words: impl IntoIterator<Item = &'a str>) -> Self {
        let words: Vec<&str> = words.into_iter().collect();
        let right = match words.as_slice() {
            [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
            words => words.concat(),
        };
        Self::new(format!("{} is not known", quoted(text)), format!("write {right}"))
    }

    pub(crate) fn of(self, setting: impl Into<String>, source: Source) -> Mistake {
        Mistake { setting: setting.into(), source, problem: self.problem, right: self.right }
    }
}

/// How much of a wrong value is shown: enough to recognise it.
const SHOWN_CHARACTERS_MAX: usize = 60;

/// A value as messages show it: in quotes, on one line, and not endless.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS_MAX) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
    }
}
