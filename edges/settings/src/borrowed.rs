//! Names that deployments already use, such as `DATABASE_URL`, and what they imply.

use crate::layers::{Layered, Layers, text_of};
use crate::mistake::{Warning, Wrong};
use crate::source::{Source, Sources};
use crate::value::Value;

/// Each holds the same secret: which of them a deployment sets depends on the stack it comes from.
const JWT_SECRET_NAMES: [&str; 3] = ["JWT_SECRET", "JWT_SECRET_KEY", "JWT_ACCESS_SECRET"];

/// Where the records are kept, each with what turns its text into `storage.url`.
const STORAGE_NAMES: [(&str, InOurWords); 3] = [
    ("DATABASE_URL", str::to_owned),
    ("MONGODB_URI", str::to_owned),
    ("USERS_TABLE_NAME", |table| format!("dynamodb://{table}")),
];

/// Holds a JSON object with `username` and `password`, among others.
const DOCUMENTDB_CREDENTIALS: &str = "DOCUMENTDB_CREDENTIALS";

/// Names that ask for a backend which this version does not have, with the setting that they imply.
/// To pass over them in silence would start a service that keeps its records somewhere else.
const MISSING_BACKENDS: [(&str, &str, &str); 2] = [
    ("COGNITO_USER_POOL_ID", "identity.backend", "Cognito"),
    ("COGNITO_CLIENT_ID", "identity.backend", "Cognito"),
];

type InOurWords = fn(&str) -> String;

/// Lays what borrowed names imply where our own names set nothing.
pub(crate) fn apply(layers: &mut Layers, sources: &Sources) {
    let mut borrowed = Borrowed { layers, sources };
    borrowed.refuse_missing_backends();
    borrowed.imply_text("storage.url", &STORAGE_NAMES);
    borrowed.imply_documentdb_credentials();
    borrowed.imply_text("ephemeral.url", &[("REDIS_URL", str::to_owned)]);
    borrowed.imply_text("environment", &[("ENVIRONMENT", environment_of)]);
    borrowed.imply_text("log.level", &[("LOG_LEVEL", log_level_of)]);
    borrowed.imply_shared_secret();
}

struct Borrowed<'a> {
    layers: &'a mut Layers,
    sources: &'a Sources,
}

impl Borrowed<'_> {
    fn refuse_missing_backends(&mut self) {
        for (name, path, backend) in MISSING_BACKENDS {
            if self.is_present(name) {
                let problem = format!("this version has no {backend} backend");
                let wrong = Wrong::new(problem, format!("unset {name}"));
                self.layers.mistakes.push(wrong.of(path, implied_by(name)));
            }
        }
    }

    /// Lays the text of the variables `names`, in our words, under `path`.
    fn imply_text(&mut self, path: &str, names: &[(&'static str, InOurWords)]) {
        let present: Vec<_> =
            names.iter().copied().filter(|(name, _)| self.is_present(name)).collect();
        let Some((name, _)) = present.first().copied() else { return };
        if !self.is_free(path) {
            return;
        }
        match self.agreed(path, &present) {
            Ok(text) => self.layers.put(path, Value::Text(text), implied_by(name)),
            Err((name, wrong)) => self.layers.refuse(path, implied_by(name), wrong),
        }
    }

    /// Lays a reference to the credentials of a cluster, once it is known which store is chosen: no
    /// other server may see them.
    fn imply_documentdb_credentials(&mut self) {
        const PATH: &str = "storage.credentials";
        let name = DOCUMENTDB_CREDENTIALS;
        if !self.is_present(name) || !self.is_free(PATH) {
            return;
        }
        let Some(Layered { value: Some(Value::Text(url)), source }) =
            self.layers.values.get("storage.url")
        else {
            return;
        };
        if url.starts_with("mongodb:") {
            self.layers.put(PATH, Value::Text(format!("env:{name}")), implied_by(name));
        } else if *source == Source::Default {
            let right = format!(
                "set MONGODB_URI or storage.url to mongodb://HOST:27017/?tls=true, or unset {name}"
            );
            let wrong = Wrong::new("is for a DocumentDB cluster, but none is named", right);
            self.layers.refuse(PATH, implied_by(name), wrong);
        } else {
            let text = "not used: storage.url names no DocumentDB cluster".to_owned();
            self.warn(PATH, name, text);
        }
    }

    fn imply_shared_secret(&mut self) {
        const ALGORITHM: &str = "keys.algorithm";
        let names = JWT_SECRET_NAMES.map(|name| (name, str::to_owned as InOurWords));
        let present: Vec<_> = names.into_iter().filter(|(name, _)| self.is_present(name)).collect();
        let Some((name, _)) = present.first().copied() else { return };
        if let Some(algorithm) = self.other_algorithm() {
            for (name, _) in present {
                self.warn(
                    ALGORITHM,
                    name,
                    format!("not used, because keys.algorithm is set to {algorithm}"),
                );
            }
            return;
        }
        if self.is_free("keys.shared_secret") {
            match self.agreed("keys.shared_secret", &present) {
                Ok(_) => {
                    let reference = Value::List(vec![format!("env:{name}")]);
                    self.layers.put("keys.shared_secret", reference, implied_by(name));
                }
                Err((name, wrong)) => {
                    self.layers.refuse("keys.shared_secret", implied_by(name), wrong);
                }
            }
        }
        if self.is_free(ALGORITHM) {
            let algorithm = Value::Text("HS256".to_owned());
            self.layers.put(ALGORITHM, algorithm, implied_by(name));
            let text = "access tokens are signed with HS256, so every service that verifies them \
                        can also make them; prefer keys.algorithm RS256";
            self.warn(ALGORITHM, name, text.to_owned());
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

    /// The text that all variables hold, in our words; else the first that differs.
    fn agreed(
        &self,
        path: &str,
        names: &[(&'static str, InOurWords)],
    ) -> Result<String, (&'static str, Wrong)> {
        let mut first: Option<(&str, String)> = None;
        for (name, in_our_words) in names {
            let text = in_our_words(self.text(name).map_err(|wrong| (*name, wrong))?);
            let (first_name, first_text) = first.get_or_insert_with(|| (name, text.clone()));
            if text != *first_text {
                let wrong = Wrong::new(
                    format!("{first_name} and {name} disagree"),
                    format!("unset one of them, or set {path}"),
                );
                return Err((name, wrong));
            }
        }
        Ok(first.map(|(_, text)| text).unwrap_or_default())
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

    fn warn(&mut self, path: &str, name: &str, text: String) {
        let setting = path.to_owned();
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
