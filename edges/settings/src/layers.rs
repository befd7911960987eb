use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

use toml::de::DeTable;

use crate::catalogue::{Catalogue, KnownSetting};
use crate::file::{self, Entry};
use crate::mistake::{Mistake, Warning, Wrong};
use crate::nearest::nearest;
use crate::service_links::is_service_link;
use crate::source::{CONFIG_NAME, Source, Sources};
use crate::value::Value;

/// A value and where it comes from.
pub(crate) struct Layered {
    /// `None` once it was refused: the mistake is on the list, and nothing should follow from it.
    pub(crate) value: Option<Value>,
    pub(crate) source: Source,
}

/// The values of all settings, each from the uppermost layer that sets it.
pub(crate) struct Layers {
    pub(crate) values: BTreeMap<String, Layered>,
    pub(crate) mistakes: Vec<Mistake>,
    pub(crate) warnings: Vec<Warning>,
    /// Whether the settings file could not be read, so that values may be missing.
    pub(crate) is_file_lost: bool,
}

impl Layers {
    /// Lays the file over the defaults, and the environment over both.
    pub(crate) fn read(catalogue: &Catalogue, sources: &Sources) -> Self {
        let defaults = catalogue.settings.iter().map(|setting| {
            let value = Some(setting.default.clone());
            (setting.path.clone(), Layered { value, source: Source::Default })
        });
        let mut layers = Self {
            values: defaults.collect(),
            mistakes: Vec::new(),
            warnings: Vec::new(),
            is_file_lost: false,
        };
        if let Some(path) = sources.file() {
            layers.add_file(catalogue, path);
        }
        for (name, value) in &sources.environment {
            if let Some(rest) = name.strip_prefix("DOORWARD_")
                && name != CONFIG_NAME
                && !is_service_link(rest, &value.to_string_lossy())
            {
                layers.add_variable(catalogue, name, value);
            }
        }
        layers
    }

    pub(crate) fn put(&mut self, path: &str, value: Value, source: Source) {
        self.values.insert(path.to_owned(), Layered { value: Some(value), source });
    }

    /// Notes that the value from `source` cannot be used.
    pub(crate) fn refuse(&mut self, path: &str, source: Source, wrong: Wrong) {
        self.mistakes.push(wrong.of(path, source.clone()));
        self.values.insert(path.to_owned(), Layered { value: None, source });
    }

    fn add_file(&mut self, catalogue: &Catalogue, path: &Path) {
        let source = |line| Source::File { path: path.to_owned(), line };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                self.is_file_lost = true;
                let wrong = Wrong::new(
                    format!("cannot be read ({error})"),
                    "name a readable TOML file with --config or DOORWARD_CONFIG",
                );
                self.mistakes.push(wrong.of("the settings file", source(None)));
                return;
            }
        };
        let (table, mut errors) = DeTable::parse_recoverable(&text);
        errors.sort_by_key(|error| error.span().map(|span| span.start));
        for error in &errors {
            // Only the message: the error as a whole quotes the line, which may hold a secret.
            let wrong =
                Wrong::new(format!("is not TOML ({})", error.message()), "see https://toml.io");
            let line = error.span().map(|span| file::line_at(&text, span.start));
            self.mistakes.push(wrong.of("the settings file", source(line)));
        }
        self.is_file_lost = !errors.is_empty();
        if self.is_file_lost {
            return;
        }
        for entry in file::entries(table.get_ref(), &text) {
            self.add_entry(catalogue, &entry, source(Some(entry.line)));
        }
    }

    fn add_entry(&mut self, catalogue: &Catalogue, entry: &Entry<'_>, source: Source) {
        let Some(known) = catalogue.find(&entry.path) else {
            if catalogue.has_section(&entry.path) {
                if !entry.value.is_table() {
                    let right = format!("write [{0}] and its settings below", entry.path);
                    let wrong = Wrong::new("is a section, not a setting", right);
                    self.mistakes.push(wrong.of(&entry.path, source));
                }
            } else {
                let paths = catalogue.settings.iter().map(|known| known.path.as_str());
                self.mistakes.push(unknown(&entry.path, paths).of(&entry.path, source));
            }
            return;
        };
        match Value::of_toml(entry.value) {
            Some(value) if value.is_same_kind(&known.default) => {
                self.put(&known.path, value, source);
            }
            _ => {
                let problem = match entry.value.type_str() {
                    "array" if known.default.is_same_kind(&Value::List(Vec::new())) => {
                        "holds other things than texts".to_owned()
                    }
                    kind => format!("has the wrong type ({kind})"),
                };
                self.refuse(&known.path, source, Wrong::new(problem, known.default.right()));
            }
        }
    }

    fn add_variable(&mut self, catalogue: &Catalogue, name: &str, value: &OsStr) {
        let source = Source::Environment(name.to_owned());
        let Some(known) = catalogue.settings.iter().find(|known| known.environment_name() == name)
        else {
            let names: Vec<String> =
                catalogue.settings.iter().map(KnownSetting::environment_name).collect();
            let known = names.iter().map(String::as_str).chain([CONFIG_NAME]);
            self.mistakes.push(unknown(name, known).of(name, source));
            return;
        };
        match text_of(value).and_then(|text| known.default.same_kind_of_text(text)) {
            Ok(value) => self.put(&known.path, value, source),
            Err(wrong) => self.refuse(&known.path, source, wrong),
        }
    }
}

/// A value of the environment as text.
pub(crate) fn text_of(value: &OsStr) -> Result<&str, Wrong> {
    value.to_str().ok_or_else(|| Wrong::new("is not valid Unicode", "write it in UTF-8"))
}

fn unknown<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Wrong {
    let right = match nearest(name, known) {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => "remove it; config/default.toml lists all settings".to_owned(),
    };
    Wrong::new("there is no such setting", right)
}
