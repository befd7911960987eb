use std::fmt;

use crate::mistake::Wrong;
use crate::reader::{Reader, Refused};
use crate::server::Addresses;
use crate::value::Value;

/// What a deployment is for. All but development refuse what is only convenient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// A developer's machine.
    Development,
    /// Like production, for trying out.
    Staging,
    /// For people.
    Production,
}

const WORDS: [(&str, Environment); 3] = [
    ("development", Environment::Development),
    ("staging", Environment::Staging),
    ("production", Environment::Production),
];

impl Environment {
    /// Whether conveniences are allowed that others could abuse.
    pub const fn is_development(self) -> bool {
        matches!(self, Self::Development)
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Development => "development",
            Self::Staging => "staging",
            Self::Production => "production",
        })
    }
}

/// Reads `environment`; where it is none, whoever can reach the service decides.
pub(crate) fn read(reader: &mut Reader, addresses: &Addresses) -> Result<Environment, Refused> {
    let chosen = reader.optional_text("environment", |text| {
        let known = WORDS.iter().find(|(word, _)| *word == text);
        known
            .map(|(_, environment)| *environment)
            .ok_or_else(|| Wrong::not_one_of(text, WORDS.iter().map(|(word, _)| *word)))
    })?;
    if let Some(environment) = chosen {
        return Ok(environment);
    }
    if let Some(exposed) = addresses.exposed() {
        let wrong = Wrong::new(
            format!("must be set, because {exposed} is not a loopback address"),
            "write development, staging or production",
        );
        return Err(reader.refuse("environment", wrong));
    }
    addresses.are_known()?;
    let environment = Environment::Development;
    reader.show("environment", &Value::Text(environment.to_string()));
    Ok(environment)
}
