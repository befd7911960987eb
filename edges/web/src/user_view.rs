use domain::{Account, Permission, RoleName, foremost};
use schemars::JsonSchema;
use serde::Serialize;
use service::rfc3339;

/// A user, as the API shows one.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "User")]
pub(crate) struct UserView {
    /// Names the user for ever.
    id: String,
    /// As the person typed it.
    email: String,
    /// Whether a message to the address was answered.
    email_verified: bool,
    /// In lower case, if there is one.
    username: Option<String>,
    /// What to call the person.
    name: Option<String>,
    /// The foremost role.
    role: Option<String>,
    /// All roles.
    roles: Vec<String>,
    /// What the roles allow.
    permissions: Vec<String>,
    /// Whether sign-ins ask for a second factor.
    mfa_enabled: bool,
    /// How many backup codes were not used yet, where there is a second factor.
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_codes_left: Option<usize>,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339; null before the first sign-in.
    last_login_at: Option<String>,
}

impl UserView {
    pub(crate) fn new(account: &Account, role_order: &[RoleName]) -> Self {
        let user = &account.user;
        let text = |role: &RoleName| role.as_str().to_owned();
        Self {
            id: user.id.as_str().to_owned(),
            email: user.email.as_typed().to_owned(),
            email_verified: user.is_email_verified,
            username: user.username.as_ref().map(|name| name.as_str().to_owned()),
            name: user.name.as_ref().map(|name| name.as_str().to_owned()),
            role: foremost(&user.roles, role_order).map(text),
            roles: user.roles.iter().map(text).collect(),
            permissions: account.permissions.iter().map(permission_text).collect(),
            mfa_enabled: user.second_factor().is_some(),
            backup_codes_left: user.second_factor().map(|factor| factor.backup_codes.len()),
            created_at: rfc3339(user.created_at),
            last_login_at: user.last_login_at.map(rfc3339),
        }
    }
}

fn permission_text(permission: &Permission) -> String {
    permission.as_str().to_owned()
}
