use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::duration;
use crate::layers::{Layered, Layers};
use crate::mistake::{Mistake, Warning, Wrong, quoted};
use crate::source::Source;
use crate::value::Value;

/// A value cannot be used, and why is already on the list of mistakes.
///
/// So a reader of settings goes on with the next one, and gives up only when it has read all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;

/// Reads settings into their types and collects what is wrong with them.
pub(crate) struct Reader {
    values: BTreeMap<String, Layered>,
    mistakes: Vec<Mistake>,
    warnings: Vec<Warning>,
    /// What is shown instead of the values: derived ones, and hidden ones.
    shown: BTreeMap<String, String>,
}

impl Reader {
    pub(crate) fn new(layers: Layers) -> Self {
        let Layers { values, mistakes, warnings, .. } = layers;
        Self { values, mistakes, warnings, shown: BTreeMap::new() }
    }

    pub(crate) fn text<T>(
        &mut self,
        path: &str,
        parse: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Result<T, Refused> {
        let parsed = parse(self.value(path, Value::as_text)?);
        self.accept(path, parsed)
    }

    /// Like [`text`](Self::text) where an empty text says "none".
    pub(crate) fn optional_text<T>(
        &mut self,
        path: &str,
        parse: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Result<Option<T>, Refused> {
        self.text(path, |text| if text.is_empty() { Ok(None) } else { parse(text).map(Some) })
    }

    /// Reads one of a few words, each with what it stands for.
    pub(crate) fn word<T: Copy>(&mut self, path: &str, words: &[(&str, T)]) -> Result<T, Refused> {
        self.text(path, |text| {
            let known = words.iter().find(|(word, _)| *word == text);
            known
                .map(|(_, meaning)| *meaning)
                .ok_or_else(|| Wrong::not_one_of(text, words.iter().map(|(word, _)| *word)))
        })
    }

    pub(crate) fn boolean(&self, path: &str) -> Result<bool, Refused> {
        self.value(path, Value::as_boolean)
    }

    /// Reads a whole number; `range` must fit into `T`.
    pub(crate) fn integer<T: TryFrom<i64>>(
        &mut self,
        path: &str,
        range: RangeInclusive<i64>,
    ) -> Result<T, Refused> {
        let number = self.value(path, Value::as_integer)?;
        let parsed = match T::try_from(number) {
            Ok(parsed) if range.contains(&number) => Ok(parsed),
            _ => Err(Wrong::new(
                format!("{number} is out of range"),
                format!("write {} to {}", range.start(), range.end()),
            )),
        };
        self.accept(path, parsed)
    }

    /// Reads a list without doubles. The mistakes of all its items are collected.
    pub(crate) fn list<T>(
        &mut self,
        path: &str,
        parse: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Result<Vec<T>, Refused> {
        let items = self.value(path, Value::as_list)?;
        let mut parsed: Vec<Result<T, Wrong>> = items.iter().map(|item| parse(item)).collect();
        if (1..items.len()).any(|end| items[..end].contains(&items[end])) {
            // The item is not shown, since it may be a secret.
            parsed.push(Err(Wrong::new("an item stands there twice", "remove one")));
        }
        let mut accepted = Ok(Vec::new());
        for item in parsed {
            match (item, &mut accepted) {
                (Ok(item), Ok(items)) => items.push(item),
                (Ok(_), Err(Refused)) => {}
                (Err(wrong), _) => accepted = Err(self.refuse(path, wrong)),
            }
        }
        accepted
    }

    pub(crate) fn duration(
        &mut self,
        path: &str,
        range: RangeInclusive<Duration>,
    ) -> Result<Duration, Refused> {
        self.text(path, |text| {
            let parsed = duration::parse(text)?;
            if range.contains(&parsed) {
                return Ok(parsed);
            }
            let [start, end] = [range.start(), range.end()].map(|bound| duration::display(*bound));
            let problem = format!("{} is out of range", quoted(text));
            Err(Wrong::new(problem, format!("write {start} to {end}")))
        })
    }

    /// Whether nothing but `config/default.toml` sets the value.
    pub(crate) fn is_default(&self, path: &str) -> bool {
        self.values.get(path).is_some_and(|layered| layered.source == Source::Default)
    }

    /// Whether the value stands in the settings file.
    pub(crate) fn is_from_file(&self, path: &str) -> bool {
        matches!(self.source(path), Source::File { .. })
    }

    /// Notes a mistake at `path`; what is read from there afterwards is refused, too.
    pub(crate) fn refuse(&mut self, path: &str, wrong: Wrong) -> Refused {
        let source = self.source(path);
        self.mistakes.push(wrong.of(path, source.clone()));
        self.values.insert(path.to_owned(), Layered { value: None, source });
        Refused
    }

    pub(crate) fn warn(&mut self, path: &str, text: impl Into<String>) {
        let source = self.source(path);
        self.warnings.push(Warning { setting: path.to_owned(), source, text: text.into() });
    }

    /// Has `value` shown in place of what is written at `path`.
    pub(crate) fn show(&mut self, path: &str, value: &Value) {
        self.shown.insert(path.to_owned(), value.to_string());
    }

    /// The value at `path` as it is shown, and its source.
    pub(crate) fn shown(&self, path: &str) -> (String, Source) {
        let layered = self.layered(path);
        let as_written = || layered.value.as_ref().map(Value::to_string).unwrap_or_default();
        let value = self.shown.get(path).cloned().unwrap_or_else(as_written);
        (value, layered.source.clone())
    }

    pub(crate) fn into_findings(self) -> (Vec<Mistake>, Vec<Warning>) {
        (self.mistakes, self.warnings)
    }

    fn accept<T>(&mut self, path: &str, parsed: Result<T, Wrong>) -> Result<T, Refused> {
        parsed.map_err(|wrong| self.refuse(path, wrong))
    }

    /// The value at `path`, as the kind that its default has.
    fn value<'a, T>(
        &'a self,
        path: &str,
        as_kind: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<T, Refused> {
        let value = self.layered(path).value.as_ref().ok_or(Refused)?;
        Ok(as_kind(value)
            .expect("each setting is read as the kind that config/default.toml gives it"))
    }

    fn source(&self, path: &str) -> Source {
        self.layered(path).source.clone()
    }

    fn layered(&self, path: &str) -> &Layered {
        self.values.get(path).expect("every setting that is read is in config/default.toml")
    }
}
