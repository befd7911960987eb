use domain::RoleName;

use crate::mistake::{Wrong, quoted};
use crate::reader::{Reader, Refused};

/// Whether people may sign themselves up, and what they then are.
#[derive(Clone, Debug)]
pub struct RegistrationSettings {
    /// Whether they may.
    pub is_enabled: bool,
    /// The roles of those who do; perhaps none.
    pub default_roles: Vec<RoleName>,
}

pub(crate) fn read(reader: &mut Reader) -> Result<RegistrationSettings, Refused> {
    let is_enabled = reader.boolean("registration.enabled");
    let default_roles = reader.list("registration.default_roles", parse_role);
    Ok(RegistrationSettings { is_enabled: is_enabled?, default_roles: default_roles? })
}

pub(crate) fn parse_role(text: &str) -> Result<RoleName, Wrong> {
    RoleName::parse(text).map_err(|error| {
        let problem = format!("{} is not a role name", quoted(text));
        Wrong::new(problem, format!("a role name {error}"))
    })
}
