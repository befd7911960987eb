use toml::de::DeTable;

use crate::file;
use crate::value::Value;

/// The one place for defaults, and the documentation of the settings.
const DEFAULTS: &str = include_str!("../../../config/default.toml");

/// A setting that exists.
pub(crate) struct KnownSetting {
    /// Its path, such as `server.listen`.
    pub(crate) path: String,
    /// Its default, whose kind is the kind of all its values.
    pub(crate) default: Value,
    /// The comment above it, on one line.
    pub(crate) meaning: String,
}

impl KnownSetting {
    /// Its name in the environment, such as `DOORWARD_SERVER__LISTEN`.
    pub(crate) fn environment_name(&self) -> String {
        format!("DOORWARD_{}", self.path.replace('.', "__").to_ascii_uppercase())
    }
}

/// All settings that exist, in the order of `config/default.toml`.
pub(crate) struct Catalogue {
    pub(crate) settings: Vec<KnownSetting>,
}

impl Catalogue {
    /// Reads the embedded `config/default.toml`, which tests hold to be right.
    pub(crate) fn embedded() -> Self {
        let table = DeTable::parse(DEFAULTS).expect("config/default.toml is TOML: a test reads it");
        let settings = file::entries(table.get_ref(), DEFAULTS).into_iter().map(|entry| {
            let default = Value::of_toml(entry.value)
                .expect("config/default.toml holds kinds that settings have: a test reads it");
            KnownSetting { path: entry.path, default, meaning: comment_above(entry.line) }
        });
        Self { settings: settings.collect() }
    }

    pub(crate) fn find(&self, path: &str) -> Option<&KnownSetting> {
        self.settings.iter().find(|setting| setting.path == path)
    }

    /// Whether `path` names a section, and so cannot hold a value.
    pub(crate) fn has_section(&self, path: &str) -> bool {
        self.settings.iter().any(|setting| {
            setting.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
        })
    }
}

/// The comment that ends above the given line (counted from 1) of the defaults.
fn comment_above(line: usize) -> String {
    let above: Vec<&str> = DEFAULTS.lines().take(line - 1).collect();
    let mut comment: Vec<&str> =
        above.iter().rev().map_while(|line| line.strip_prefix('#')).map(str::trim).collect();
    comment.reverse();
    comment.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_a_meaning_that_is_a_sentence() {
        for setting in Catalogue::embedded().settings {
            assert!(setting.meaning.ends_with('.'), "{}: {:?}", setting.path, setting.meaning);
        }
    }

    #[test]
    fn the_environment_name_is_the_path_in_capitals_with_two_underscores_between_sections() {
        let catalogue = Catalogue::embedded();
        let name = |path| catalogue.find(path).map(KnownSetting::environment_name);
        assert_eq!(name("data_key").as_deref(), Some("DOORWARD_DATA_KEY"));
        assert_eq!(name("server.base_path").as_deref(), Some("DOORWARD_SERVER__BASE_PATH"));
    }
}
