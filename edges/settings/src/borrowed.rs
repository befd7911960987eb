//! Names that deployments already use, such as `DATABASE_URL`, and what they imply.

use crate::layers::{Layers, text_of};
use crate::mistake::{Warning, Wrong};
use crate::source::{Source, Sources};
use crate::value::Value;

/// Each holds the same secret: which of them a deployment sets depends on the stack it comes from.
const JWT_SECRET_NAMES: [&str; 3] = ["JWT_SECRET", "JWT_SECRET_KEY", "JWT_ACCESS_SECRET"];

/// Names that ask for a backend which this version does not have, with the setting that they imply.
/// To pass over them in silence would start a service that keeps its records somewhere else.
const MISSING_BACKENDS: [(&str, &str, &str); 6] = [
    ("MONGODB_URI", "storage.url", "MongoDB"),
    ("DOCUMENTDB_CREDENTIALS", "storage.url", "DocumentDB"),
    ("USERS_TABLE_NAME", "storage.url", "DynamoDB"),
    ("REDIS_URL", "ephemeral.url", "Redis"),
    ("COGNITO_USER_POOL_ID", "identity.backend", "Cognito"),
    ("COGNITO_CLIENT_ID", "identity.backend", "Cognito"),
];

/// Lays what borrowed names imply where our own names set nothing.
pub(crate) fn apply(layers: &mut Layers, sources: &Sources) {
    let mut borrowed = Borrowed { layers, sources };
    // First, while it can still be seen that our own names set nothing.
    borrowed.refuse_missing_backends();
    borrowed.imply_text("storage.url", "DATABASE_URL", str::to_owned);
    borrowed.imply_text("environment", "ENVIRONMENT", environment_of);
    borrowed.imply_text("log.level", "LOG_LEVEL", log_level_of);
    borrowed.imply_shared_secret();
}

struct Borrowed<'a> {
    layers: &'a mut Layers,
    sources: &'a Sources,
}

impl Borrowed<'_> {
    fn refuse_missing_backends(&mut self) {
        let asked: Vec<_> = MISSING_BACKENDS
            .into_iter()
            .filter(|(name, path, _)| self.is_present(name) && !self.is_own(path))
            .collect();
        for (name, path, backend) in asked {
            let right = match path {
                "storage.url" => format!("unset {name}, or set storage.url to a sqlite:// URL"),
                _ => format!("unset {name}"),
            };
            let wrong = Wrong::new(format!("this version has no {backend} backend"), right);
            let source = Source::Implied(name.to_owned());
            if self.layers.values.contains_key(path) {
                self.layers.refuse(path, source, wrong);
            } else {
                self.layers.mistakes.push(wrong.of(path, source));
            }
        }
    }

    /// Lays the text of the variable `name`, in our words, under `path`.
    fn imply_text(&mut self, path: &str, name: &str, in_our_words: fn(&str) -> String) {
        if !self.is_present(name) || !self.is_free(path) {
            return;
        }
        let source = Source::Implied(name.to_owned());
        match self.text(name) {
            Ok(text) => {
                let value = Value::Text(in_our_words(text));
                self.layers.put(path, value, source);
            }
            Err(wrong) => self.layers.refuse(path, source, wrong),
        }
    }

    fn imply_shared_secret(&mut self) {
        let present: Vec<&str> =
            JWT_SECRET_NAMES.into_iter().filter(|name| self.is_present(name)).collect();
        let Some(name) = present.first().copied() else { return };
        if let Some(algorithm) = self.other_algorithm() {
            for name in present {
                self.warn(name, format!("not used, because keys.algorithm is set to {algorithm}"));
            }
            return;
        }
        if self.is_free("keys.shared_secret") {
            match self.agreed(&present) {
                Ok(()) => {
                    let reference = Value::List(vec![format!("env:{name}")]);
                    self.layers.put("keys.shared_secret", reference, implied_by(name));
                }
                Err((name, wrong)) => {
                    self.layers.refuse("keys.shared_secret", implied_by(name), wrong);
                }
            }
        }
        if self.is_free("keys.algorithm") {
            let algorithm = Value::Text("HS256".to_owned());
            self.layers.put("keys.algorithm", algorithm, implied_by(name));
            let text = "access tokens are signed with HS256, so every service that verifies them \
                        can also make them; prefer keys.algorithm RS256";
            self.warn(name, text.to_owned());
        }
    }

    /// Our own name's choice of an algorithm, if it is not the one that the borrowed names imply.
    fn other_algorithm(&self) -> Option<String> {
        let value = self.layers.values.get("keys.algorithm")?.value.as_ref()?;
        match value {
            Value::Text(text) if self.is_own("keys.algorithm") && text != "HS256" => {
                Some(text.clone())
            }
            _ => None,
        }
    }

    /// Whether all variables hold the same text; else names the first that differs.
    fn agreed<'n>(&self, names: &[&'n str]) -> Result<(), (&'n str, Wrong)> {
        let mut first = None;
        for name in names {
            let text = self.text(name).map_err(|wrong| (*name, wrong))?;
            let (first_name, first_text) = *first.get_or_insert((*name, text));
            if text != first_text {
                let wrong = Wrong::new(
                    format!("{first_name} and {name} disagree"),
                    "unset one of them, or set keys.shared_secret",
                );
                return Err((name, wrong));
            }
        }
        Ok(())
    }

    /// Whether the variable is set. An empty one is not: composed environments pass names on that
    /// way.
    fn is_present(&self, name: &str) -> bool {
        self.sources.environment.get(name).is_some_and(|value| !value.is_empty())
    }

    /// The variable's text, empty if it is not set.
    fn text(&self, name: &str) -> Result<&str, Wrong> {
        self.sources.environment.get(name).map_or(Ok(""), |value| text_of(value))
    }

    /// Whether our own name sets the value, rightly or wrongly. One that says "none" sets nothing.
    fn is_own(&self, path: &str) -> bool {
        self.layers.values.get(path).is_some_and(|layered| {
            matches!(layered.source, Source::File { .. } | Source::Environment(_))
                && !layered.value.as_ref().is_some_and(Value::is_none)
        })
    }

    /// Whether neither our own name nor a refused borrowed one stands there.
    fn is_free(&self, path: &str) -> bool {
        let is_refused =
            self.layers.values.get(path).is_some_and(|layered| layered.value.is_none());
        !is_refused && !self.is_own(path)
    }

    fn warn(&mut self, name: &str, text: String) {
        let setting = "keys.algorithm".to_owned();
        self.layers.warnings.push(Warning { setting, source: implied_by(name), text });
    }
}

fn implied_by(name: &str) -> Source {
    Source::Implied(name.to_owned())
}

fn environment_of(text: &str) -> String {
    let text = text.to_ascii_lowercase();
    match text.as_str() {
        "dev" => "development".to_owned(),
        "stage" => "staging".to_owned(),
        "prod" => "production".to_owned(),
        _ => text,
    }
}

fn log_level_of(text: &str) -> String {
    let text = text.to_ascii_lowercase();
    // Python's name for it, which its deployments set.
    if text == "warning" { "warn".to_owned() } else { text }
}
