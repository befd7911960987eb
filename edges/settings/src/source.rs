use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

/// Names the settings file where no flag does.
pub(crate) const CONFIG_NAME: &str = "DOORWARD_CONFIG";

/// What the settings are read from beside the embedded defaults. Given, so that tests set it.
#[derive(Clone, Default)]
pub struct Sources {
    /// The file that `--config` names; without it `DOORWARD_CONFIG` of `environment` counts.
    pub file: Option<PathBuf>,
    /// The environment: names that are no Unicode appear with replacement characters.
    pub environment: BTreeMap<String, OsString>,
}

impl Sources {
    /// The sources of this process; `config_flag` is what `--config` names.
    ///
    /// The one place of this crate that reads the real environment. As `OsString`, because an
    /// environment that is no Unicode must be a mistake, not a panic.
    pub fn from_process(config_flag: Option<PathBuf>) -> Self {
        let environment = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value))
            .collect();
        Self { file: config_flag, environment }
    }

    /// The settings file, if one is named. An empty `DOORWARD_CONFIG` names none.
    pub(crate) fn file(&self) -> Option<&Path> {
        let named = self.environment.get(CONFIG_NAME).filter(|path| !path.is_empty());
        self.file.as_deref().or_else(|| named.map(Path::new))
    }
}

/// The environment may hold secrets, so only the names are shown.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("file", &self.file)
            .field("environment", &self.environment.keys())
            .finish()
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `config/default.toml`, or derived from other settings where that says "none".
    Default,
    /// The settings file.
    File {
        /// As it was named.
        path: PathBuf,
        /// Counted from 1; absent for the file as a whole.
        line: Option<usize>,
    },
    /// Our own name in the environment.
    Environment(String),
    /// A borrowed name in the environment, such as `DATABASE_URL`.
    Implied(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line: None } => write!(f, "file {}", path.display()),
            Self::File { path, line: Some(line) } => {
                write!(f, "file {}, line {line}", path.display())
            }
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Implied(name) => write!(f, "implied by {name}"),
        }
    }
}
