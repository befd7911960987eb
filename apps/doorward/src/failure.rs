use std::error::Error;
use std::process::ExitCode;

use contracts::BoxError;
use settings::Mistakes;

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The settings are wrong: exit code 2.
    #[error("{0}")]
    Settings(#[from] Mistakes),
    /// A secret that the settings name is missing or cannot be used: exit code 2.
    #[error("{what}")]
    Secret {
        what: String,
        #[source]
        source: BoxError,
    },
    /// What the caller asked for makes no sense: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// It was refused, for the reason given: exit code 1.
    #[error("{0}")]
    Refused(String),
    /// It failed: exit code 1.
    #[error("{what}")]
    Failed {
        what: String,
        #[source]
        source: BoxError,
    },
}

impl Failure {
    /// Says what could not be done, and keeps why.
    pub(crate) fn of<E: Into<BoxError>>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        move |source| Self::Failed { what: what.into(), source: source.into() }
    }

    /// Says which secret of the settings cannot be used, and keeps why.
    pub(crate) fn of_secret<E: Into<BoxError>>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        move |source| Self::Secret { what: what.into(), source: source.into() }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Settings(_) | Self::Secret { .. } | Self::Usage(_) => ExitCode::from(2),
            Self::Refused(_) | Self::Failed { .. } => ExitCode::from(1),
        }
    }

    /// What happened and all that led to it, a line each.
    pub(crate) fn report(&self) -> String {
        let mut report = self.to_string();
        let mut next = self.source();
        while let Some(source) = next {
            report.push_str("\n  because ");
            report.push_str(&source.to_string());
            next = source.source();
        }
        report
    }

    /// What happened and all that led to it.
    pub(crate) fn on_one_line(&self) -> String {
        contracts::chain(self)
    }
}
