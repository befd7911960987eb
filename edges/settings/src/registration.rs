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
    /// Whether they prove that the address is theirs.
    pub verify_email: VerifyEmail,
    /// Whether the answer says that an address is taken. If not, `verify_email` is
    /// [`VerifyEmail::Required`].
    pub is_existing_revealed: bool,
}

/// Whether those who sign up prove that the address is theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyEmail {
    /// Nobody is asked to.
    Off,
    /// A mail is sent; signing in works before.
    Optional,
    /// A mail is sent; signing in works only after.
    Required,
}

const VERIFY_EMAIL: [(&str, VerifyEmail); 3] = [
    ("off", VerifyEmail::Off),
    ("optional", VerifyEmail::Optional),
    ("required", VerifyEmail::Required),
];

pub(crate) fn read(reader: &mut Reader) -> Result<RegistrationSettings, Refused> {
    let is_enabled = reader.boolean("registration.enabled");
    let default_roles = reader.list("registration.default_roles", parse_role);
    let verify_email = reader.word("registration.verify_email", &VERIFY_EMAIL);
    let is_existing_revealed = reader.boolean("registration.reveal_existing");
    // Else whoever registers a free address is signed in at once, and so learns that it was free.
    if let (Ok(VerifyEmail::Off | VerifyEmail::Optional), Ok(false)) =
        (verify_email, is_existing_revealed)
    {
        let problem = "is false, which works only if registration.verify_email is required";
        let right = "set registration.verify_email = \"required\", or write true";
        reader.refuse("registration.reveal_existing", Wrong::new(problem, right));
    }
    Ok(RegistrationSettings {
        is_enabled: is_enabled?,
        default_roles: default_roles?,
        verify_email: verify_email?,
        is_existing_revealed: is_existing_revealed?,
    })
}

pub(crate) fn parse_role(text: &str) -> Result<RoleName, Wrong> {
    RoleName::parse(text).map_err(|error| {
        let problem = format!("{} is not a role name", quoted(text));
        Wrong::new(problem, format!("a role name {error}"))
    })
}
