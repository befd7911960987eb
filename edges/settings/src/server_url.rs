use std::fmt;

use secrecy::SecretString;

use crate::Environment;
use crate::mistake::Wrong;
use crate::reader::{Reader, Refused};
use crate::secret_input::SecretInput;
use crate::url_parts::UrlParts;
use crate::value::Value;

/// Where a server listens, for the client library that connects to it. It may hold a password,
/// which is hidden when the URL is shown.
#[derive(Clone)]
pub struct ServerUrl {
    text: SecretString,
    shown: String,
    has_user: bool,
    has_password: bool,
}

impl ServerUrl {
    pub(crate) fn new(text: &str, parts: &UrlParts<'_>) -> Self {
        Self {
            text: SecretString::from(text),
            shown: parts.to_string(),
            has_user: parts.has_user(),
            has_password: parts.has_password(),
        }
    }

    /// The whole URL as it was written.
    pub const fn as_secret(&self) -> &SecretString {
        &self.text
    }
}

/// Without a password and without the values of parameters that may be secret.
impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// As it is shown.
impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerUrl({})", self.shown)
    }
}

/// A URL that is right in itself, before it is known what the deployment is for.
pub(crate) struct ServerInput {
    pub(crate) url: ServerUrl,
    /// Whether others could read what is sent.
    pub(crate) is_exposed: bool,
    /// What would keep others from it.
    pub(crate) unexposed: &'static str,
    /// What is not heeded.
    pub(crate) warnings: Vec<String>,
}

/// The settings that name one server and what it knows us by.
pub(crate) struct ServerPaths {
    pub(crate) url: &'static str,
    pub(crate) credentials: &'static str,
}

impl ServerInput {
    /// Says what is to be said about the URL, and refuses what only development allows.
    pub(crate) fn accept(
        self,
        reader: &mut Reader,
        paths: &ServerPaths,
        environment: Result<Environment, Refused>,
    ) -> Result<ServerUrl, Refused> {
        reader.show(paths.url, &Value::Text(self.url.to_string()));
        for warning in self.warnings {
            reader.warn(paths.url, warning);
        }
        let mut accepted = Ok(());
        if let Ok(environment) = environment
            && !environment.is_development()
        {
            if self.is_exposed {
                let problem = format!(
                    "may send everything in clear to another machine, which {environment} refuses"
                );
                accepted = Err(reader.refuse(paths.url, Wrong::new(problem, self.unexposed)));
            }
            // The environment is where deployments have it already, and where secrets may be.
            if self.url.has_password && reader.is_from_file(paths.url) {
                let problem = format!("holds a password in a file, which {environment} refuses");
                let right = format!(
                    "name it with {}, or set the URL in the environment",
                    paths.credentials
                );
                accepted = Err(reader.refuse(paths.url, Wrong::new(problem, right)));
            }
        }
        accepted.map(|()| self.url)
    }
}

/// Says that credentials which are named win over those in the URL.
pub(crate) fn warn_of_two_users(
    reader: &mut Reader,
    paths: &ServerPaths,
    url: &ServerUrl,
    credentials: Option<&SecretInput>,
) {
    if credentials.is_some() && (url.has_user || url.has_password) {
        let text = format!("its user and password are not used: {} is set", paths.credentials);
        reader.warn(paths.url, text);
    }
}
